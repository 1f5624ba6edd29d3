"""A measurement set as AIM 4 documents (Annotation and Image Markup, AIM_v4_rv44), of one collection element each.

- One document for each subject, reader, reading and study; one ``ImageAnnotation`` for each group.
- An annotation that is the whole of what is known of a document keeps that document's UID, so that it is known again as
  a copy of it; all other UIDs are made of the content.
- A number is a ``CalculationEntity`` with the codes of its variable and statistic and the algorithm that made it; a
  finding an ``ImagingObservationEntity`` or, of a place, an ``ImagingPhysicalEntity``; what is part of it a
  characteristic. An answer has its question in ``questionTypeCode``.
- What the schema wants and nobody knows (dates, an image of a series of which only the series is known) has the null
  flavor ``UNK``. A day count of the warehouse is no date and is not written as one.
- What is derived and of no lesion, such as a sum, is an ``AnnotationOfAnnotation``; the schema has no place for the
  person of these, who stands where other collections have them.
- Shapes are not written: the warehouse keeps no coordinates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

from lxml import etree

from analysis.aim_elements import AIM, XSI, Node, coded, element, rooted, unknown, valued
from analysis.measurement_set import Document, Group, Image, MeasurementSet, Unwritten, as_text
from analysis.statements import (
    Words,
    is_place,
    number_codes,
    place_codes,
    raw_codes,
    response_code,
    value_code,
)
from analysis.uids import uid_of
from ingest.aim.dialects import NO_LESION
from ingest.aim.facts import LABEL, NOTHING
from ingest.aim.records import ANNOTATION_CLOCK
from ingest.observed.quantities import automation_word
from mappings.code_sets import Triplet
from ontology.prefixes import Curie
from ontology.record_uids import LABEL as RESTATES
from ontology.records import Measurement, Observation, Response, When
from ontology.terms import ncit, q, radlex
from ontology.variables import canonical

__all__ = ["aim_document"]

DOUBLE: Final = Triplet("C48870", "NCI", "Double")
"""The data type of a number, as AIM tools write it."""

CHARACTERISTICS: Final = {
    "ImagingPhysicalEntity": ("imagingPhysicalEntityCharacteristicCollection", "ImagingPhysicalEntityCharacteristic"),
    "ImagingObservationEntity": ("imagingObservationCharacteristicCollection", "ImagingObservationCharacteristic"),
}


def aim_document(document: Document, given: MeasurementSet, words: Words, unwritten: Unwritten) -> bytes:
    """A document in UTF-8; what AIM cannot say is counted in ``unwritten``."""
    of_annotations = document.groups[0].of_annotations
    root = element(None, "AnnotationOfAnnotationCollection" if of_annotations else "ImageAnnotationCollection")
    root.set("aimVersion", "AIMv4_0")
    root.set(f"{{{XSI}}}schemaLocation", f"{AIM} AIM_v4_rv44_XML.xsd")
    rooted(root, "uniqueIdentifier", document.uid)
    _date(root, "dateTime", document.groups[0].when)
    if document.reader is not None:
        user = element(root, "user")
        valued(user, "name", document.reader.key)
        valued(user, "loginName", document.reader.key)
        if document.reader.role in ROLES:
            valued(user, "roleInTrial", ROLES[document.reader.role])
    person = element(root, "person")
    valued(person, "name", document.subject)
    valued(person, "id", document.subject)
    annotations = element(root, "annotationOfAnnotations" if of_annotations else "imageAnnotations")
    name = "AnnotationOfAnnotation" if of_annotations else "ImageAnnotation"
    for group in document.groups:
        _Annotation(group, given, words, unwritten).write(element(annotations, name))
    etree.indent(root)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


ROLES: Final = {q.CENTRAL_READER: "Central Reader", q.INVESTIGATOR: "Investigator", q.ALGORITHM: "Algorithm"}


def _date(parent: Node, name: str, when: When | None) -> None:
    """A calendar day where it is known exactly."""
    if when is not None and isinstance(when.first, dt.date) and when.first == when.last:
        valued(parent, name, f"{when.first:%Y%m%d}000000")
    else:
        unknown(parent, name)


class _Annotation:
    """One group on its way to an `ImageAnnotation`."""

    def __init__(self, group: Group, given: MeasurementSet, words: Words, unwritten: Unwritten) -> None:
        self.group, self.given, self.words, self.unwritten = group, given, words, unwritten
        self.keys = {item.key: item for item in group.observations}
        self.below: dict[str, list[Observation]] = {}
        for item in group.observations:
            if self._parent(item) is not None:
                self.below.setdefault(item.part_of or "", []).append(item)
        self.count = 0

    def write(self, node: Node) -> None:
        """The annotation's children, in the order of the schema."""
        group = self.group
        rooted(node, "uniqueIdentifier", group.uid)
        if group.lesion is None and not group.of_annotations:
            coded(node, "typeCode", Triplet(NO_LESION.value, NO_LESION.scheme, NO_LESION.meaning))
        else:
            unknown(node, "typeCode", "NA")
        _date(node, "dateTime", group.when)
        # what follows the lesion's name after ~ is ePAD's own way to pack more into it
        named = [text for text in (group.lesion.label if group.lesion else None, group.visit_label) if text]
        valued(node, "name", "~".join(named) or "annotation")
        tops = [item for item in group.observations if self._parent(item) is None]
        self._collection(node, "imagingPhysicalEntityCollection", self._places(tops))
        numbers = [item for item in group.observations if isinstance(item, Measurement) and not self._ranged(item)]
        self._collection(node, "calculationEntityCollection", self._numbers(numbers))
        self._tracking(node)
        said = [item for item in tops if not isinstance(item, Measurement) and not is_place(item)]
        self._collection(node, "imagingObservationEntityCollection", self._observations(said))
        if not group.of_annotations:
            self._collection(node, "imageReferenceEntityCollection", self._images())

    def _collection(self, parent: Node, name: str, made: Iterable[Node]) -> None:
        """A collection of what there is; none where there is nothing."""
        listed = list(made)
        if listed:
            element(parent, name).extend(listed)

    def _uid(self) -> str:
        self.count += 1
        return uid_of(self.group.uid, self.count)

    def _restating(self, node: Node, item: Observation) -> None:
        """The UID of a statement: that of the record that it restates, and called so, where there is one."""
        called = RESTATES if item.states is not None else ""
        rooted(node, "uniqueIdentifier", item.states or self._uid(), called)

    def _tracking(self, node: Node) -> None:
        """The lesion's tracking UID, where a reader should know it by that: as the schema has it."""
        lesion = self.group.lesion
        if lesion is not None and lesion.stated:
            held = element(element(node, "lesionObservationEntityCollection"), "LesionObservationEntity")
            held.set(f"{{{XSI}}}type", "GeneralLesionObservationEntity")
            rooted(held, "uniqueIdentifier", self._uid())
            rooted(held, "lesionUniqueIdentifier", lesion.uid)
            valued(held, "trackingIdentifier", lesion.label or lesion.uid)
            unknown(held, "lesionType")

    # what is part of what

    def _parent(self, item: Observation) -> Observation | None:
        """The statement that an observation is a characteristic of, where AIM can say so."""
        parent = self.keys.get(item.part_of or "")
        if parent is None or parent is item or isinstance(parent, Measurement) or not self._sound(item):
            return None
        named = item.variable in {_below(parent), ncit.TUMOR_IDENTIFICATION} or self._labelled(item) is not None
        return parent if named or response_code(item) is not None else None

    def _labelled(self, item: Observation) -> str | None:
        """The label by which a characteristic says what it answers, where it is read back as its variable."""
        first = next(iter(raw_codes(item)), None)
        if first is None or first.designator != LABEL:
            return None
        term = next(iter(self.words.meanings([first])), q.UNMAPPED)
        registered = canonical(term)
        return first.meaning if item.variable == (registered.curie if registered else term) else None

    def _sound(self, item: Observation) -> bool:
        """Whether following what an observation is part of comes to an end."""
        seen = {item.key}
        while item.part_of in self.keys:
            item = self.keys[item.part_of or ""]
            if item.key in seen:
                return False
            seen.add(item.key)
        return True

    def _ranged(self, item: Observation) -> bool:
        """Whether a number quantifies a characteristic: it has bounds, or its variable is that of the statement."""
        return isinstance(item, Measurement) and self._parent(item) is not None

    # statements

    def _places(self, tops: list[Observation]) -> Iterator[Node]:
        """Places in the body; the site of the group first, where they do not say it already."""
        made, sites = [], []
        for item in tops:
            if is_place(item) and (code := self._value(item)) is not None:
                sites.append(self.words.site([code, *self._qualifiers(item)]))
                made.append(self._entity(item, code, "ImagingPhysicalEntity"))
        site = self.group.site
        if site.structure is not None and next((found for found in sites if found is not None), None) != site:
            codes = place_codes(site, self.words)
            if codes is None:
                self.unwritten.add("a site that no code is read back as")
            else:
                yield self._site(codes)
        yield from made

    def _qualifiers(self, item: Observation) -> list[Triplet]:
        codes = (value_code(part, self.words) for part in self.below.get(item.key, ()))
        return [code for code in codes if code is not None]

    def _site(self, codes: list[Triplet]) -> Node:
        node = element(None, "ImagingPhysicalEntity")
        rooted(node, "uniqueIdentifier", self._uid())
        coded(node, "typeCode", codes[0])
        valued(node, "label", "Location")
        if codes[1:]:
            held = element(node, "imagingPhysicalEntityCharacteristicCollection")
            for code in codes[1:]:
                coded(element(held, "ImagingPhysicalEntityCharacteristic"), "typeCode", code)
        return node

    def _observations(self, tops: list[Observation]) -> Iterator[Node]:
        for item in tops:
            code = self._value(item)
            if code is not None:
                yield self._entity(item, code, "ImagingObservationEntity")
        visit = self._visit()
        if visit is not None:
            yield visit

    def _visit(self) -> Node | None:
        """The number of the visit, as a scale below a statement that says nothing else."""
        code = self.words.code(q.VISIT)
        if self.group.visit is None or self.group.study is None or code is None:
            return None
        node = element(None, "ImagingObservationEntity")
        rooted(node, "uniqueIdentifier", self._uid())
        coded(node, "typeCode", code)
        valued(node, "label", "Timepoint")
        held = element(element(node, "imagingObservationCharacteristicCollection"), "ImagingObservationCharacteristic")
        coded(held, "typeCode", code)
        scale = self._quantification(held, "Scale")
        scale.set("type", "Ordinal")
        valued(scale, "label", "Timepoint")
        valued(scale, "value", str(self.group.visit))
        return node

    def _quantification(self, parent: Node, kind: str) -> Node:
        held = element(parent, "characteristicQuantificationCollection")
        return element(held, "CharacteristicQuantification", kind)

    def _value(self, item: Observation) -> Triplet | None:
        """The code of a statement; None, and counted, where it has none."""
        absent = item.value_concept == ncit.ABSENT and self._present(item) is False
        code = self.words.code(item.variable, variable=True) if absent else value_code(item, self.words)
        if code is None:
            self._count_below(item)
            what = "a text" if isinstance(item.value, str) else "a value that no code is read back as"
            self.unwritten.add(f"a statement of {what}")
        return code

    def _count_below(self, item: Observation) -> None:
        for part in self.below.get(item.key, ()):
            self.unwritten.add("part of a statement that cannot be written")
            self._count_below(part)

    def _present(self, item: Observation) -> bool | None:
        """False for what is said to be absent: a finding of the thing itself."""
        if item.value_concept != ncit.ABSENT or item.variable in PLAIN or isinstance(item, Response):
            return None
        parent = self._parent(item)
        return False if parent is None else None

    def _entity(self, item: Observation, code: Triplet, kind: str) -> Node:
        """A statement with its characteristics."""
        node = element(None, kind)
        self._restating(node, item)
        coded(node, "typeCode", code)
        absent = self._present(item) is False
        question = None if absent else self._question(item)
        if question is not None:
            coded(node, "questionTypeCode", question)
        confidence = [("annotatorConfidence", as_text(item.certainty))] if item.certainty is not None else []
        present = [("isPresent", "false")] if absent else []
        place = kind == "ImagingPhysicalEntity"
        stated = [*present, *confidence] if place else [*confidence]
        for name, value in (*stated, ("label", code.meaning), *(() if place else present)):
            valued(node, name, value)
        self._characteristics(node, item, kind)
        return node

    def _question(self, item: Observation) -> Triplet | None:
        """The question that a statement answers, where its variable is of its own."""
        if item.variable in PLAIN or response_code(item) is not None:
            return None
        if item.variable == q.UNMAPPED:
            asked = raw_codes(item)
            return asked[0] if len(asked) > 1 else None
        return self.words.code(item.variable, variable=True)

    def _characteristics(self, node: Node, item: Observation, kind: str) -> None:
        parts = list(self._flat(item))
        holder, name = CHARACTERISTICS[kind]
        made = []
        for part, numbers in parts:
            code = self._value(part)
            if code is None:
                continue
            held = element(None, name)
            coded(held, "typeCode", code)
            if part.certainty is not None:
                valued(held, "annotatorConfidence", as_text(part.certainty))
            valued(held, "label", self._labelled(part) or code.meaning)
            self._numbers_of(held, numbers)
            made.append(held)
        self._collection(node, holder, made)

    def _flat(self, item: Observation) -> Iterator[tuple[Observation, list[Observation]]]:
        """The characteristics of a statement, each with what quantifies it; AIM nests no deeper."""
        for part in self.below.get(item.key, ()):
            if isinstance(part, Measurement):
                self.unwritten.add("a number below a statement that is no characteristic")
            else:
                yield part, self.below.get(part.key, [])

    def _numbers_of(self, held: Node, numbers: list[Observation]) -> None:
        made = []
        for item in numbers:
            quantified = self._quantified(item)
            if quantified is None:
                self.unwritten.add("part of a characteristic that AIM has no place for")
            else:
                made.append(quantified)
        self._collection(held, "characteristicQuantificationCollection", made)

    def _quantified(self, item: Observation) -> Node | None:
        """How much of a characteristic: a code, a number, a number with an operator, or an interval."""
        node = element(None, "CharacteristicQuantification")
        if not isinstance(item, Measurement):
            code = value_code(item, self.words)
            if code is None:
                return None
            node.set(f"{{{XSI}}}type", "NonQuantifiable")
            if item.certainty is not None:
                valued(node, "annotatorConfidence", as_text(item.certainty))
            valued(node, "label", code.meaning)
            coded(node, "typeCode", code)
            return node
        valued(node, "label", "value")
        if item.low is not None and item.high is not None:
            node.set(f"{{{XSI}}}type", "Interval")
            node.set("minOperator", "GreaterThanEqual")
            node.set("maxOperator", "LessThanEqual")
            valued(node, "minValue", as_text(item.low))
            valued(node, "maxValue", as_text(item.high))
            valued(node, "ucumString", item.unit or "")
            return node
        value = next((side for side in (item.value, item.low, item.high) if side is not None), None)
        if value is None:
            return None
        node.set(f"{{{XSI}}}type", "Numerical")
        if item.value is None:
            node.set("operator", "LessThanEqual" if item.high is not None else "GreaterThanEqual")
        valued(node, "ucumString", item.unit or "")
        valued(node, "value", as_text(value))
        return node

    # numbers

    def _numbers(self, numbers: list[Measurement]) -> Iterator[Node]:
        for item in numbers:
            codes = number_codes(item, self.words)
            if item.value is None:
                self.unwritten.add("a measurement without a value")
            elif codes is None:
                self.unwritten.add("a measurement of what no code is read back as")
            else:
                yield self._calculation(item, codes, as_text(item.value))

    def _calculation(self, item: Measurement, codes: list[Triplet], value: str) -> Node:
        node = element(None, "CalculationEntity")
        self._restating(node, item)
        for code in codes:
            coded(node, "typeCode", code)
        valued(node, "description", " ".join(code.meaning for code in codes))
        held = element(node, "calculationResultCollection")
        result = element(held, "CalculationResult", "CompactCalculationResult")
        result.set("type", "Scalar")
        valued(result, "unitOfMeasure", item.unit or "")
        coded(result, "dataType", DOUBLE)
        dimension = element(element(result, "dimensionCollection"), "Dimension")
        valued(dimension, "index", "0")
        valued(dimension, "size", "1")
        valued(dimension, "label", codes[0].meaning)
        valued(result, "value", value)
        made = self.given.procedure(item)
        if made is not None and (made.software or made.automation):
            algorithm = element(node, "algorithm")
            valued(algorithm, "name", made.software or "")
            if made.automation:
                coded(algorithm, "type", Triplet(word := automation_word(made.automation), "99QILIN", word.lower()))
            else:
                unknown(algorithm, "type")
            if made.version:
                valued(algorithm, "version", made.version)
        return node

    # images

    def _images(self) -> Iterator[Node]:
        """One reference for each series, with the images of it that are known."""
        group = self.group
        named: dict[tuple[str, str], list[Image]] = {}
        if group.study is not None:
            named[group.study, group.series or ""] = []
        for image in group.images:
            if image.study is not None:
                named.setdefault((image.study, image.series or ""), []).append(image)
        for (study, series), images in named.items():
            node = element(None, "ImageReferenceEntity", "DicomImageReferenceEntity")
            rooted(node, "uniqueIdentifier", self._uid())
            held = element(node, "imageStudy")
            rooted(held, "instanceUid", study)
            _date(held, "startDate", group.when if group.when and group.when.clock != ANNOTATION_CLOCK else None)
            unknown(held, "startTime")
            below = element(held, "imageSeries")
            rooted(below, "instanceUid", series or None)
            unknown(below, "modality")
            collection = element(below, "imageCollection")
            for image in images:
                shown = element(collection, "Image")
                rooted(shown, "sopClassUid", image.sop_class)
                rooted(shown, "sopInstanceUid", image.uid)
            if not images:
                shown = element(collection, "Image")
                unknown(shown, "sopClassUid")
                unknown(shown, "sopInstanceUid")
            yield node


PLAIN: Final = frozenset((radlex.ANATOMICAL_ENTITY, radlex.IMAGING_OBSERVATION, ncit.TUMOR_IDENTIFICATION))
"""Variables that are said by where a statement stands, or by its code alone."""


def _below(parent: Observation) -> Curie:
    """What the characteristics of a statement are findings of."""
    value = parent.variable if parent.value_concept == ncit.ABSENT else parent.value_concept
    if (response := response_code(parent)) is not None:
        value = response
    return q.UNMAPPED if value is None or value in NOTHING else value
