"""From the content tree of a structured report to its measurement groups, whatever template it follows.

Made for TID 1500 (Measurement Report) with its groups by TID 1410, 1411 and 1501, and as good for older reports and
those of other tools: a number or coded statement belongs to the container that it stands in, and inherits what is said
above it of observer, site, method and time point (PS3.16 TID 1500, 1419, 1501, 1502, 300, 310, 4019; PS3.3 C.17.3).

An image library (TID 1600) says what images there are; its numbers are of those, and are no measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ingest.dicom.concepts import words_of
from ingest.dicom.header import Elements
from ingest.sr.concepts import Role, role_of
from ingest.sr.context import algorithm_of, codes_of, observers_of, sites_of, text_of, time_points_of
from ingest.sr.model import (
    Group,
    Item,
    Number,
    Reference,
    Report,
    Shape,
    Software,
    Statement,
)

__all__ = ["NO_LESION", "is_segment", "read_report"]

EVIDENCE: Final = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")

NOTHING: Final = frozenset({"none", "not available", "unknown", "unspecified"})
"""How writers fill in what they do not know."""

NO_LESION: Final = "no"
"""What reports that are written here say of what is no lesion, such as an organ."""

OBSERVED: Final = frozenset({"CONTAINS", "HAS PROPERTIES", "INFERRED FROM"})
"""The relationships by which a coded item says what was seen; by the others it says of what, by whom and how."""

SETTING: Final = frozenset({"HAS ACQ CONTEXT", "HAS OBS CONTEXT"})
"""The relationships by which an item says how images were made, who observed, and who the patient is."""

SEGMENTATIONS: Final = "1.2.840.10008.5.1.4.1.1.66."
"""Segmentation Storage and its like (PS3.4 B.5)."""

CONTEXT: Final = frozenset(
    {
        Role.ACTIVITY_SESSION,
        Role.ALGORITHM_NAME,
        Role.ALGORITHM_VERSION,
        Role.CERTAINTY,
        Role.DERIVATION,
        Role.LATERALITY,
        Role.LESION,
        Role.METHOD,
        Role.OBSERVER_ROLE,
        Role.OBSERVER_TYPE,
        Role.PROCEDURE_REPORTED,
        Role.RECORD,
        Role.SITE,
        Role.SOURCE_DOCUMENT,
        Role.TIME_POINT,
        Role.TIME_POINT_ORDER,
        Role.TIME_POINT_TYPE,
        Role.TOPOGRAPHICAL_MODIFIER,
        Role.VISIT,
    }
)
"""What is said about the observations beside it."""

FINDINGS: Final = frozenset({Role.COMPOSITE_FEATURE, Role.FINDING, Role.FINDING_CATEGORY, Role.SINGLE_IMAGE_FINDING})
DETECTED: Final = frozenset({Role.COMPOSITE_FEATURE, Role.SINGLE_IMAGE_FINDING})
"""Findings that stand for a thing of their own (TID 4003, 4006, 4104)."""

TRACKING: Final = frozenset({Role.TRACKING_IDENTIFIER, Role.TRACKING_UID})


def read_report(header: Elements, root: Item) -> Report:
    """What a report says, by its header and content tree."""
    gathered = _Gathered(root)
    gathered.section(root, Group(place=root.place, observed=root.observed), statement=None)
    instances = dict(gathered.instances)
    for study, series, instance in _evidence(header):
        instances[instance] = study, series
    dates = {study: date for study, date in gathered.dates.items() if study}
    if header.text("StudyDate"):
        dates.setdefault(header.text("StudyInstanceUID"), header.text("StudyDate"))
    return Report(
        uid=header.text("SOPInstanceUID"),
        subject=header.text("PatientID"),
        study=header.text("StudyInstanceUID"),
        series=header.text("SeriesInstanceUID"),
        title=root.name,
        date=root.observed or header.text("ContentDate"),
        equipment=_equipment(header),
        procedures=tuple(item.code for item in root.children if item.code and role_of(item) is Role.PROCEDURE_REPORTED),
        instances=instances,
        dates=dates | _library_date(gathered, instances),
        groups=tuple(gathered.groups),
    )


def _evidence(header: Elements) -> Iterator[tuple[str, str, str]]:
    """Study, series and instance of all that the report refers to (PS3.3 C.17.2)."""
    for keyword in EVIDENCE:
        for study in header.items.get(keyword, ()):
            for series in study.items.get("ReferencedSeriesSequence", ()):
                for instance in series.items.get("ReferencedSOPSequence", ()):
                    yield (
                        study.text("StudyInstanceUID"),
                        series.text("SeriesInstanceUID"),
                        instance.text("ReferencedSOPInstanceUID"),
                    )


def _library_date(gathered: _Gathered, instances: dict[str, tuple[str, str]]) -> dict[str, str]:
    """The date that an image library states of a study that it does not name, but by its images."""
    dates: dict[str, str] = {}
    for instance, date in gathered.dated.items():
        study = instances.get(instance, ("", ""))[0]
        if study and study not in gathered.dates:
            dates.setdefault(study, date)
    return dates


def _equipment(header: Elements) -> Software | None:
    """The equipment of the document by its model; a manufacturer alone does not say how something was measured."""
    name = header.text("ManufacturerModelName")
    return Software(name, header.text("SoftwareVersions")) if name and words_of(name) not in NOTHING else None


@dataclass(slots=True)
class _Gathered:
    """What has been gathered of a report on the way through its tree."""

    root: Item
    groups: list[Group] = field(default_factory=list)
    instances: dict[str, tuple[str, str]] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    dated: dict[str, str] = field(default_factory=dict)
    by_place: dict[str, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_place = {item.place: item for item in self.root.walk()}

    def section(self, item: Item, above: Group, statement: str | None) -> None:
        """Gather what stands in a container, or below a finding that stands for a thing of its own."""
        group = self._context(item, above)
        at = len(self.groups)
        self.groups.append(group)
        numbers: list[Number] = []
        statements: list[Statement] = []
        if item.kind == "CODE" and item.code is not None:
            statements.append(self._statement(item, statement))
        for child in item.children:
            self._child(child, group, numbers, statements, item.place if item.kind == "CODE" else None)
        self.groups[at] = replace(group, numbers=tuple(numbers), statements=tuple(statements))

    def _child(
        self,
        item: Item,
        group: Group,
        numbers: list[Number],
        statements: list[Statement],
        part_of: str | None,
    ) -> None:
        """Gather one item and what is below it."""
        said = role_of(item)
        if said is Role.IMAGE_LIBRARY:
            self._library(item, {})
        elif item.relationship in SETTING or said in CONTEXT or item.target:
            return
        elif item.kind == "CONTAINER" or (item.kind == "CODE" and said in DETECTED):
            self.section(item, group, part_of)
        elif item.kind == "NUM":
            numbers.append(self._number(item, part_of))
            self._below(item, group, numbers, statements)
        elif item.kind == "CODE" and item.code is not None and item.relationship in OBSERVED:
            statements.append(self._statement(item, part_of))
            self._below(item, group, numbers, statements)
        elif item.kind != "CODE":
            self._below(item, group, numbers, statements, part_of)

    def _below(
        self,
        item: Item,
        group: Group,
        numbers: list[Number],
        statements: list[Statement],
        part_of: str | None = None,
    ) -> None:
        stated = item.place if item.kind in {"NUM", "CODE"} else part_of
        for child in item.children:
            self._child(child, group, numbers, statements, stated)

    # what is said of observations

    def _context(self, item: Item, above: Group) -> Group:
        """What a section says of all that is in it, and what it inherits."""
        said = {role_of(child) for child in item.children}
        tracked = role_of(item) is Role.MEASUREMENT_GROUP or role_of(item) in DETECTED or bool(said & TRACKING)
        observers = tuple(observers_of(item.children))
        sites, methods = tuple(sites_of(item.children)), tuple(codes_of(item.children, Role.METHOD))
        times = tuple(time_points_of(item.children))
        mine = [child for child in item.children if child.kind != "CONTAINER"]
        shapes = tuple(self._shapes(mine))
        return Group(
            place=item.place,
            about=item.place if tracked else above.about,
            tracking_identifier=text_of(mine, Role.TRACKING_IDENTIFIER)
            or ("" if tracked else above.tracking_identifier),
            tracking_uid=text_of(mine, Role.TRACKING_UID) or ("" if tracked else above.tracking_uid),
            of_no_lesion=text_of(mine, Role.LESION) == NO_LESION or (above.of_no_lesion and not tracked),
            session=text_of(mine, Role.ACTIVITY_SESSION) or above.session,
            time_points=times or above.time_points,
            observers=observers or above.observers,
            sites=sites or above.sites,
            methods=methods or above.methods,
            software=algorithm_of(item.children) or above.software,
            observed=item.observed or above.observed,
            source_series=text_of(mine, Role.SOURCE_SERIES) or above.source_series,
            source_document=text_of(mine, Role.SOURCE_DOCUMENT) or above.source_document,
            shapes=shapes or above.shapes,
            marked=item.place if shapes else above.marked,
            images=tuple(self._images(mine)) or above.images,
        )

    def _shapes(self, items: list[Item] | tuple[Item, ...]) -> Iterator[Shape]:
        """The shapes and segments among items, those by reference too."""
        for item in items:
            shown = self.by_place.get(item.target, item) if item.target else item
            segments = tuple(reference for reference in shown.references if is_segment(reference))
            if shown.graphic is not None:
                images = tuple(reference for below in shown.children for reference in below.references)
                yield Shape(shown.place, shown.graphic, images)
            elif segments:
                yield Shape(shown.place, None, segments)

    def _images(self, items: list[Item] | tuple[Item, ...]) -> Iterator[Reference]:
        """The images that items refer to, and those that shapes among them are on."""
        for item in items:
            shown = self.by_place.get(item.target, item) if item.target else item
            for source in (shown, *(shown.children if shown.graphic is not None else ())):
                if source.kind == "IMAGE":
                    yield from (reference for reference in source.references if not is_segment(reference))

    def _number(self, item: Item, part_of: str | None) -> Number:
        below = item.children
        return Number(
            place=item.place,
            quantity=item.name,
            number=item.number,
            unit=item.unit,
            qualifier=item.qualifier,
            derivations=tuple(codes_of(below, Role.DERIVATION)),
            methods=tuple(codes_of(below, Role.METHOD)),
            modifiers=tuple(
                child.code
                for child in below
                if child.code and child.relationship == "HAS CONCEPT MOD" and role_of(child) not in CONTEXT
            ),
            sites=tuple(sites_of(below)),
            shapes=tuple(self._shapes(below)),
            images=tuple(self._images(below)),
            software=algorithm_of(below),
            part_of=part_of,
            states=text_of(below, Role.RECORD),
        )

    def _statement(self, item: Item, part_of: str | None) -> Statement:
        assert item.code is not None, "statements are coded"
        certain = (child for child in item.children if child.kind == "NUM" and role_of(child) is Role.CERTAINTY)
        sure = next(certain, None)
        return Statement(
            place=item.place,
            name=item.name,
            value=item.code,
            finding=role_of(item) in FINDINGS,
            certainty=self._number(sure, item.place) if sure else None,
            part_of=part_of,
            states=text_of(item.children, Role.RECORD),
        )

    # images

    def _library(self, item: Item, above: dict[Role, str]) -> None:
        """Studies, series and dates of the images in a library (TID 1600, 1601, 1602, 1603)."""
        stated = {said: child.text for child in item.children if (said := role_of(child)) in IMAGE_CONTEXT}
        known = above | {said: text for said, text in stated.items() if said is not None and text}
        if item.kind == "IMAGE":
            study, series = known.get(Role.STUDY_UID, ""), known.get(Role.SERIES_UID, "")
            for reference in item.references:
                if study and series:
                    self.instances[reference.instance] = study, series
                if Role.STUDY_DATE in known:
                    self.dated[reference.instance] = known[Role.STUDY_DATE]
            if study and Role.STUDY_DATE in known:
                self.dates.setdefault(study, known[Role.STUDY_DATE])
        for child in item.children:
            if child.kind in {"CONTAINER", "IMAGE"}:
                self._library(child, known)


IMAGE_CONTEXT: Final = frozenset({Role.SERIES_UID, Role.STUDY_DATE, Role.STUDY_UID})


def is_segment(reference: Reference) -> bool:
    """Whether a reference is to a segmentation."""
    return reference.sop_class.startswith(SEGMENTATIONS)
