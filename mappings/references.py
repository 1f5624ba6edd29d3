"""The words of a table map: names of columns, lists of texts, and where a field of a record comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ontology.fields import Kind, star_of

__all__ = [
    "FILLS",
    "NOT_GIVEN",
    "RECORDS",
    "Conditions",
    "CountOf",
    "Detail",
    "Ref",
    "Strict",
    "Subject",
    "TextKeys",
    "Texts",
    "field_kind",
    "one_or_more",
    "plain",
    "template",
]

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

NOT_GIVEN = {"subject", "element", "raw", "raw_code", "low", "high", "duplicate_of"}
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


def one_or_more(value: object) -> object:
    """A list, also of a single thing that was written without one."""
    return value if isinstance(value, list | tuple) else [value]


def _text_keys(value: object) -> object:
    return {_texts(key): item for key, item in value.items()} if isinstance(value, dict) else value


def _plain_keys(value: object) -> object:
    return {plain(str(key)): item for key, item in value.items()} if isinstance(value, dict) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), BeforeValidator(one_or_more)]


TextKeys = BeforeValidator(_text_keys)


Conditions = Annotated[Mapping[str, Texts], BeforeValidator(_plain_keys)]
"""Columns and the cells that are meant; an empty text stands for an empty cell and for one that is called missing."""

CountOf = Literal["d", "wk", "study-day"]
"""What a count of time counts: days, weeks, or study days, of which the first is 1 and the one before it -1 (SDTM)."""


class Strict(BaseModel):
    """A part of a map in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ref(Strict):
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


class Subject(Strict):
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


class Detail(Strict):
    """A column whose cell joins that of the entry in the record's raw text, where it is of a stated form.

    Of several names, which different tools give the column, the first that the file has counts.
    """

    column: str | Annotated[tuple[str, ...], Field(min_length=1)]
    form: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the column may have, in their order."""
        return (self.column,) if isinstance(self.column, str) else self.column
