"""Records as columns: the types of the record log, and how fields of each kind are written to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ontology.fields import Field, Kind, Star, dicom_attributes, star_of
from ontology.prefixes import Curie
from ontology.records import Record, When
from store.open_source import OpenSource

__all__ = ["batch_columns", "columns_of", "defaults_of", "lexical", "logged", "records_of"]

Column = tuple[str, list[Any]]
Rows = list[tuple[OpenSource, Record]]

ARROW = {Kind.INTEGER: pa.int64(), Kind.BOOLEAN: pa.bool_(), Kind.DERIVED: pa.bool_()}


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
    fields = {item.name: item for item in star.fields}
    for name in (item.name for item in dataclasses.fields(star.record)):
        item = fields.get(name) or Field(name, Curie(""), Kind.STRING)
        for column, values in COLUMNS.get(item.kind, _plain)(item, rows):
            if any(value is not None for value in values):
                yield column, values


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


def _plain(item: Field, rows: Rows) -> Iterable[Column]:
    return [(item.name, [getattr(record, item.name) for _, record in rows])]


def _lexical(item: Field, rows: Rows) -> Iterable[Column]:
    return [(item.name, [lexical(getattr(record, item.name)) for _, record in rows])]


def _scalar(item: Field, rows: Rows) -> Iterable[Column]:
    values = [getattr(record, item.name) for _, record in rows]
    return [(item.name, [lexical(v) for v in values]), (f"{item.name}_type", [datatype(v) for v in values])]


def _when(item: Field, rows: Rows) -> Iterable[Column]:
    days = [source.days(getattr(record, "subject", ""), getattr(record, item.name)) for source, record in rows]
    names = (f"{item.name}_first", f"{item.name}_last", f"{item.name}_clock")
    return zip(names, map(list, zip(*days, strict=True)), strict=True)


def _attributes(_item: Field, rows: Rows) -> Iterable[Column]:
    """One column per DICOM keyword; several values are joined by a backslash, as in PS3.5 6.4."""
    everything = [getattr(record, "attributes") for _, record in rows]  # noqa: B009
    used = sorted({keyword for attributes in everything for keyword in attributes})
    for keyword in used:
        if keyword not in dicom_attributes():
            raise KeyError(f"{keyword} is not in ontology/dicom_attributes.tsv")
        yield keyword, [_joined(attributes.get(keyword)) for attributes in everything]


def _joined(value: object) -> str | None:
    return "\\".join(lexical(part) or "" for part in value) if isinstance(value, tuple) else lexical(value)


COLUMNS: dict[Kind, Callable[[Field, Rows], Iterable[Column]]] = {
    Kind.DECIMAL: _lexical,
    Kind.SCALAR: _scalar,
    Kind.WHEN: _when,
    Kind.ATTRIBUTES: _attributes,
}
