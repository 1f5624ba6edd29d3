"""Records as columns: the types of the record log, and how fields of each kind are written to them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from ontology.fields import Field, Kind, Star, dicom_attributes, star_of
from ontology.prefixes import Curie
from ontology.records import Record, When
from store.open_source import EPOCH_DAY, OpenSource

__all__ = [
    "Column",
    "as_table",
    "batch_columns",
    "columns_of",
    "dates",
    "defaults_of",
    "lexical",
    "logged",
    "record_columns",
    "records_of",
]

Column = tuple[str, list[Any]]
Rows = list[tuple[OpenSource, Record]]
Times = Callable[[Field, Sequence[Any]], Iterable[Column]]

ARROW = {Kind.INTEGER: pa.int64(), Kind.BOOLEAN: pa.bool_(), Kind.DERIVED: pa.bool_()}

NO_TYPES: Mapping[str, pa.DataType] = MappingProxyType({})


def lexical(value: object) -> str | None:
    """The lexical form of a value without exponent where it is decimal, or None.

    >>> lexical(Decimal("1.50")), lexical(1e-30), lexical(True), lexical(Decimal("1E+3"))
    ('1.50', '1e-30', 'true', '1000')
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def datatype(value: object) -> str | None:
    """The XSD datatype of a value: decimal where the store can hold it exactly, else double.

    The store keeps decimals of at most 18 fractional digits below 1e17.
    """
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int():
            return "integer" if abs(value) < 10**17 else "double"
        case Decimal():
            exponent = value.as_tuple().exponent
            fits = isinstance(exponent, int) and exponent >= -18 and abs(value) < 10**17
            return "decimal" if fits else "double"
        case float():
            return "double"
        case _:
            return "string"


def columns_of(star: Star) -> dict[str, pa.DataType]:
    """Every column that a record type may have in the log, with its Arrow type."""
    return dict(_columns_of(star))


@cache
def _columns_of(star: Star) -> dict[str, pa.DataType]:
    columns: dict[str, pa.DataType] = {"lot": pa.int64(), "sid": pa.string(), "collection": pa.string()}
    kinds = {item.name: item.kind for item in star.fields}
    for name in (item.name for item in dataclasses.fields(star.record)):
        match kinds.get(name, Kind.STRING):
            case Kind.WHEN:
                columns |= {f"{name}_first": pa.int32(), f"{name}_last": pa.int32(), f"{name}_clock": pa.string()}
            case Kind.SCALAR:
                columns |= {name: pa.string(), f"{name}_type": pa.string()}
            case Kind.ATTRIBUTES:
                columns |= dict.fromkeys(dicom_attributes(), pa.string())
            case kind:
                columns[name] = ARROW.get(kind, pa.string())
    return columns


def batch_columns(star: Star, rows: Rows) -> Iterator[Column]:
    """The columns of a batch that are not empty throughout."""
    yield "lot", [source.lot for source, _ in rows]
    yield "sid", [source.sid for source, _ in rows]
    yield "collection", [source.collection for source, _ in rows]

    def days(item: Field, values: Sequence[When | None]) -> Iterable[Column]:
        counted = [
            source.days(getattr(record, "subject", ""), when)
            for (source, record), when in zip(rows, values, strict=True)
        ]
        return zip(_when_names(item), map(list, zip(*counted, strict=True)), strict=True)

    yield from record_columns(star, [record for _, record in rows], days)


def record_columns(star: Star, records: Sequence[Record], times: Times) -> Iterator[Column]:
    """What the records of one type hold, in columns that are not empty throughout; ``times`` writes those of times."""
    for item, values in zip(_layout(star), _values(star, records), strict=True):
        if values.count(None) < len(values):
            written = times(item, values) if item.kind is Kind.WHEN else COLUMNS.get(item.kind, _plain)(item, values)
            yield from ((column, held) for column, held in written if held.count(None) < len(held))


@cache
def _layout(star: Star) -> tuple[Field, ...]:
    """How each field of a record type is written."""
    known = {item.name: item for item in star.fields}
    names = (item.name for item in dataclasses.fields(star.record))
    return tuple(known.get(name) or Field(name, Curie(""), Kind.STRING) for name in names)


def _values(star: Star, records: Sequence[Record]) -> Iterable[Sequence[Any]]:
    """The values of each field, over all records."""
    names = [item.name for item in _layout(star)]
    if len(names) == 1:
        return [[getattr(record, names[0]) for record in records]]
    # all fields of a record in one go: one call for each would cost several times as much
    return zip(*map(attrgetter(*names), records), strict=True)


def dates(item: Field, values: Sequence[When | None]) -> Iterable[Column]:
    """Times as they are, to be counted later (`store.open_source.day_columns`): days since 1970 where they are dates.

    A column of its own, ``_dated``, says which are.
    """
    first, last, clock, dated = [], [], [], []
    for when in values:
        is_date = when is not None and isinstance(when.first, dt.date)
        first.append(_number(when.first) if when else None)
        last.append(_number(when.last) if when else None)
        clock.append(when.clock if when else None)
        dated.append(is_date)
    return zip((*_when_names(item), f"{item.name}_dated"), (first, last, clock, dated), strict=True)


def _number(day: dt.date | int) -> int:
    return day if isinstance(day, int) else day.toordinal() - EPOCH_DAY


def _when_names(item: Field) -> tuple[str, str, str]:
    return f"{item.name}_first", f"{item.name}_last", f"{item.name}_clock"


def as_table(star: Star, columns: list[Column], more: Mapping[str, pa.DataType] = NO_TYPES) -> pa.Table:
    """Columns of values as a table with the types of the log; ``more`` are those of other columns."""
    types = {**_columns_of(star), **more}
    schema = pa.schema([(name, types[name]) for name, _ in columns])
    return pa.Table.from_arrays([pa.array(values, types[name]) for name, values in columns], schema=schema)


def logged(item: Field, value: Any) -> dict[str, Any]:
    """One value of a field as the log's columns hold it, but for times, which are dates yet (`pyarrow` takes them)."""
    match item.kind:
        case Kind.SCALAR:
            return {item.name: lexical(value), f"{item.name}_type": datatype(value)}
        case Kind.DECIMAL:
            return {item.name: lexical(value)}
        case Kind.WHEN:
            ends = (None, None, None) if value is None else (value.first, value.last, value.clock)
            return dict(zip((f"{item.name}_first", f"{item.name}_last", f"{item.name}_clock"), ends, strict=True))
        case _:
            return {item.name: value}


def defaults_of(kind: type[Record]) -> dict[str, Any]:
    """What the fields of a record type hold where nothing is said of them; those that are then empty are left out."""
    items = dataclasses.fields(kind)
    return {item.name: item.default for item in items if item.default not in (None, dataclasses.MISSING)}


def records_of(kind: type[Record], rows: pa.Table) -> Iterator[Record]:
    """The records of a table of one type, with times that are dates yet: the reverse of `logged`."""
    fields = {item.name: item for item in star_of(kind.__name__).fields}
    names = [item.name for item in dataclasses.fields(kind) if {item.name, f"{item.name}_first"} & {*rows.column_names}]
    for row in rows.to_pylist():
        said = {name: _value(fields.get(name), name, row) for name in names}
        yield kind(**{name: value for name, value in said.items() if value is not None})


def _value(item: Field | None, name: str, row: Mapping[str, Any]) -> Any:
    kind = item.kind if item else Kind.STRING
    if kind is Kind.WHEN:
        first = row[f"{name}_first"]
        return None if first is None else When(first, row[f"{name}_last"], row[f"{name}_clock"])
    value = row[name]
    if value is None or kind not in {Kind.SCALAR, Kind.DECIMAL}:
        return value
    return PARSED[row[f"{name}_type"] if kind is Kind.SCALAR else "decimal"](value)


PARSED: dict[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    "integer": int,
    "decimal": Decimal,
    "double": lambda text: float(text) if "e" in text.lower() else Decimal(text),
    "string": str,
}


def _plain(item: Field, values: Sequence[Any]) -> Iterable[Column]:
    return [(item.name, list(values))]


def _lexical(item: Field, values: Sequence[Any]) -> Iterable[Column]:
    return [(item.name, list(map(lexical, values)))]


def _scalar(item: Field, values: Sequence[Any]) -> Iterable[Column]:
    return [(item.name, list(map(lexical, values))), (f"{item.name}_type", list(map(datatype, values)))]


def _attributes(_item: Field, values: Sequence[Any]) -> Iterable[Column]:
    """One column per DICOM keyword; several values are joined by a backslash, as in PS3.5 6.4."""
    used = sorted({keyword for attributes in values for keyword in attributes})
    for keyword in used:
        if keyword not in dicom_attributes():
            raise KeyError(f"{keyword} is not in ontology/dicom_attributes.tsv")
        yield keyword, [_joined(attributes.get(keyword)) for attributes in values]


def _joined(value: object) -> str | None:
    return "\\".join(lexical(part) or "" for part in value) if isinstance(value, tuple) else lexical(value)


COLUMNS: dict[Kind, Callable[[Field, Sequence[Any]], Iterable[Column]]] = {
    Kind.DECIMAL: _lexical,
    Kind.SCALAR: _scalar,
    Kind.ATTRIBUTES: _attributes,
}
