"""The gate between readers and the record log: what may identify a person does not come in.

`admit` judges every record of every source. A reader that sees more than its records show asks earlier: the header of
a DICOM file is judged by `ingest.gate.dicom` before anything is taken from it. Both name the place of what they refuse,
never the value. What is checked, and what is not yet, is listed in ``docs/deidentification.md``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest.base import Block, Context
from ingest.gate.forms import CODED, DESCRIBING, FREE, HARMLESS, NAMING, TECHNICAL, identifier_in
from ingest.gate.texts import WANTED, text_asked
from ingest.observed.lesions import lesion_name
from ingest.observed.region_names import region_name
from ontology import records
from ontology.fields import dicom_attributes
from ontology.records import (
    ImageSources,
    Instance,
    Measurement,
    Record,
    RegionFacts,
    Reject,
    Series,
    SeriesHeader,
    SeriesImages,
    Study,
    StudyHeader,
)
from ontology.terms import ncit

__all__ = ["AGES", "LABEL", "OLDEST", "admit", "admit_block", "bare", "judged"]


@lru_cache(maxsize=1 << 16)
def _doubtful(text: str, kinds: tuple[str, ...]) -> str | None:
    """What kind of identifier a text of a record holds, or None; most texts come again and again."""
    return None if HARMLESS.fullmatch(text) else identifier_in(text, kinds)


KINDS_BY_FIELD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("raw", "value", "visit_label", "read_session", "regimen", "dose_unit", "unit"), FREE),
    **dict.fromkeys(("acquisition_rule", "category_code", "kind_code", "raw_code", "site_code"), CODED),
    **dict.fromkeys(("body_part_code", "contrast_code", "title_code", "tracer_code"), CODED),
    **dict.fromkeys(("radionuclide_code", "stain_code", "view_code"), CODED),
    **dict.fromkeys(("software", "version"), TECHNICAL),
    "description": DESCRIBING,
    "settings": ("mail", "security", "phone"),
    **dict.fromkeys(("subject", "label", "lesion", "region", "reader", "document", "tracking_uid"), NAMING),
    **dict.fromkeys(("frame_of_reference", "box_unit", "assessment"), NAMING),
    **dict.fromkeys(("license", "source_doi"), ("person", "mail", "security")),
}
"""The text fields that a source fills, by name; concepts, UIDs, keys and numbers cannot hold a name."""

FACTS = frozenset(
    (records.Measurement, records.Finding, records.Response, records.Outcome, records.Treatment, records.Event)
)
"""The record types that may come in blocks."""

UID_RECORDS = (Study, Series, Instance, SeriesImages, ImageSources)
UID = re.compile(r"[0-9]+(\.[0-9]+)*")

OLDEST = 90
AGES = frozenset({ncit.AGE, ncit.AGE_AT_DIAGNOSIS})
LABEL = "label of a region"
"""How the name of a segment or region is called where a steward is asked about one."""
TAGS = {
    "StudyDescription": "(0008,1030)",
    **{keyword: attribute.tag for keyword, attribute in dicom_attributes().items()},
}
"""How an attribute is named where a steward has decided about a text of it."""


def _text_fields(kind: type[Record]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    named = [field.name for field in fields(kind)] + (["key"] if kind is records.Reader else [])
    table = (
        {**KINDS_BY_FIELD, "key": NAMING}
        if kind in (records.Reader, records.Lesion, records.Region)
        else KINDS_BY_FIELD
    )
    return tuple((name, table[name]) for name in dict.fromkeys(named) if name in table)


DECIDED: dict[type[Record], tuple[str, ...]] = {StudyHeader: ("description",), RegionFacts: ("label",)}
"""The fields that hold only what a steward has approved, or what is made of listed words."""

CHECKED: dict[type[Record], tuple[tuple[str, tuple[str, ...]], ...]] = {
    kind: _text_fields(kind)
    for kind in vars(records).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not records.CollectionFacts
}
"""The fields that are checked, by record type; the facts of a collection are published text about no single person."""


def admit(record: Record, context: Context) -> Record | Reject:
    """A record as it may be stored, or a reject that names the field where it may identify a person.

    A free text of a header, and the name of a region that says more than what it is of, stays out until a steward has
    approved it, who is asked; of the date of a study the year is added; ages of 90 and above become the bound 90 (45
    CFR 164.514(b)(2)(i)(C)). What an archive has published and reviewed is not searched again for what looks like an
    identifier: `git@github.com:…` is the name of a device there.
    """
    if isinstance(record, UID_RECORDS) and not all(len(uid) <= 64 and UID.fullmatch(uid) for uid in _uids(record)):
        wanted = "at most 64 characters of digits and dots (PS3.5 section 9)"
        return Reject(name=type(record).__name__, place="UID", problem="not a DICOM UID", wanted=wanted)
    tailor = TAILORS.get(type(record))
    if tailor is not None:
        record = tailor(record, context)
    if context.reviewed:
        return record
    place = next(_identifying(record), None)
    return record if place is None else _refused(record, *place)


def judged(record: Record, context: Context) -> tuple[Record | None, Reject | None]:
    """A record as it may be stored, if at all, and the reject of what may not come in of it.

    Of a record that names or describes a node, the node comes in without what it is called.
    """
    admitted = admit(record, context)
    if not isinstance(admitted, Reject):
        return admitted, None
    reduced = bare(record)
    again = admit(reduced, context) if reduced is not None else admitted
    return (None if isinstance(again, Reject) else again), admitted


def _uids(record: Study | Series | Instance | SeriesImages | ImageSources) -> list[str]:
    """The UIDs that a record is about."""
    return [record.uid, *(record.images.split("\\") if isinstance(record, SeriesImages | ImageSources) else ())]


def _identifying(record: Record) -> Iterator[tuple[str, str]]:
    """Where a record may identify a person, and what kind of identifier is there."""
    for name, kinds in CHECKED.get(type(record), ()):
        text = getattr(record, name)
        if text is None:
            continue
        if isinstance(text, str) and name not in DECIDED.get(type(record), ()) and (found := _doubtful(text, kinds)):
            yield name, found


def admit_block(block: Block, context: Context) -> tuple[Block, list[Reject], set[str]]:
    """The records of a block as they may be stored, a reject for each field in which some may identify a person, and
    the keys of the records that were refused.

    It judges as `admit` does; each distinct text is searched once.
    """
    rows, rejects = tailored(block), []
    if context.reviewed:
        return (block if rows is block.rows else Block(block.kind, rows)), [], set()
    refused: set[str] = set()
    assert block.kind in FACTS, "nodes and headers are judged one by one"
    for name, kinds in CHECKED[block.kind]:
        if name not in rows.column_names or (name == "value" and "value_type" not in rows.column_names):
            continue
        texts = rows.column(name)
        if name == "value":
            texts = pc.if_else(pc.equal(rows.column("value_type"), "string"), texts, None)
        said = {
            text: found
            for text in pc.unique(texts.drop_null()).to_pylist()
            if not HARMLESS.fullmatch(text) and (found := identifier_in(text, kinds))
        }
        for found in sorted({*said.values()}):
            wrong = pc.is_in(rows.column(name), pa.array([text for text in said if said[text] == found], pa.string()))
            keys = rows.filter(wrong).column("key").to_pylist()
            refused.update(keys)
            rejects.append(_refused_rows(block.kind, keys, name, found))
            rows = rows.filter(pc.invert(wrong))
    return Block(block.kind, rows), rejects, refused


def _refused_rows(kind: type[Record], keys: list[str], place: str, found: str) -> Reject:
    """One reject for many records, which names the first of them."""
    shown = ", ".join(key for key in keys[:3] if not identifier_in(key))
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return Reject(
        name=kind.__name__,
        place=f"record {shown}{more}, {place}",
        problem=f"looks like {found}",
        wanted="a value that identifies nobody",
        quarantine=True,
    )


def tailored(block: Block) -> pa.Table:
    """The rows of a block with ages of 90 and above as the bound 90; times from a diagnosis to birth are negative."""
    rows = block.rows
    if block.kind is not Measurement or not AGES & set(pc.unique(rows.column("variable")).to_pylist()):
        return rows
    numbers = [rows.column(name) for name in ("low", "high") if name in rows.column_names]
    if "value_type" in rows.column_names:
        typed = pc.is_in(rows.column("value_type"), pa.array(["decimal", "integer", "double"]))
        numbers.append(pc.if_else(typed, rows.column("value"), None))
    bounds = [pc.cast(texts, pa.float64()) for texts in numbers]
    if not bounds:
        return rows
    ages = pc.is_in(rows.column("variable"), pa.array(sorted(AGES)))
    above = pc.and_(ages, pc.fill_null(pc.greater_equal(pc.max_element_wise(*bounds), OLDEST), fill_value=False))
    below = pc.and_(ages, pc.fill_null(pc.less_equal(pc.min_element_wise(*bounds), -OLDEST), fill_value=False))
    old = pc.or_(above, below)
    bounded = {
        "value": None,
        "value_type": None,
        "low": pc.if_else(above, str(OLDEST), None),
        "high": pc.if_else(above, None, str(-OLDEST)),
        "raw": f"{OLDEST}+",
    }
    for name, value in bounded.items():
        have = rows.column(name) if name in rows.column_names else pa.nulls(rows.num_rows, pa.string())
        column = pc.if_else(old, pa.scalar(None, pa.string()) if value is None else value, have)
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, column) if at >= 0 else rows.append_column(name, column)
    return rows


def bare(record: Record) -> Record | None:
    """A record that names or describes a node, without what the node is called; None for other records."""
    describing = DESCRIPTIONS.get(type(record))
    return replace(record, **dict.fromkeys(describing)) if describing else None


DESCRIPTIONS: dict[type[Record], tuple[str, ...]] = {
    records.Lesion: ("label",),
    records.LesionFacts: ("label",),
    records.RegionFacts: ("label",),
    records.Procedure: ("software", "version", "settings"),
}
"""The fields that say what a node is called and are no part of its identity."""


def _refused(record: Record, place: str, found: str) -> Reject:
    key = getattr(record, "key", None)
    within = f"record {key}, " if isinstance(key, str) and not identifier_in(key) else ""
    return Reject(
        name=type(record).__name__,
        place=f"{within}{place}",
        problem=f"looks like {found}",
        wanted="a value that identifies nobody",
        quarantine=True,
    )


def _series_header(record: Any, context: Context) -> Record:
    kept: SeriesHeader = record
    unknown = {
        keyword
        for keyword, value in kept.attributes.items()
        for text in _each(value)
        if not _known(text, f"{TAGS[keyword]} {keyword}", keyword, context)
    }
    if not unknown:
        return kept
    return replace(kept, attributes={k: v for k, v in kept.attributes.items() if k not in unknown})


def _study_header(record: Any, context: Context) -> Record:
    kept: StudyHeader = record
    place = f"{TAGS['StudyDescription']} StudyDescription"
    known = _known(kept.description, place, "StudyDescription", context)
    dates = (kept.when.first, kept.when.last) if kept.when else ()
    years = {date.year if isinstance(date, dt.date) else None for date in dates}
    year = years.pop() if len(years) == 1 else None
    if known and year == kept.year:
        return kept
    return replace(kept, description=kept.description if known else None, year=year)


def _known(text: object, place: str, keyword: str, context: Context) -> bool:
    """Whether a text may come in as it is; a steward is asked about one that may not, until one has approved it."""
    if context.reviewed or not isinstance(text, str) or (problem := text_asked(keyword, text)) is None:
        return True
    content = context.mark(text)
    if context.released(content, place):
        return True
    context.asked(place, text)
    context.review(Reject(name="", place=place, problem=problem, wanted=WANTED, content=content, review=True))
    return False


def _each(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _region_facts(record: Any, context: Context) -> Record:
    """A label of a region is free text, as descriptions of series are, but where it names a lesion or a structure."""
    kept: RegionFacts = record
    if not kept.label or lesion_name(kept.label) or region_name(kept.label):
        return kept
    return kept if _known(kept.label, LABEL, LABEL, context) else replace(kept, label=None)


def _measurement(record: Any, _context: Context) -> Record:
    kept: Measurement = record
    if kept.variable not in AGES:
        return kept
    said: tuple[Any, ...] = (kept.value, kept.low, kept.high)
    bounds: list[Any] = [
        bound for bound in said if isinstance(bound, Decimal | int | float) and not isinstance(bound, bool)
    ]
    if all(abs(bound) < OLDEST for bound in bounds):
        return kept
    above = max(bounds) >= OLDEST
    low, high = (Decimal(OLDEST), None) if above else (None, Decimal(-OLDEST))
    return replace(kept, value=None, low=low, high=high, raw=f"{OLDEST}+")


TAILORS: dict[type[Record], Callable[[Any, Context], Record]] = {
    SeriesHeader: _series_header,
    StudyHeader: _study_header,
    Measurement: _measurement,
    RegionFacts: _region_facts,
}
