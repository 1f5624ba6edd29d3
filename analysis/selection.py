"""Observations of images out of the warehouse, as its caller may read them, ready to be written as documents.

Everything is asked by `store.warehouse.Warehouse.select`, so what the caller may not read is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import pyoxigraph as ox

from analysis.measurement_set import MeasurementSet, gathered
from ontology.fields import STARS, Field, Kind
from ontology.prefixes import Curie, compact, expand
from ontology.record_uids import record_uid
from ontology.records import (
    Finding,
    Instance,
    Lesion,
    LesionFacts,
    Measurement,
    Observation,
    Procedure,
    Reader,
    Record,
    RegionFacts,
    Response,
    Series,
    SeriesHeader,
    When,
)
from ontology.terms import q
from queries.catalogue import Query
from queries.results import run, value
from store.warehouse import Caller, Warehouse

__all__ = ["NoRecordsError", "Selection", "of_query", "selected"]

KINDS: Final[Mapping[str, type[Observation]]] = {
    expand("q:Measurement"): Measurement,
    expand("q:Finding"): Finding,
    expand("q:Response"): Response,
}
TYPE: Final = expand("rdf:type")
AT_ONCE: Final = 200
"""Nodes that one question names."""

OID: Final = "urn:oid:"

Node = dict[str, list[Any]]
"""The values of a node by predicate."""


class NoRecordsError(LookupError):
    """Nothing to write: no observation of images fits what was asked for, or the query does not name records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which observations: those that fit all that is given. A lesion is given by its label, key or IRI."""

    collection: str
    subjects: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    lesions: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    variables: tuple[Curie, ...] = ()

    def pattern(self) -> str:
        """The graph pattern that binds ``?r`` to the records."""
        lines = [f"VALUES ?collection {{ {_literal(self.collection)} }}"]
        for name, path, wanted in (
            ("subject", "?s q:identifier", self.subjects),
            ("source", "?r prov:wasDerivedFrom/q:identifier", self.sources),
            ("reader", "?r q:reader/q:identifier", self.readers),
        ):
            if wanted:
                lines.append(f"VALUES ?{name} {{ {' '.join(map(_literal, wanted))} }} {path} ?{name} .")
        if self.variables:
            lines.append(f"VALUES ?variable {{ {' '.join(_iri(expand(item)) for item in self.variables)} }}")
            lines.append("?r q:variable ?variable .")
        if self.lesions:
            names = ", ".join(map(_literal, self.lesions))
            lines.append(
                "?r q:about ?lesion . OPTIONAL { ?lesion q:label ?name }"
                f" FILTER(?name IN ({names}) || STR(?lesion) IN ({names})"
                f' || REPLACE(STR(?lesion), "^.*/", "") IN ({names}))'
            )
        return "\n".join(lines)


def selected(warehouse: Warehouse, selection: Selection, caller: Caller) -> MeasurementSet:
    """The observations of images that a selection names, each statement once (``q:primary``).

    Raises `NoRecordsError` where there are none.
    """
    question = f"""
        SELECT DISTINCT ?r {{
          {selection.pattern()}
          ?c q:identifier ?collection . ?s q:collection ?c . ?r q:subject ?s ; a ?kind ; q:primary true .
          VALUES ?kind {{ q:Measurement q:Finding q:Response }}
          FILTER EXISTS {{ VALUES ?of {{ q:about q:document q:instance q:region }} ?r ?of [] }}
        }}"""
    found = [row[0] for row in warehouse.select(question, caller).rows]
    return _set(warehouse, selection.collection, [_text(node) for node in found], caller)


def of_query(warehouse: Warehouse, query: Query, values: Mapping[str, str], caller: Caller) -> MeasurementSet:
    """The observations that the rows of a curated query name, in its columns of records.

    Raises `NoRecordsError` where it has none, and what `queries.results.run` raises.
    """
    columns = [column.name for column in query.columns if column.type == "record"]
    if not columns:
        raise NoRecordsError(f"the query {query.name} returns no records; right would be one with a column of records")
    rows = run(warehouse, query, values, caller).dicts()
    return _set(warehouse, "", [str(row[name]) for row in rows for name in columns if row[name] is not None], caller)


def _set(warehouse: Warehouse, collection: str, found: Sequence[str], caller: Caller) -> MeasurementSet:
    asked = _Asked(warehouse, caller)
    records = list(asked.records(sorted(set(found))))
    if not any(isinstance(item, Observation) for item in records):
        raise NoRecordsError(
            "no observation of images is among what was asked for; `qilin query lesion-diameters` shows what there is"
        )
    return gathered(collection or asked.collection(), records, deidentified=True)


@dataclass(slots=True)
class _Asked:
    """What is asked of the warehouse about records and the nodes that they name."""

    warehouse: Warehouse
    caller: Caller
    subjects: dict[str, str] | None = None

    def nodes(self, iris: Iterable[str]) -> Iterator[tuple[str, Node]]:
        """All that the caller may read of nodes."""
        wanted = sorted(set(iris))
        for at in range(0, len(wanted), AT_ONCE):
            part = " ".join(map(_iri, wanted[at : at + AT_ONCE]))
            found: dict[str, Node] = {}
            rows = self.warehouse.select(f"SELECT ?n ?p ?o {{ VALUES ?n {{ {part} }} ?n ?p ?o }}", self.caller).rows
            for node, predicate, term in rows:
                found.setdefault(_text(node), defaultdict(list))[_text(predicate)].append(value(term))
            yield from sorted(found.items())

    def collection(self) -> str:
        """The collection of the subjects, with those of others where there are several."""
        names: set[str] = set()
        for _, subject in self.nodes(self.subjects or ()):
            names.update(str(item).rpartition("/")[2] for item in subject[expand("q:collection")])
        return "+".join(sorted(names))

    def records(self, iris: Sequence[str]) -> Iterator[Record]:
        """The observations, and the identities that they name."""
        held = [(iri, node) for iri, node in self.nodes(iris) if KINDS.keys() & set(node[TYPE])]
        subjects = {iri for _, node in held for iri in node[expand("q:subject")]}
        self.subjects = {iri: str(_one(node, "q:identifier")) for iri, node in self.nodes(subjects)}
        for iri, node in held:
            yield self._observation(iri, node)

        def named(*predicates: str) -> set[str]:
            return {str(iri) for _, node in held for predicate in predicates for iri in node[expand(predicate)]}

        yield from self._lesions(named("q:about"))
        for iri, node in self.nodes(named("q:reader")):
            role = _one(node, "q:role")
            yield Reader(key=_key(iri), role=_concept(role))
        for iri, node in self.nodes(named("q:procedure")):
            stated = {name: _one(node, f"q:{name}") for name in ("software", "version", "settings")}
            automation = _concept(_one(node, "q:automation"))
            yield Procedure(key=_key(iri), automation=automation, **stated)
        yield from self._images(named("q:instance"), named("q:series"))
        yield from self._segments(named("q:region"))

    def _segments(self, iris: set[str]) -> Iterator[Record]:
        """The descriptions of those regions that are segments, as far as a report needs them."""
        listed = sorted(iris)
        for at in range(0, len(listed), AT_ONCE):
            part = " ".join(map(_iri, listed[at : at + AT_ONCE]))
            question = f"""
                SELECT DISTINCT ?region ?subject ?document ?number ?series {{
                  VALUES ?region {{ {part} }}
                  ?told q:region ?region ; q:shape q:MaskShape ; q:subject ?subject ; q:document ?document ;
                    q:regionNumber ?number .
                  OPTIONAL {{ ?told q:series ?series }}
                }} ORDER BY ?region ?document ?series"""
            for region, subject, document, number, series in self.warehouse.select(question, self.caller).rows:
                key = _text(region)
                yield RegionFacts(
                    key=key,
                    subject=(self.subjects or {}).get(_text(subject), ""),
                    region=key,
                    document=str(value(document)) if document is not None else None,
                    number=int(str(value(number))) if number is not None else None,
                    series=_uid(_text(series)) if series is not None else None,
                    shape=q.MASK_SHAPE,
                )

    def _observation(self, iri: str, node: Node) -> Observation:
        kind = next(KINDS[name] for name in node[TYPE] if name in KINDS)
        stated: dict[str, Any] = {}
        for item in FIELDS[kind]:
            found = node[expand(item.predicate)]
            if item.kind is Kind.WHEN:
                stated[item.name] = _when(node)
            elif found and item.kind in READ:
                stated[item.name] = READ[item.kind](found[0])
        digest, record = iri.split("/")[-2:]
        stated["states"] = record_uid(unquote(digest), unquote(record))
        stated["subject"] = (self.subjects or {})[str(_one(node, "q:subject"))]
        return kind(key=iri, **stated)

    def _lesions(self, iris: set[str]) -> Iterator[Record]:
        nodes = list(self.nodes(iris))
        owners = {iri: (self.subjects or {}).get(str(_one(node, "q:subject")), "") for iri, node in nodes}
        for iri, node in nodes:
            yield Lesion(subject=owners[iri], key=iri, label=_one(node, "q:label"))
        for at in range(0, len(nodes), AT_ONCE):
            part = " ".join(_iri(iri) for iri, _ in nodes[at : at + AT_ONCE])
            question = f"""
                SELECT DISTINCT ?lesion ?rule ?uid {{
                  VALUES ?lesion {{ {part} }}
                  ?identity q:about ?lesion ; q:identityRule ?rule OPTIONAL {{ ?identity q:trackingUid ?uid }}
                }} ORDER BY ?lesion DESC(BOUND(?uid)) ?uid ?rule"""
            told: set[str] = set()
            for lesion, rule, uid in self.warehouse.select(question, self.caller).rows:
                iri = _text(lesion)
                if iri not in told:  # a tracking UID goes before any other rule
                    told.add(iri)
                    tracking = str(value(uid)) if uid is not None else None
                    yield LesionFacts(
                        key=iri,
                        subject=owners[iri],
                        lesion=iri,
                        rule=Curie(compact(_text(rule))),
                        tracking_uid=tracking,
                    )

    def _images(self, instances: set[str], series: set[str]) -> Iterator[Record]:
        for iri, node in self.nodes(instances):
            found = _one(node, "q:series")
            if found:
                series.add(str(found))
            yield Instance(uid=_uid(iri), subject="", series=_uid(str(found)) if found else None)
        for iri, node in self.nodes(series):
            study, classes = _one(node, "q:study"), node[expand("dicom:SOPClassUID")]
            yield Series(uid=_uid(iri), subject="", study=_uid(str(study)) if study else None)
            if len(classes) == 1:
                yield SeriesHeader(uid=_uid(iri), subject="", attributes={"SOPClassUID": str(classes[0])})


FIELDS: Final[Mapping[type[Record], tuple[Field, ...]]] = {
    star.record: star.fields for star in STARS if star.record in KINDS.values()
}


def _key(iri: str) -> str:
    """The key of a reader or procedure: the last part of its IRI."""
    return iri.rpartition("/")[2]


def _uid(iri: str) -> str:
    return iri.removeprefix(OID)


def _curie(iri: str) -> Curie:
    return Curie(compact(iri))


def _concept(iri: str | None) -> Curie | None:
    return _curie(iri) if iri else None


def _same(found: Any) -> Any:
    return found


READ: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    Kind.CONCEPT: _curie,
    Kind.UID: _uid,
    Kind.LESION: str,
    Kind.REGION: str,
    Kind.READER: _key,
    Kind.PROCEDURE: _key,
    Kind.RECORD: str,
    Kind.STRING: str,
    Kind.DECIMAL: _same,
    Kind.INTEGER: _same,
    Kind.BOOLEAN: _same,
    Kind.SCALAR: _same,
}
"""How the values of a field are read; those that are left out are of no document."""


def _when(node: Node) -> When | None:
    """The day, on the clock that its node names."""
    clock = str(_one(node, "q:clock") or "").rpartition("/clock/")[2].partition("/")[2]
    exact = _one(node, "q:day")
    first, last = (exact, exact) if exact is not None else (_one(node, "q:dayEarliest"), _one(node, "q:dayLatest"))
    return When(first, last, clock) if isinstance(first, int) and isinstance(last, int) else None


def _one(node: Node, predicate: str) -> Any:
    return next(iter(node[expand(predicate)]), None)


def _text(term: Any) -> str:
    assert isinstance(term, ox.NamedNode)
    return term.value


def _iri(iri: str) -> str:
    return str(ox.NamedNode(iri))


def _literal(text: str) -> str:
    return str(ox.Literal(text))
