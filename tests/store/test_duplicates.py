"""One document in several formats: its statements are one group each, of which one is primary."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import store.generations
from ontology.prefixes import Curie
from ontology.record_uids import record_uid
from ontology.records import (
    DataClass,
    Derivation,
    Finding,
    Instance,
    Lesion,
    Measurement,
    Reader,
    Record,
    Region,
    RegionFacts,
    Response,
    Series,
    SourceRecord,
    Study,
)
from ontology.terms import ncit, q
from store.warehouse import OPERATOR, Warehouse
from tests.store import toys

SIZES = "SELECT ?value ?first { ?m q:variable ncit:C96684 ; q:value ?value ; q:primary ?first } ORDER BY ?value ?first"
LINKS = "SELECT ?m ?of { ?m q:duplicateOf ?of . ?m q:primary false . ?of q:primary true }"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    yield opened
    opened.close()


def document(way: str, uid: str | None = "1.2.3", values: tuple[str, ...] = ("42.5",)) -> list[Record]:
    """An annotation with sizes, a statement and a region, as read from one of its formats."""
    common: dict[str, Any] = {"subject": "S1", "lesion": "T01", "document": uid}
    return [
        Lesion(subject="S1", key="T01"),
        Region(subject="S1", key="1.2.3.9"),
        RegionFacts(key=f"{way}/region", subject="S1", region="1.2.3.9", document=uid, shape=q.LINE_SHAPE, points=2),
        *(
            Measurement(key=f"{way}/{at}", variable=ncit.LONGEST_DIAMETER, value=Decimal(value), unit="mm", **common)
            for at, value in enumerate(values)
        ),
        Finding(key=f"{way}/site", variable=Curie("radlex:RID3"), value_concept=ncit.LIVER, **common),
        Response(
            key=f"{way}/said", variable=ncit.RESPONSE_IN_TARGET_LESION, value_concept=ncit.STABLE_DISEASE, **common
        ),
    ]


def sizes(warehouse: Warehouse) -> list[tuple[str, str]]:
    return [(row[0].value, row[1].value) for row in warehouse.select(SIZES, OPERATOR).rows if row[0] and row[1]]


def put(warehouse: Warehouse, name: str, records: list[Record]) -> str:
    return toys.put(warehouse, name, records, DataClass.METADATA)


def test_a_document_in_two_formats_counts_once(warehouse: Warehouse) -> None:
    put(warehouse, "a.xml", document("xml", values=("42.5", "42.5", "11")))
    # a format that holds fewer digits, and another order
    put(warehouse, "a.json", document("json", values=("11.00", "42.50000000001", "42.5")))
    assert sorted(round(float(value), 6) for value, first in sizes(warehouse) if first == "true") == [11, 42.5, 42.5]
    assert len(sizes(warehouse)) == 6
    links = warehouse.select(LINKS, OPERATOR).rows
    # three sizes, a finding and a response: each of the one copy is linked to that of the other
    assert len({row[0] for row in links}) == len({row[1] for row in links}) == 5
    assert toys.number(warehouse, "SELECT (COUNT(*) AS ?n) { ?d a q:RegionDescription }") == 2
    assert toys.number(warehouse, "SELECT (COUNT(*) AS ?n) { ?d a q:RegionDescription ; q:primary true }") == 1


def test_a_copy_with_six_decimals_is_a_copy(warehouse: Warehouse) -> None:
    """AIM written as a structured report rounds so."""
    put(warehouse, "a.xml", document("xml", values=("39.5795974731445", "95.6205596923828")))
    put(warehouse, "a.dcm", document("report", values=("39.579597", "95.620560")))
    assert sorted(first for _, first in sizes(warehouse)) == ["false", "false", "true", "true"]


def test_documents_of_their_own_are_no_duplicates(warehouse: Warehouse) -> None:
    put(warehouse, "a.xml", document("xml"))
    put(warehouse, "b.xml", document("xml", uid="1.2.4"))
    put(warehouse, "c.xml", document("xml", uid=None))
    assert sizes(warehouse) == [("42.5", "true")] * 3


def test_a_corrected_copy_is_another_statement(warehouse: Warehouse) -> None:
    put(warehouse, "a.xml", document("xml"))
    put(warehouse, "a.json", document("json", values=("42.6",)))
    assert sizes(warehouse) == [("42.5", "true"), ("42.6", "true")]


def test_a_duplicate_comes_to_the_fore_when_the_first_is_retracted(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.generations, "SMALL", 0)
    sids = [put(warehouse, f"a.{way}", document(way)) for way in ("xml", "json", "sr")]
    for sid in sids[:2]:
        warehouse.retract([sid])
        grown = toys.everything(warehouse)
        assert [first for _, first in sizes(warehouse)].count("true") == 1
        warehouse.rebuild()
        assert toys.everything(warehouse) == grown
    assert sizes(warehouse) == [("42.5", "true")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path_factory.mktemp("shared") / "var")
    toys.collection(opened)
    yield opened
    opened.close()


def digest(name: str) -> str:
    """The content of a source, by its name alone, so that any may name the records of any: no two have one name."""
    return hashlib.sha256(name.encode()).hexdigest()


Given = tuple[SourceRecord, list[Record]]


def restating(name: str, of: str, **other: Any) -> Given:
    """A source whose one size restates that of the source ``of``, with what is other in it."""
    stated: dict[str, Any] = {"value": Decimal("42.5"), "unit": "mm", "study": "1.2", "variable": ncit.LONGEST_DIAMETER}
    uid = record_uid(digest(of), "size")
    own = Measurement(key="size", subject="S1", states=uid, **{**stated, **other})
    records = [
        *(Study(uid=uid, subject="S1") for uid in ("1.2", "1.3")),
        *(Reader(key=f"reader-{end}") for end in "ab"),
        own,
    ]
    return replace(toys.head(name, records), digest=digest(name)), records


def publish(warehouse: Warehouse, *given: Given) -> None:
    """Publish sources with heads of their own, in place of all that is there."""
    with warehouse.writing() as writing:
        for source in warehouse.generations.current().sources:
            writing.drop(source.sid)
        for head, records in given:
            writing.log.begin(head, "toys", "calendar")
            for record in records:
                writing.log.add(record)
            writing.log.finish()
        for logged in writing.log.flush():
            writing.keep(logged)
        writing.publish()


SAME: tuple[dict[str, Any], ...] = ({"study": None}, {"value": Decimal("42.50")}, {"variable": ncit.LENGTH})
OTHER: tuple[dict[str, Any], ...] = (
    {"value": Decimal("42.6")},
    {"study": "1.3"},
    {"reader": "reader-b"},
    {"visit": 2},
    {"variable": ncit.LONGEST_PERPENDICULAR},
)


@pytest.mark.parametrize("other", SAME, ids=str)
def test_what_restates_a_record_is_its_duplicate(shared: Warehouse, other: dict[str, Any]) -> None:
    a, b = f"a {other}", f"b {other}"
    publish(shared, restating(b, a, **other), restating(a, "", reader="reader-a", visit=1))
    found = shared.select(LINKS, OPERATOR).rows
    assert len(found) == 1
    # the record itself counts, whatever names it
    assert [str(node).rpartition("/")[0].rpartition("/")[2].strip("<>") for node in found[0]] == [
        digest(name)[:16] for name in (b, a)
    ]


@pytest.mark.parametrize("other", OTHER, ids=str)
def test_what_only_says_that_it_restates_a_record_counts(shared: Warehouse, other: dict[str, Any]) -> None:
    """A report may be the pattern of the next, and a UID may be copied: what is other is a statement of its own."""
    a, b = f"a {other}", f"b {other}"
    publish(shared, restating(a, "", reader="reader-a", visit=1), restating(b, a, **other))
    assert not shared.select(LINKS, OPERATOR).rows
    assert toys.number(shared, "SELECT (COUNT(*) AS ?n) { ?m a q:Measurement ; q:primary true }") == 2


def test_records_that_restate_each_other_all_count(shared: Warehouse) -> None:
    """No writer makes such, since a UID is of a content: nothing is lost to who forges it."""
    publish(shared, restating("x", "y"), restating("y", "x"), restating("z", "z"))
    assert not shared.select(LINKS, OPERATOR).rows


def test_a_chain_of_what_restates_ends_at_what_counts(shared: Warehouse) -> None:
    publish(shared, *(restating(name, of) for name, of in (("c", "b"), ("b", "a"), ("a", ""), ("d", "b"))))
    assert len({row[1] for row in shared.select(LINKS, OPERATOR).rows}) == 1
    assert len(shared.select(LINKS, OPERATOR).rows) == 3


TRACKED = "1.2.840.99999.30.1"


def sized(kind: str, name: str, **other: Any) -> Given:
    """A document of its own of a kind, with the sizes of a tracked lesion on an image."""
    stated: dict[str, Any] = {"values": ("42.5",), "reader": "reader-a", "instance": "1.2.1.1", "document": name}
    stated |= other
    values = stated.pop("values")
    common = {"subject": "S1", "lesion": TRACKED, "study": "1.2", "series": "1.2.1"}
    series = Series(uid="1.2.1", subject="S1", study="1.2")
    records: list[Record] = [
        *(Study(uid="1.2", subject="S1"), series, Lesion(subject="S1", key=TRACKED)),
        *(Instance(uid=uid, subject="S1", series="1.2.1") for uid in ("1.2.1.1", "1.2.1.2")),
        *(Reader(key=f"reader-{end}") for end in "ab"),
    ]
    for at, value in enumerate(values):
        size = {"variable": ncit.LONGEST_DIAMETER, "value": Decimal(value), "unit": "mm"}
        records.append(Measurement(key=f"{kind}/{at}", **common, **stated, **size))
    drawn = RegionFacts(key=f"{kind}/region", subject="S1", lesion=TRACKED, region=name, document=name)
    records += [Region(subject="S1", key=name), replace(drawn, instance=stated["instance"], shape=q.LINE_SHAPE)]
    unknown = {"variable": q.UNMAPPED, "value_concept": ncit.PRESENT, "raw_code": kind}
    records.append(Finding(key=f"{kind}/said", **common, **stated, **unknown))
    return replace(toys.head(name, records), kind=kind), records


def test_a_conversion_of_an_annotation_is_a_copy(shared: Warehouse) -> None:
    """ePAD makes annotations of reports: the UIDs of both are their own."""
    publish(
        shared,
        sized("sr", "1.2.9.1", values=("42.5000001", "11", "42.5"), reader=None),
        sized("aim", "1.2.9.2", values=("42.5", "42.5", "11.0", "7")),
    )
    assert [first for _, first in sizes(shared)].count("true") == 4
    # but for what has no term, which each says in codes of its own
    assert len({row[1] for row in shared.select(LINKS, OPERATOR).rows}) == 3


@pytest.mark.parametrize(
    "other", [{"instance": "1.2.1.2"}, {"instance": None}, {"reader": "reader-b"}, {"values": ("42.6",)}], ids=str
)
def test_what_is_measured_elsewhere_or_by_another_is_no_copy(shared: Warehouse, other: dict[str, Any]) -> None:
    publish(shared, sized("aim", "1.2.9.1"), sized("sr", "1.2.9.2", **other))
    assert not shared.select(LINKS, OPERATOR).rows


@pytest.mark.parametrize(("uid", "kinds"), [("", ("aim", "sr")), ("", ("sr", "aim")), ("1.2.9.3", ("aim", "sr"))])
def test_of_copies_that_which_names_a_reader_counts(shared: Warehouse, uid: str, kinds: tuple[str, str]) -> None:
    """Queries by reader would miss what another format has lost."""
    named_by = dict(zip(kinds, (None, "reader-a"), strict=True))
    publish(shared, *(sized(kind, kind, document=uid or kind, reader=reader) for kind, reader in named_by.items()))
    counting = "SELECT ?r { ?m a q:Measurement ; q:primary true OPTIONAL { ?m q:reader/q:identifier ?r } }"
    assert [str(row[0]) for row in shared.select(counting, OPERATOR).rows] == ['"reader-a"']


def test_a_second_reading_of_one_size_counts_beside_the_first_and_its_copy(shared: Warehouse) -> None:
    publish(shared, sized("aim", "1.2.9.1"), sized("aim", "1.2.9.2"))
    assert len(sizes(shared)) == [first for _, first in sizes(shared)].count("true") == 2
    publish(shared, *(sized("sr" if at > 2 else "aim", f"1.2.9.{at}") for at in range(1, 6)))
    assert [first for _, first in sizes(shared)].count("true") == 3


def test_another_audience_has_its_own_primary(warehouse: Warehouse) -> None:
    toys.collection(warehouse, "toys", images="public", metadata="public", clinical="clinic")
    put(warehouse, "a.xml", document("xml"))
    toys.put(warehouse, "a.csv", document("csv"), DataClass.CLINICAL)
    assert sizes(warehouse) == [("42.5", "true")] * 2


MADE_FROM = "SELECT ?made ?of { ?made q:derivedFrom ?of } ORDER BY ?made ?of"


def made_from(*origins: str) -> list[Record]:
    """A series of a study that was made from others."""
    series = [Series(uid=uid, subject="S1", study="1.2") for uid in ("1.2.9", *origins)]
    return [
        Study(uid="1.2", subject="S1"),
        *series,
        *(Derivation(uid="1.2.9", subject="S1", origin=o) for o in origins),
    ]


def origins(warehouse: Warehouse) -> list[str]:
    return [row[1].value.removeprefix("urn:oid:") for row in warehouse.select(MADE_FROM, OPERATOR).rows if row[1]]


def test_each_source_adds_what_it_says_a_series_was_made_from(warehouse: Warehouse) -> None:
    toys.collection(warehouse, "toys", images="public", metadata="public", clinical="clinic")
    put(warehouse, "a.dcm", made_from("1.2.1", "1.2.2"))
    assert origins(warehouse) == ["1.2.1", "1.2.2"]
    before = toys.everything(warehouse)
    # of another audience: what both say stands once, and the rest goes with its source
    source = toys.put(warehouse, "b.dcm", made_from("1.2.2", "1.2.3"), DataClass.CLINICAL)
    assert origins(warehouse) == ["1.2.1", "1.2.2", "1.2.3"]
    with warehouse.writing() as writing:
        writing.drop(source)
        writing.publish()
    assert toys.everything(warehouse) == before
