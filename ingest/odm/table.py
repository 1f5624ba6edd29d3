"""The clinical data of an ODM document as a table, one subject at a time (CDISC ODM 1.3, section 3.1.4).

REDCap's project XML is laid out as REDCap's own raw CSV export is: a row for each event, and one for each repetition of
a repeating instrument. The documents of other systems have a row for each form, and one for each repetition of a
group of items that is repeated in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lxml import etree

from ingest.odm.metadata import EVENT, KEY, Study, local
from ingest.redcap.table import INSTANCE, INSTRUMENT, ProjectTable
from ingest.table.file import TableError
from mappings.shape import Part
from ontology.xml import XmlError, stream

__all__ = ["OdmTable"]

PLACES = (EVENT, "StudyEventRepeatKey", "FormOID", "FormRepeatKey", "ItemGroupOID", "ItemGroupRepeatKey")
BINARY = frozenset({"ItemDataBase64Binary", "ItemDataHexBinary", "ItemDataBase64Float", "ItemDataHexFloat"})


class OdmTable(ProjectTable):
    """The records of a document; `TableError` where it turns out broken on the way."""

    def __init__(self, path: Path, study: Study) -> None:
        super().__init__(path, study.dictionary)
        self.study = study
        self._lead = _redcap_lead(study) if study.redcap else (KEY, *PLACES)
        rest = [name for name in study.columns if name not in self._lead]
        self._columns = (*self._lead, *rest)

    def check(self) -> None:
        """The metadata have been read already."""

    def settle(self, part: Part) -> None:
        """A document has no delimiter."""

    def raw(self) -> Iterator[Sequence[str]]:
        """The column names, then the rows of one subject after the other."""
        yield list(self._columns)
        rows = _redcap_rows if self.study.redcap else _form_rows
        try:
            for subject in stream(self.path, "{*}SubjectData"):
                for row in rows(subject, self.study):
                    yield [row.get(name, "") for name in self._columns]
        except XmlError as error:
            raise TableError(error.place, error.problem, error.wanted) from error


def _redcap_lead(study: Study) -> tuple[str, ...]:
    """The columns with which REDCap's raw exports begin."""
    lead = [study.dictionary.subject]
    if study.longitudinal:
        lead.append(study.dictionary.event_column)
    if study.repeats:
        lead += [INSTRUMENT, INSTANCE]
    return (
        *lead,
        *(name for name in ("redcap_data_access_group", "redcap_survey_identifier") if name in study.columns),
    )


def _children(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in parent if local(child) == name)


def _values(group: etree._Element, study: Study) -> Iterator[tuple[str, str]]:
    """The columns that the items of a group fill, and their texts; contents of files are passed over."""
    for data in group:
        if not local(data).startswith("ItemData") or local(data) in BINARY or data.get("IsNull") == "Yes":
            continue
        item = study.items.get(data.get("ItemOID", ""))
        if item is None:
            continue
        yield item.column, data.get("Value") or (data.text or "").strip()
        if item.unit:
            ref = next(_children(data, "MeasurementUnitRef"), None)
            oid = (ref.get("MeasurementUnitOID") if ref is not None else None) or data.get("MeasurementUnitOID") or ""
            own = study.dictionary.fields.get(item.column)
            yield item.unit, study.units.get(oid, "") or (own.unit if own else "")


def _redcap_rows(subject: etree._Element, study: Study) -> Iterator[dict[str, str]]:
    """The rows of a record: for each event the one of its ordinary forms, then those of repeating instruments."""
    key = subject.get("SubjectKey", "")
    lead = {study.dictionary.subject: key}
    events = list(_children(subject, "StudyEventData")) or [subject]
    for event in events:
        name = study.event_names.get(event.get("StudyEventOID", ""), "")
        repeated = {}
        if name in study.repeating_events:
            repeated = {INSTANCE: event.get("StudyEventRepeatKey", "1")}
        base = {**lead, study.dictionary.event_column: name, **repeated}
        plain_row: dict[str, str] = {}
        instances: list[dict[str, str]] = []
        for form in _children(event, "FormData"):
            form_name = study.form_names.get(form.get("FormOID", ""), "")
            values = {
                column: text for group in _children(form, "ItemGroupData") for column, text in _values(group, study)
            }
            again = form.get("FormRepeatKey", "1") not in {"", "1"}
            if ((name, form_name) in study.repeating_forms or again) and not repeated:
                instances.append({**values, **base, INSTRUMENT: form_name, INSTANCE: form.get("FormRepeatKey", "1")})
            else:
                plain_row.update(values)
        if plain_row or not instances:
            yield {**plain_row, **base}
        yield from instances


def _form_rows(subject: etree._Element, study: Study) -> Iterator[dict[str, str]]:
    """The rows of a subject's forms, each with those of its repeating groups after it."""
    for event in _children(subject, "StudyEventData"):
        for form in _children(event, "FormData"):
            base = {
                KEY: subject.get("SubjectKey", ""),
                EVENT: event.get("StudyEventOID", ""),
                "StudyEventRepeatKey": event.get("StudyEventRepeatKey", ""),
                "FormOID": form.get("FormOID", ""),
                "FormRepeatKey": form.get("FormRepeatKey", ""),
            }
            row: dict[str, str] = {}
            repeated: list[dict[str, str]] = []
            groups = list(_children(form, "ItemGroupData"))
            # some systems call every group repeating, so what counts is whether it is repeated
            times = Counter(group.get("ItemGroupOID", "") for group in groups)
            for group in groups:
                oid = group.get("ItemGroupOID", "")
                values = dict(_values(group, study))
                if times[oid] > 1:
                    place = {"ItemGroupOID": oid, "ItemGroupRepeatKey": group.get("ItemGroupRepeatKey", "")}
                    repeated.append({**values, **base, **place})
                else:
                    row.update(values)
            if row:
                yield {**row, **base}
            yield from repeated
