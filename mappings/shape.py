"""The shape of a table: what a table map says of where things stand in it (``docs/mappings.md``)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

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


Conditions = Annotated[Mapping[str, Texts], BeforeValidator(_plain_keys)]
"""Columns and the cells that are meant; an empty text stands for an empty cell and for one that is called missing."""

CountOf = Literal["d", "wk", "study-day"]
"""What a count of time counts: days, weeks, or study days, of which the first is 1 and the one before it -1 (SDTM)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ref(_Strict):
    """Where a further field of a record comes from: another column of the row, or a piece of the column's name."""

    column: str | None = None
    columns: Texts = ()
    """Several columns whose cells are joined to one name."""
    join: str = "-"
    header: str | None = None
    facet: str | None = None
    """The facet of the column's value decisions; the field's own name where not given."""
    per: Texts = ()
    """Columns that pick the row: the cell may stand in another row of the same subject that agrees in them."""
    format: Texts = ()
    clock: str | None = None
    unit: CountOf = "d"
    is_true: Texts = ()
    is_false: Texts = ()
    as_written: bool = False
    keep_unmapped: bool = False
    """Of a variable: a name without a decision is kept as q:Unmapped, with the name as code."""
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
        if sum((self.column is not None, bool(self.columns), self.header is not None)) != 1:
            raise ValueError("says where the field comes from: {column: NAME}, {columns: [NAME, …]} or {header: PIECE}")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns whose cells it takes."""
        return (self.column,) if self.column else self.columns

    @property
    def choices(self) -> tuple[Ref, ...]:
        """This and what stands in for it, the first choice first."""
        return (self, *self.otherwise.choices) if self.otherwise else (self,)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which the field cannot be read."""
        return () if self.optional or self.otherwise else (*self.sources, *self.per)

    def within(self, pieces: Mapping[str, str]) -> Ref:
        """The same for one column of a pattern: ``{pieces}`` of its columns' names are filled in."""
        if not pieces:
            return self

        def fill(name: str) -> str:
            return re.sub(r"\{([a-z_]+)\}", lambda hit: pieces.get(hit[1], hit[0]), name)

        return self.model_copy(
            update={
                "column": self.column and fill(self.column),
                "columns": tuple(map(fill, self.columns)),
                "per": tuple(map(fill, self.per)),
                "otherwise": self.otherwise and self.otherwise.within(pieces),
            }
        )


class Subject(_Strict):
    """How the subject's identifier is made from its column: strip, change case, pad with zeros, then prefix.

    Of several prefixes (or suffixes) to strip, the first that fits is taken off, once.
    """

    column: str
    strip_prefix: Texts = ()
    strip_suffix: Texts = ()
    case: Literal["upper", "lower"] | None = None
    pad: int = 0
    prefix: str = ""
    suffix: str = ""
    find: str = ""
    """An expression of which the cell's first match is the identifier, in place of the whole cell."""

    @field_validator("find")
    @classmethod
    def _is_expression(cls, find: str) -> str:
        try:
            re.compile(find)
        except re.error as error:
            raise ValueError(f"find: {find!r} is no regular expression ({error})") from error
        return find

    def identifier(self, cell: str) -> str:
        """The identifier of a cell's subject; empty where the cell is.

        >>> Subject(column="ID", strip_prefix=["pt", "PT"], pad=3, prefix="LUNG1-").identifier(" PT7 ")
        'LUNG1-007'
        """
        if self.find:
            found = re.search(self.find, cell)
            cell = found[0] if found else ""
        text = cell.strip()
        text = next((text.removeprefix(end) for end in self.strip_prefix if text.startswith(end)), text)
        text = next((text.removesuffix(end) for end in self.strip_suffix if text.endswith(end)), text)
        if self.case:
            text = text.upper() if self.case == "upper" else text.lower()
        return f"{self.prefix}{text.zfill(self.pad)}{self.suffix}" if text else ""


class Detail(_Strict):
    """A column whose cell joins that of the entry in the record's raw text, where it is of a stated form."""

    column: str
    form: str


class Entry(_Strict):
    """One record that a column makes."""

    record: Literal["measurement", "finding", "response", "outcome", "treatment", "event"]
    fills: str = ""
    type: Literal["concept", "number", "integer", "boolean"] | None = None
    facet: str = ""
    """Which of the things that the column says at once; its decisions are those of ``NAME#facet``."""
    where: Conditions = Field(default_factory=dict)
    unless: Conditions = Field(default_factory=dict)
    format: Texts = ()
    day_clock: str | None = Field(default=None, alias="clock")
    day_unit: CountOf = Field(default="d", alias="unit")
    is_true: Texts = ()
    is_false: Texts = ()
    missing: Texts = ()
    only_if: Texts = ()
    absent: Annotated[Mapping[str, str], TextKeys] = Field(default_factory=dict)
    keep_unmapped: bool = False
    optional: bool = False
    detail: Detail | None = None
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

    def giving(self, **fields: Ref | bool | float | str) -> Entry:
        """The same entry with these further fields."""
        said = self.model_dump(by_alias=True, exclude={"fields"}, exclude_unset=True)
        return Entry.model_validate({**said, **self.fields, **fields})

    def takes(self, name: str) -> bool:
        """Whether the record has a further field of that name, and nothing fills it yet."""
        known = {field.name for field in star_of(RECORDS[self.record]).fields} - NOT_GIVEN
        return name in known and name != self.main and name not in self.fields

    @cached_property
    def main(self) -> str:
        """The field that the column itself fills."""
        typed = self.type not in {None, "concept"} and FILLS[self.record] == "value_concept"
        return self.fills or ("value" if typed else FILLS[self.record])

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The other columns that the record may be made of, and those that decide whether it is made."""
        choices = [choice for ref in self.fields.values() if isinstance(ref, Ref) for choice in ref.choices]
        own = [name for choice in choices for name in (*choice.sources, *choice.per, choice.role) if name]
        return (*own, *self.where, *self.unless)

    @property
    def told(self) -> tuple[str, ...]:
        """The columns without which it cannot be told whether the record is made; one that a file lacks is empty."""
        return (*[name for name, cells in self.where.items() if "" not in cells], *self.unless)


def _subject(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _entries(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {plain(str(name)): _one_or_more(entry) for name, entry in value.items()}


class Dating(Ref):
    """A column that dates others: those of a form, an event, a panel of tests."""

    of: Texts
    """The columns that it dates; ``*`` stands for any text."""

    def ref(self) -> Ref:
        """Where the time comes from."""
        return Ref.model_validate(self.model_dump(exclude={"of"}, exclude_unset=True))


class _Layout(_Strict):
    """What a whole map says once and a sheet may say for itself."""

    orientation: Literal["rows", "columns", "matrix"] = "rows"
    """Whether each row speaks of a subject, or each column (row numbers of the map then count columns), or each cell.

    A matrix reads as a long table: its columns are those of ``labels``, then ``column`` (the name of the cell's column)
    and ``cell``.
    """
    labels: Texts = ()
    """The columns of a matrix that name its rows; the others hold its cells."""
    only_decided: Texts = ()
    """Columns in which a cell without a decision leaves the row out: a list of genes of interest."""
    comment: str = ""
    """The beginning of rows before the header that are not counted."""
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
    repeats: Literal["reject", "first", "last", "all"] = "reject"
    """What a second row for the same ``one_row_per`` means: a fault, or that the first, the last or all count."""
    only: Conditions = Field(default_factory=dict)
    skip: Conditions = Field(default_factory=dict)
    clock: str | None = None
    missing: Texts = ()
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", ""] = ""
    visits: Annotated[Mapping[str, int], TextKeys] = Field(default_factory=dict)
    dates: Mapping[str, str] = Field(default_factory=dict)
    """The column that dates the records of an instrument or an event, in sources that have these (REDCap, ODM)."""
    units: Annotated[Mapping[str, str], TextKeys] = Field(default_factory=dict)
    dated_by: tuple[Dating, ...] = ()
    """Which column dates which others, for the entries that do not say it themselves."""
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
        columns = {
            name: tuple(self._with_common(name, entry) for entry in entries) for name, entries in self.columns.items()
        }
        object.__setattr__(self, "columns", columns)
        return self

    def _with_common(self, name: str, entry: Entry) -> Entry:
        dating = next((item for item in self.dated_by if any(fnmatchcase(name, plain(of)) for of in item.of)), None)
        dated = {"start" if entry.record == "treatment" else "when": dating.ref()} if dating else {}
        shared = {**self.common, **dated}
        return entry.giving(**{field: value for field, value in shared.items() if entry.takes(field)})

    @cached_property
    def data_row(self) -> int:
        """The number of the first row of data."""
        return self.first_row or (1 if self.names else self.header_row[-1] + 1)

    @cached_property
    def named(self) -> frozenset[str]:
        """Every plain column name that the map speaks of."""
        return frozenset(name for name in self._spoken_of if template(name) is None)

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(pattern for name in sorted(self._spoken_of) if (pattern := template(name)))

    @cached_property
    def _spoken_of(self) -> frozenset[str]:
        others = {plain(name) for entries in self.columns.values() for entry in entries for name in entry.columns}
        rows = (self.subject.column, *self.one_row_per, *self.only, *self.only_decided, *self.skip)
        return frozenset({*self.columns, *others, *map(plain, rows)})

    def stores(self, name: str) -> bool:
        """Whether cells of a column of that name may be stored, as they are or changed: not where they only decide."""
        return any(name == own or ((form := template(own)) and form.fullmatch(name)) for own in self._stored)

    @cached_property
    def _stored(self) -> frozenset[str]:
        refs = [
            ref
            for entries in self.columns.values()
            for entry in entries
            for item, ref in entry.fields.items()
            if isinstance(ref, Ref) and (item != "reader" or ref.as_written)
        ]
        return frozenset(
            {*self.columns, plain(self.subject.column)}
            | {plain(name) for ref in refs for choice in ref.choices for name in choice.sources}
        )

    def reads(self, name: str) -> bool:
        """Whether a column of that name is read by the map."""
        return name in self.named or any(pattern.fullmatch(name) for pattern in self._patterns)


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
    namespace: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_.-]{0,63})?$")] = ""
    """Which ids the subject column holds, where they are not those of the images: the cross-walk links them."""
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
