"""The shape of a table: what a table map says of where things stand in it (``docs/mappings.md``)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mappings.references import (
    FILLS,
    NOT_GIVEN,
    RECORDS,
    Conditions,
    CountOf,
    Detail,
    Ref,
    Strict,
    Subject,
    TextKeys,
    Texts,
    field_kind,
    one_or_more,
    plain,
    template,
)
from ontology.fields import Kind, star_of
from ontology.prefixes import expand
from ontology.records import DataClass

__all__ = ["FILLS", "RECORDS", "Entry", "Part", "Ref", "Shape", "Subject", "field_kind", "plain", "template"]


class Entry(Strict):
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
    return {plain(str(name)): one_or_more(entry) for name, entry in value.items()}


class Dating(Ref):
    """A column that dates others: those of a form, an event, a panel of tests."""

    of: Texts
    """The columns that it dates; ``*`` stands for any text."""

    def ref(self) -> Ref:
        """Where the time comes from."""
        return Ref.model_validate(self.model_dump(exclude={"of"}, exclude_unset=True))


class _Layout(Strict):
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
    header_row: Annotated[tuple[int, ...], BeforeValidator(one_or_more)] = (1,)
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


class Matches(Strict):
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
