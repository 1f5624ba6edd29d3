"""The shape of a table: what a table map says of where things stand in it (``docs/mappings.md``)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ontology.fields import Kind, star_of
from ontology.prefixes import expand
from ontology.records import DataClass

__all__ = ["FILLS", "RECORDS", "Entry", "Part", "Ref", "Shape", "Subject", "field_kind", "plain", "template"]

RECORDS: Final = {
    "measurement": "Measurement",
    "finding": "Finding",
    "response": "Response",
    "outcome": "Outcome",
    "treatment": "Treatment",
    "event": "Event",
}
"""What a map calls a record, and the record type."""

FILLS: Final = {
    "measurement": "value",
    "finding": "value_concept",
    "response": "value_concept",
    "outcome": "value",
    "treatment": "agent",
    "event": "when",
}
"""The field that the column itself fills, where the map does not say otherwise."""

NOT_GIVEN = {"subject", "element", "raw", "raw_code", "low", "high"}
"""Fields that the reader fills, never the map."""


def plain(header: str) -> str:
    """A column's name with single blanks, as maps and tables are compared.

    >>> plain(" Overall\\n stage ")
    'Overall stage'
    """
    return " ".join(header.split())


def field_kind(record: str, name: str) -> Kind:
    """How a field of a record is written; KeyError where the record has no such field."""
    return {field.name: field.kind for field in star_of(RECORDS[record]).fields}[name]


def template(name: str) -> re.Pattern[str] | None:
    """The pattern of a column name with ``{pieces}``, or None where the name is a plain one.

    >>> template("LD_visit{visit}").fullmatch("LD_visit12").groupdict()
    {'visit': '12'}
    """
    pieces = re.split(r"\{([a-z_]+)\}", plain(name))
    if len(pieces) == 1:
        return None
    return re.compile(
        "".join(f"(?P<{piece}>.+?)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces))
    )


def _texts(value: object) -> object:
    """YAML numbers and booleans as the texts that stand in cells."""
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _one_or_more(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _text_keys(value: object) -> object:
    return {_texts(key): item for key, item in value.items()} if isinstance(value, dict) else value


def _plain_keys(value: object) -> object:
    return {plain(str(key)): item for key, item in value.items()} if isinstance(value, dict) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), BeforeValidator(_one_or_more)]


TextKeys = BeforeValidator(_text_keys)


CountOf = Literal["d", "wk", "study-day"]
"""What a count of time counts: days, weeks, or study days, of which the first is 1 and the one before it -1 (SDTM)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ref(_Strict):
    """Where a further field of a record comes from: another column of the row, or a piece of the column's name."""

    column: str | None = None
    header: str | None = None
    format: str | None = None
    clock: str | None = None
    unit: CountOf = "d"
    is_true: Texts = ()
    is_false: Texts = ()
    as_written: bool = False
    optional: bool = False
    """Whether a file may lack the column; the field then stays empty."""
    lenient: bool = False
    """Whether a cell that cannot be read only leaves the field empty: it is reported, and the record is kept."""
    unscheduled: bool = False
    """Of a visit: whether numbers such as 10.1 are those of unscheduled visits, which have a label and no number."""
    role: str | None = None
    """Of a reader: the column whose decided cells say in which role he or she read."""
    otherwise: Ref | None = None
    """Where the field comes from in a row, or in a file, in which this column says nothing."""

    @model_validator(mode="after")
    def _one_origin(self) -> Ref:
        if (self.column is None) == (self.header is None):
            raise ValueError("says where the field comes from: {column: NAME} or {header: PIECE}")
        return self

    @cached_property
    def choices(self) -> tuple[Ref, ...]:
        """This and what stands in for it, the first choice first."""
        return (self, *self.otherwise.choices) if self.otherwise else (self,)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The columns without which the field cannot be read."""
        columns = [choice.column for choice in self.choices if choice.column]
        return () if self.optional or len(columns) > 1 else tuple(columns)


class Subject(_Strict):
    """How the subject's identifier is made from its column: strip, pad with zeros, then prefix."""

    column: str
    strip_prefix: str = ""
    strip_suffix: str = ""
    pad: int = 0
    prefix: str = ""

    def identifier(self, cell: str) -> str:
        """The identifier of a cell's subject; empty where the cell is.

        >>> Subject(column="ID", strip_prefix="pt", pad=3, prefix="LUNG1-").identifier(" pt7 ")
        'LUNG1-007'
        """
        text = cell.strip().removeprefix(self.strip_prefix).removesuffix(self.strip_suffix)
        return f"{self.prefix}{text.zfill(self.pad)}" if text else ""


class Entry(_Strict):
    """One record that a column makes."""

    record: Literal["measurement", "finding", "response", "outcome", "treatment", "event"]
    fills: str = ""
    type: Literal["concept", "number", "integer", "boolean"] | None = None
    format: str | None = None
    day_clock: str | None = Field(default=None, alias="clock")
    day_unit: CountOf = Field(default="d", alias="unit")
    is_true: Texts = ()
    is_false: Texts = ()
    missing: Texts = ()
    only_if: Texts = ()
    where: Annotated[Mapping[str, Texts], BeforeValidator(_plain_keys)] = Field(default_factory=dict)
    """Other columns and the cells of which they must hold one, for the record to be made."""
    absent: Annotated[Mapping[str, str], TextKeys] = Field(default_factory=dict)
    keep_unmapped: bool = False
    optional: bool = False
    fields: Mapping[str, Ref | bool | int | float | str] = Field(default_factory=dict)
    """The further fields of the record: a constant or where to find it."""

    @model_validator(mode="before")
    @classmethod
    def _gather_fields(cls, data: Any) -> Any:  # the raw YAML mapping, before it is checked
        """Move the fields of the record below ``fields``, so that the map writes them beside the switches."""
        if not isinstance(data, dict) or data.get("record") not in RECORDS:
            return data
        known = {field.name for field in star_of(RECORDS[data["record"]]).fields} - NOT_GIVEN
        return {
            **{name: value for name, value in data.items() if name not in known},
            "fields": {name: value for name, value in data.items() if name in known},
        }

    @model_validator(mode="after")
    def _fits_record(self) -> Entry:
        if self.fills and self.fills not in {field.name for field in star_of(RECORDS[self.record]).fields}:
            raise ValueError(f"a {self.record} has no field {self.fills!r} to fill")
        for name, value in [*self.fields.items(), *(("absent", term) for term in self.absent.values())]:
            if isinstance(value, str) and (name == "absent" or field_kind(self.record, name) is Kind.CONCEPT):
                expand(value)  # UnknownPrefixError is a ValueError, which pydantic reports with the key path
        if "series" in self.fields and "study" not in self.fields:
            raise ValueError("a series is named together with its study: give the field study too")
        return self

    @cached_property
    def main(self) -> str:
        """The field that the column itself fills."""
        typed = self.type not in {None, "concept"} and FILLS[self.record] == "value_concept"
        return self.fills or ("value" if typed else FILLS[self.record])

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The other columns that the record may be made of, and those that decide whether it is made."""
        choices = [choice for ref in self.fields.values() if isinstance(ref, Ref) for choice in ref.choices]
        own = [name for choice in choices for name in (choice.column, choice.role) if name]
        return (*own, *self.where)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """Those of the other columns without which the record cannot be made."""
        refs = [ref for ref in self.fields.values() if isinstance(ref, Ref)]
        # a column that a file lacks reads as empty
        told = [name for name, cells in self.where.items() if "" not in cells]
        return (*[name for ref in refs for name in ref.needed], *told)


def _subject(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _entries(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {plain(str(name)): _one_or_more(entry) for name, entry in value.items()}


class _Layout(_Strict):
    """What a whole map says once and a sheet may say for itself."""

    orientation: Literal["rows", "columns"] = "rows"
    """Whether each row speaks of a subject, or each column; row numbers of the map then count columns."""
    query: str | None = None
    """The statement that gives the rows, where the source is a database."""
    optional: bool = False
    """Whether a source may lack this sheet."""
    names: Texts = ()
    """The names of the columns of a table that has no header row."""
    header_row: Annotated[tuple[int, ...], BeforeValidator(_one_or_more)] = (1,)
    first_row: int | None = None
    last_row: int | None = None
    subject: Annotated[Subject | None, BeforeValidator(_subject)] = None
    one_row_per: Texts = ()
    only: Mapping[str, Texts] = Field(default_factory=dict)
    clock: str | None = None
    missing: Texts = ()
    decimal: Literal[".", ","] = "."
    visits: Annotated[Mapping[str, int], TextKeys] = Field(default_factory=dict)
    units: Annotated[Mapping[str, str], TextKeys] = Field(default_factory=dict)
    common: Mapping[str, Ref | bool | int | float | str] = Field(default_factory=dict)
    """Fields of every entry whose record has them and which does not give them itself."""
    columns: Annotated[Mapping[str, tuple[Entry, ...]], BeforeValidator(_entries)] = Field(default_factory=dict)


class Part(_Layout):
    """One table: a file, or one sheet of a workbook. ``sheet`` is a name, a number from 1, or None for the first."""

    sheet: str | int | None = None
    """Also the name of a table, where the source is a database."""
    subject: Annotated[Subject, BeforeValidator(_subject)]
    columns: Annotated[Mapping[str, tuple[Entry, ...]], BeforeValidator(_entries), Field(min_length=1)]

    @model_validator(mode="after")
    def _share(self) -> Part:
        """Give each entry the common fields that its record has."""
        columns = {name: tuple(map(self._with_common, entries)) for name, entries in self.columns.items()}
        object.__setattr__(self, "columns", columns)
        return self

    def _with_common(self, entry: Entry) -> Entry:
        known = {field.name for field in star_of(RECORDS[entry.record]).fields} - NOT_GIVEN - {entry.main}
        shared = {name: value for name, value in self.common.items() if name in known}
        return Entry.model_validate(
            {**entry.model_dump(by_alias=True, exclude={"fields"}, exclude_unset=True), **shared, **entry.fields}
        )

    @cached_property
    def data_row(self) -> int:
        """The number of the first row of data."""
        return self.first_row or (1 if self.names else self.header_row[-1] + 1)

    @cached_property
    def named(self) -> frozenset[str]:
        """Every plain column name that the map speaks of."""
        others = {plain(name) for entries in self.columns.values() for entry in entries for name in entry.columns}
        own = {name for name in self.columns if template(name) is None}
        return frozenset(
            own | others | {plain(self.subject.column), *map(plain, self.one_row_per), *map(plain, self.only)}
        )


class Matches(_Strict):
    """How a file is recognised; every condition that is given must hold."""

    file: Texts = ()
    headers: Texts = ()


class Shape(_Layout):
    """A whole ``map.yaml``."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    title: str
    matches: Matches = Matches()
    collection: str | None = None
    data_class: DataClass = DataClass.CLINICAL
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sheet: str | int | None = None
    sheets: Mapping[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _columns_or_sheets(self) -> Shape:
        if self.encoding:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                raise ValueError(
                    f"encoding: {self.encoding!r} is not known; known are utf-8, cp1252, utf-16 …"
                ) from error
        if bool(self.columns) == bool(self.sheets):
            raise ValueError("has either columns: or sheets:, and at least one column")
        return self

    def parts(self) -> tuple[Part, ...]:
        """The tables of the map; pydantic's ValidationError where a sheet is not complete."""
        shared = {name: getattr(self, name) for name in _Layout.model_fields if name in self.model_fields_set}
        if not self.sheets:
            return (Part.model_validate({**shared, "sheet": self.sheet}),)
        return tuple(Part.model_validate({**shared, **own, "sheet": name}) for name, own in self.sheets.items())
