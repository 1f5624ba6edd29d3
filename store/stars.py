"""Compiles the field table to SQL: one star of TriG text per row of the record log.

The text is made column-wise by DuckDB, not row by row in Python: `ontology.fields.STARS` is the only place that says
which field becomes which predicate, and this module the only one that writes it out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from ontology.fields import Field, Kind, Star, dicom_attributes
from ontology.prefixes import expand, prefixes

__all__ = ["Minter", "star_lines", "star_text"]

XSD = prefixes()["xsd"]
ORIGIN = {True: expand("q:Derived"), False: expand("q:Asserted")}


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def literal(column: str, datatype: str | None = None) -> str:
    """SQL for the literal of a text column; backslash, quote and line ends are escaped."""
    escaped = f"replace(replace(replace(replace({column},'\\','\\\\'),'\"','\\\"'),chr(10),'\\n'),chr(13),'\\r')"
    closing = f'"^^<{XSD}{datatype}>' if datatype else '"'
    return f"'\"' || {escaped} || {quoted(closing)}"


def typed(column: str, datatype: str) -> str:
    """SQL for a literal whose lexical form needs no escaping."""
    closing = f'"^^<{XSD}{datatype}>'
    return f"'\"' || {column} || {quoted(closing)}"


def concept(column: str) -> str:
    """SQL for the IRI of a column of CURIEs."""
    cases = " ".join(
        f"WHEN starts_with({column}, {quoted(prefix + ':')}) "
        f"THEN {quoted('<' + namespace)} || substr({column}, {len(prefix) + 2}) || '>'"
        for prefix, namespace in prefixes().items()
    )
    return f"CASE {cases} END"


def plain(iri: str) -> str:
    """SQL for an IRI without its brackets."""
    return f"trim({iri}, '<>')"


class Minter:
    """SQL expressions that mint the IRIs of one warehouse under its base.

    Every part is percent-encoded but for ``[A-Za-z0-9._~-]``; a DICOM UID is ``urn:oid:<uid>`` everywhere.
    """

    def __init__(self, base: str) -> None:
        self.base = base

    def path(self, kind: str, *columns: str) -> str:
        """``<base kind/part/part>`` from text columns."""
        parts = " || '/' || ".join(f"url_encode({column})" for column in columns)
        return f"{quoted(f'<{self.base}{kind}/')} || {parts} || '>'"

    def uid(self, column: str) -> str:
        """``<urn:oid:uid>``."""
        return f"'<urn:oid:' || {column} || '>'"

    def source(self, collection: str = "collection", digest: str = "digest") -> str:
        """The node of a source: the first 16 hex digits of its content's SHA-256."""
        return self.path("source", collection, f"{digest}[:16]")

    def record(self, key: str = "key") -> str:
        """The node of a fact: collection, source, and its key within the source."""
        return self.path("record", "collection", "digest[:16]", key)

    def clock(self, name: str, anchor: str) -> str:
        """The node of a way of counting days: days are comparable where this node is the same."""
        return self.path("clock", "collection", name, anchor)

    def graph(self, column: str) -> str:
        """The named graph of a set of audiences."""
        return self.path("graph", column)

    def node(self, star: Star) -> str:
        """The node that a star's triples are about."""
        return {
            Kind.SUBJECT: self.path("subject", "collection", "subject"),
            Kind.UID: self.uid("uid"),
            Kind.LESION: self.path("lesion", "collection", "subject", "key"),
            Kind.REGION: self.path("region", "collection", "subject", "key"),
            Kind.READER: self.path("reader", "collection", "key"),
            Kind.PROCEDURE: self.path("procedure", "collection", "key"),
            Kind.RECORD: self.record(),
            Kind.COLLECTION: self.path("collection", "collection"),
            Kind.SOURCE: self.source(),
            Kind.CLOCK: self.clock("clock", "anchor"),
        }[star.node]

    def reference(self, item: Field) -> str:
        """The node that a field refers to."""
        column = f'"{item.name}"'
        return {
            Kind.COLLECTION: self.path("collection", column),
            Kind.SUBJECT: self.path("subject", "collection", column),
            Kind.UID: self.uid(column),
            Kind.LESION: self.path("lesion", "collection", "subject", column),
            Kind.REGION: self.path("region", "collection", "subject", column),
            Kind.READER: self.path("reader", "collection", column),
            Kind.PROCEDURE: self.path("procedure", "collection", column),
            Kind.RECORD: self.record(column),
        }[item.kind]


Lines = Iterable[tuple[str, str, str]]
"""``(condition or column that must not be null, predicate IRI, SQL of the object)``."""


def _term(item: Field, minter: Minter) -> Lines:
    column = f'"{item.name}"'
    predicate = expand(item.predicate)
    match item.kind:
        case Kind.CONCEPT:
            return [(column, predicate, concept(column))]
        case Kind.STRING:
            return [(column, predicate, literal(column))]
        case Kind.IRI:
            return [(column, predicate, f"'<' || {column} || '>'")]
        case Kind.DECIMAL | Kind.INTEGER | Kind.BOOLEAN | Kind.DATETIME:
            return [(column, predicate, typed(f"CAST({column} AS VARCHAR)", str(item.kind)))]
        case Kind.DERIVED:
            return [(column, predicate, f"CASE WHEN {column} THEN '<{ORIGIN[True]}>' ELSE '<{ORIGIN[False]}>' END")]
        case _:
            return [(column, predicate, minter.reference(item))]


def _scalar(item: Field, _minter: Minter) -> Lines:
    column, kind = f'"{item.name}"', f'"{item.name}_type"'
    marked = f"'\"^^<{XSD}' || {kind} || '>'"
    return [
        (
            column,
            expand(item.predicate),
            f"CASE WHEN {kind} = 'string' THEN {literal(column)} ELSE '\"' || {column} || {marked} END",
        )
    ]


def _when(item: Field, _minter: Minter) -> Lines:
    """Days are relative to the anchor that was found for the subject and clock; without one there is no day."""
    first, last, zero = f'"{item.name}_first"', f'"{item.name}_last"', "anchor_day"
    predicate = expand(item.predicate)
    same = f"CASE WHEN {first} = {last} AND {item.name}_anchored THEN {first} END"
    differ = f"CASE WHEN {first} <> {last} AND {item.name}_anchored THEN {first} END"

    def day(column: str) -> str:
        return typed(f"CAST({column} - {item.name}_{zero} AS VARCHAR)", "integer")

    return [
        (same, predicate, day(first)),
        (differ, predicate + "Earliest", day(first)),
        (differ, predicate + "Latest", day(last)),
    ]


def _clock(items: list[Field], minter: Minter) -> Lines:
    """The clock that a record's days are on; the two ends of an interval share it."""
    if not items:
        return []
    clock = "coalesce(" + ", ".join(f"CASE WHEN {i.name}_anchored THEN {i.name}_clock END" for i in items) + ")"
    anchor = "coalesce(" + ", ".join(f"{item.name}_anchor" for item in items) + ")"
    return [(clock, expand("q:clock"), minter.clock(clock, anchor))]


def _attributes(_item: Field, present: Collection[str]) -> Lines:
    for keyword, attribute in dicom_attributes().items():
        if keyword in present:
            yield f'"{keyword}"', expand(f"dicom:{keyword}"), _repeated(f'"{keyword}"', attribute.kind)


def _repeated(column: str, kind: Kind) -> str:
    """SQL for an attribute's value; several values, joined by a backslash, are written one by one by `star_text`."""
    return literal(column) if kind is Kind.STRING else typed(column, str(kind))


def _said(predicate: str, term: str) -> str:
    """SQL for a predicate and its object; null where the object is."""
    return f"{quoted(f'<{predicate}> ')} || {term} || ';'"


def _each(lines: Lines) -> Iterable[str]:
    for condition, predicate, term in lines:
        yield f"CASE WHEN ({condition}) IS NOT NULL THEN {_said(predicate, term)} END"


def _values(column: str, predicate: str, term: str) -> str:
    """SQL for the list of what an attribute says: one line for each of its distinct values."""
    part = _said(predicate, term.replace(column, "part"))
    return f"list_transform(list_distinct(string_split({column}, '\\')), lambda part: {part})"


def _each_attribute(lines: Lines) -> Iterable[str]:
    """Every distinct value of an attribute."""
    for column, predicate, term in lines:
        many = f"array_to_string({_values(column, predicate, term)}, '')"
        yield (
            f"CASE WHEN {column} IS NULL THEN NULL WHEN contains({column}, '\\') THEN {many} "
            f"ELSE {_said(predicate, term)} END"
        )


KINDS: dict[Kind, Callable[[Field, Minter], Lines]] = {Kind.SCALAR: _scalar, Kind.WHEN: _when}


def star_text(star: Star, minter: Minter, present: Collection[str]) -> str:
    """SQL for what one row says of its node: predicates with their objects, each closed by a semicolon.

    ``present`` are the columns that the row has; of a field without a column nothing is said.
    """
    attributes = [part for item in _attributed(star) for part in _each_attribute(_attributes(item, present))]
    return "concat(" + ", ".join([*_parts(star, minter, present), *attributes]) + ")"


def star_lines(star: Star, minter: Minter, present: Collection[str]) -> str:
    """SQL for the same as a list, each predicate with one object; what is not said is null in it."""
    lists = [f"[{', '.join(_parts(star, minter, present))}]"]
    lists += [_values(*line) for item in _attributed(star) for line in _attributes(item, present)]
    return f"flatten([{', '.join(lists)}])"


def _attributed(star: Star) -> list[Field]:
    return [item for item in star.fields if item.kind is Kind.ATTRIBUTES]


def _parts(star: Star, minter: Minter, present: Collection[str]) -> Iterator[str]:
    """SQL for each thing that one row says, but for its attributes."""
    yield from (quoted(f"a <{expand(name)}>;") for name in star.classes)
    for item in star.fields:
        if item.name in present or f"{item.name}_first" in present:
            yield from _each(KINDS.get(item.kind, _term)(item, minter))
    whens = [item for item in star.fields if item.kind is Kind.WHEN and f"{item.name}_first" in present]
    yield from _each(_clock(whens, minter))
    if star.cite:
        cited: list[tuple[str, str, str]] = [("digest", expand("prov:wasDerivedFrom"), minter.source())]
        if star.node is Kind.RECORD:
            cited.append(("key", expand("q:locator"), literal('"key"')))
        yield from _each(cited)
