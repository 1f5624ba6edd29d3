"""Mapping sets written out: as SSSOM TSV, sorted, and as RDF, each mapping an annotated axiom.

SSSOM: https://mapping-commons.github.io/sssom/; the properties of the RDF form are the ``slot_uri`` of its schema.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyoxigraph as ox
import yaml

from mappings.sssom import NO_TERM, Decision, MappingError
from ontology.prefixes import expand, prefixes
from store.new_file import new_file

__all__ = ["as_tsv", "as_turtle", "checked_tsv", "set_metadata", "write_text"]

COLUMNS: Final[tuple[str, ...]] = (
    "subject_id",
    "subject_label",
    "predicate_modifier",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "author_id",
    "author_label",
    "reviewer_id",
    "reviewer_label",
    "mapping_date",
    "confidence",
    "comment",
)
NEEDED: Final = frozenset(COLUMNS) - {"author_id", "author_label", "reviewer_id", "reviewer_label"}
"""The columns that a set has even where they are empty."""

OTHER_PREFIXES: Final = {
    "orcid": "https://orcid.org/",
    "pav": "http://purl.org/pav/",
    "semapv": "https://w3id.org/semapv/vocab/",
    "sssom": "https://w3id.org/sssom/",
}
UNSPECIFIED: Final = "https://w3id.org/sssom/license/unspecified"
SETS: Final = "https://w3id.org/qilin/mappings/"


def set_metadata(name: str, title: str, path: Path, subjects: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a set says of itself: as its file has it, else the least that SSSOM asks for.

    ``subjects`` are the namespaces of its subjects by prefix; those of a table map where they are not given.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else []
    head = [line.removeprefix("#") for line in lines if line.startswith("#")]
    said = yaml.safe_load("\n".join(head)) if head else None
    metadata: dict[str, Any] = said if isinstance(said, dict) else {}
    metadata.setdefault("mapping_set_id", f"{SETS}{name}")
    metadata.setdefault("mapping_set_title", title)
    metadata.setdefault("license", UNSPECIFIED)
    metadata["curie_map"] = {
        **metadata.get("curie_map", {}),
        **({"column": f"{SETS}{name}/column/", "value": f"{SETS}{name}/value/"} if subjects is None else subjects),
    }
    return metadata


def as_tsv(rows: Iterable[Decision], metadata: Mapping[str, Any]) -> str:
    """A set as SSSOM TSV: its metadata as comment lines, its rows sorted by subject, predicate and object."""
    order = ("subject_id", "subject_label", "object_id", "predicate_id")
    cells = sorted(map(_cells, rows), key=lambda row: tuple(row[name] for name in order))
    used = {name for row in cells for name, text in row.items() if text}
    columns = [name for name in COLUMNS if name in used | NEEDED]
    columns += sorted(used - set(COLUMNS))
    known = prefixes() | OTHER_PREFIXES
    spoken = {text.partition(":")[0] for row in cells for name, text in row.items() if name.endswith("_id")}
    named = dict(metadata["curie_map"]) | {name: known[name] for name in spoken if name in known}
    head = yaml.safe_dump(
        {**metadata, "curie_map": dict(sorted(named.items()))}, sort_keys=False, allow_unicode=True, width=1_000
    )
    lines = [f"#{line}" for line in head.splitlines()]
    lines.append("\t".join(columns))
    lines += ["\t".join(row.get(name, "") for name in columns) for row in cells]
    return "\n".join(lines) + "\n"


def _cells(row: Decision) -> dict[str, str]:
    """A row by column; what would break a line of the table is a blank."""
    found = {
        "subject_id": row.subject,
        "subject_label": row.subject_label or row.named,
        "predicate_modifier": "Not" if row.negated else "",
        "predicate_id": row.predicate,
        "object_id": row.term,
        "object_label": row.label,
        "mapping_justification": row.justification,
        **_people("author", row.author),
        **_people("reviewer", row.reviewer),
        "mapping_date": row.date,
        "confidence": row.confidence,
        "comment": row.comment,
        **dict(row.extra),
    }
    return {name: _plain(text) for name, text in found.items()}


def _plain(text: str) -> str:
    """A cell without line ends and tabs, and without a quotation mark where a quoted cell would begin."""
    flat = " ".join(text.split())
    return f"'{flat[1:]}" if flat.startswith('"') else flat


def _people(role: str, who: str) -> dict[str, str]:
    return {f"{role}_id" if who.startswith("orcid:") else f"{role}_label": who} if who else {}


ANNOTATIONS: Final = {
    "subject_label": "sssom:subject_label",
    "object_label": "sssom:object_label",
    "mapping_justification": "sssom:mapping_justification",
    "author_id": "pav:authoredBy",
    "author_label": "sssom:author_label",
    "reviewer_id": "sssom:reviewer_id",
    "reviewer_label": "sssom:reviewer_label",
    "mapping_date": "pav:authoredOn",
    "confidence": "sssom:confidence",
    "comment": "rdfs:comment",
}
TYPES: Final = {"mapping_date": "xsd:date", "confidence": "xsd:double"}


def as_turtle(rows: Iterable[Decision], metadata: Mapping[str, Any]) -> bytes:
    """A set as RDF (Turtle): the mappings as triples, and each once more as an axiom with who, when and why.

    A negated mapping, and one to which there is no term, stands only as an axiom: as a triple it would not be true.
    """
    names = {**prefixes(), **OTHER_PREFIXES, **metadata["curie_map"]}
    triples = _triples(rows, metadata, names)
    shown = {name: names[name] for name in ("owl", "pav", "rdfs", "semapv", "skos", "sssom", "xsd", "dcterms")}
    return ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=shown) or b""


def _triples(rows: Iterable[Decision], metadata: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[ox.Triple]:
    def node(curie: str) -> ox.NamedNode:
        prefix, _, local = curie.partition(":")
        return ox.NamedNode(names[prefix] + local)

    whole = ox.NamedNode(str(metadata["mapping_set_id"]))
    kind = node("rdf:type")
    yield ox.Triple(whole, kind, node("sssom:MappingSet"))
    yield ox.Triple(whole, node("dcterms:title"), ox.Literal(str(metadata["mapping_set_title"])))
    yield ox.Triple(whole, node("dcterms:license"), ox.NamedNode(str(metadata["license"])))
    for number, row in enumerate(rows, 1):
        cells = _cells(row)
        subject, predicate, target = (node(cells[name]) for name in ("subject_id", "predicate_id", "object_id"))
        axiom = ox.BlankNode(f"mapping{number}")
        if not row.negated and row.term != NO_TERM:
            yield ox.Triple(subject, predicate, target)
        yield ox.Triple(whole, node("sssom:mappings"), axiom)
        yield ox.Triple(axiom, kind, node("owl:Axiom"))
        yield ox.Triple(axiom, node("owl:annotatedSource"), subject)
        yield ox.Triple(axiom, node("owl:annotatedProperty"), predicate)
        yield ox.Triple(axiom, node("owl:annotatedTarget"), target)
        if row.negated:
            yield ox.Triple(axiom, node("sssom:predicate_modifier"), node("sssom:NegatedPredicate"))
        for name, written in ANNOTATIONS.items():
            if text := cells.get(name):
                yield ox.Triple(axiom, node(written), _object(name, text, node))


def _object(name: str, text: str, node: Any) -> ox.NamedNode | ox.Literal:
    if name.endswith("_id") or name == "mapping_justification":
        found: ox.NamedNode = node(text)
        return found
    return ox.Literal(text, datatype=ox.NamedNode(expand(TYPES[name]))) if name in TYPES else ox.Literal(text)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path, force=True) as out:
        out.write(text.encode())


def checked_tsv(text: str) -> str:
    """The same text, once ``sssom_pydantic`` has read all of it; `MappingError` where it cannot."""
    import sssom_pydantic  # noqa: PLC0415 - slow to import, and only what is written needs it

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.sssom.tsv"
        path.write_text(text, encoding="utf-8")
        rows, _, _, errors = sssom_pydantic.read(path, return_errors=True)
    written = sum(not line.startswith("#") for line in text.splitlines()) - 1
    if errors or len(rows) != written:
        raise MappingError(f"the set is not valid SSSOM: {len(rows)} of {written} rows can be read")
    return text
