"""AIM documents: golden folders, refusals, mutated bytes, and the real files counted independently."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.aim.kept import redacted
from ingest.aim.reader import SOURCE, accepts, read
from ingest.base import Context, Keepable, Yield
from ontology.records import (
    Finding,
    Instance,
    Lesion,
    Measurement,
    Observation,
    Reader,
    Record,
    Region,
    RegionFacts,
    Reject,
    Response,
    Series,
    SourceRecord,
    Study,
    When,
)
from ontology.terms import ncit, q
from ontology.variables import variables

CASES = Path(__file__).with_name("aim")
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
FOLDERS = sorted(path.name for path in CASES.iterdir() if path.is_dir())
CONTEXT = Context(collection="golden", secret=b"a secret of the tests")
NAMES = ("Jane Example", "jexample", "rreader", "Patricia", "Pattern", "Smith", "1950", "1944", "free words", "ABD")


def document(case: str) -> Path:
    """The document of a golden folder, XML or JSON."""
    return next((CASES / case).glob("input.*"))


def records_of(*paths: Path) -> list[Yield]:
    return list(read(iter(map(str, paths)), CONTEXT))


def shown(value: Any) -> Any:
    """A field's value as the golden files write it."""
    if isinstance(value, When):
        day = value.first.isoformat() if isinstance(value.first, dt.date) else value.first
        return f"{day} {value.clock}" if value.clock else day
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    return list(map(shown, value)) if isinstance(value, tuple) else value


def as_json(item: Yield) -> dict[str, Any]:
    """A record as the golden files write it: type and the fields that are not at their default."""
    given = {
        field.name: shown(getattr(item, field.name))
        for field in dataclasses.fields(item)
        if getattr(item, field.name) != field.default and field.name not in {"digest", "locator", "recipe"}
    }
    return {"type": type(item).__name__, **given}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_document_gives_its_records(case: str) -> None:
    found = [as_json(item) for item in records_of(document(case))]
    assert found == json.loads((CASES / case / "expected.json").read_text(encoding="utf-8"))


def several(folder: Path, *changes: tuple[str, str]) -> list[Yield]:
    """What comes of a document with an annotation, then the same with each of these texts in place of others."""
    root = etree.parse(str(document("aim4_array")))
    held = next(root.iter("{*}imageAnnotations"))
    one = etree.tostring(held[0]).decode()
    for before, after in changes:
        assert before in one
        held.append(etree.fromstring(one.replace(before, after)))
    root.write(str(folder / "several.xml"))
    return records_of(folder / "several.xml")


def test_a_uid_that_annotations_of_one_document_share_is_none_of_theirs(tmp_path: Path) -> None:
    alone = records_of(document("aim4_array"))
    numbers = sum(isinstance(item, Measurement) for item in alone)
    twice = several(tmp_path, ("profile", "profile"))
    assert sum(isinstance(item, Measurement) for item in twice) == numbers, "the same twice is met once"
    assert {item.document for item in twice if isinstance(item, Observation)} - {None}
    apart = several(tmp_path, ('"profile"', '"another"'))
    assert sum(isinstance(item, Measurement) for item in apart) == 2 * numbers
    assert {item.document for item in apart if isinstance(item, Observation)} == {None}
    assert len({item.key for item in apart if isinstance(item, Lesion)}) == 2


@pytest.mark.parametrize("case", FOLDERS)
def test_nothing_yielded_names_anyone(case: str) -> None:
    text = repr(records_of(document(case))).replace(str(CASES), "")
    assert not [name for name in NAMES if name in text]


@pytest.mark.parametrize("case", FOLDERS)
def test_facts_have_unique_keys_and_name_only_what_is_yielded(case: str) -> None:
    check_references(records_of(document(case)))


def check_references(found: list[Yield]) -> None:
    """Keys are unique in a source, and what facts refer to stands beside them."""
    facts = [item for item in found if isinstance(item, Observation | RegionFacts)]
    keys = Counter(fact.key for fact in facts)
    assert not [key for key, count in keys.items() if count > 1]
    held = {type(item): set[str | None]() for item in found if isinstance(item, Record)}
    for item in found:
        if isinstance(item, Record) and item.identity:
            held[type(item)].add(getattr(item, "uid", None) or getattr(item, "key", None))
    for fact in facts:
        assert isinstance(fact, RegionFacts) or fact.part_of is None or fact.part_of in keys
        for kind, name in (
            *((Study, fact.study), (Series, fact.series), (Instance, fact.instance)),
            *((Lesion, fact.lesion), (Region, fact.region), (Reader, fact.reader)),
        ):
            assert name is None or name in held[kind]


def test_a_tracked_lesion_is_keyed_by_its_uid_and_labelled_by_its_name() -> None:
    found = records_of(CASES / "aim4_tracked" / "input.xml")
    lesions = [(item.key, item.label) for item in found if isinstance(item, Lesion)]
    assert lesions == [("1.2.840.99999.30.1", "T01"), ("1.2.840.99999.30.2", "N01")]
    sizes = {(item.lesion, item.variable, item.value, item.unit) for item in found if isinstance(item, Measurement)}
    assert sizes == {
        ("1.2.840.99999.30.1", ncit.LONGEST_DIAMETER, Decimal("42.5"), "mm"),
        ("1.2.840.99999.30.1", ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM, Decimal("7.1"), "g/ml"),
        # the one length on a lymph node would be its short axis, so it stays a length
        ("1.2.840.99999.30.2", ncit.LENGTH, Decimal(11), "mm"),
    }


def test_a_named_lesion_is_the_same_at_every_visit_of_one_reader(tmp_path: Path) -> None:
    text = (CASES / "aim4_epad" / "input.xml").read_text(encoding="utf-8")
    later, other = tmp_path / "later.xml", tmp_path / "other.xml"
    later.write_text(text.replace("Lesion1~", "LESION 1~").replace("20080606", "20080901"), encoding="utf-8")
    other.write_text(text.replace("Jane Example", "Rita Reader"), encoding="utf-8")
    first, again, second = (
        next(item.key for item in records_of(path) if isinstance(item, Lesion))
        for path in (CASES / "aim4_epad" / "input.xml", later, other)
    )
    assert first == again
    assert first != second


def test_one_document_is_refused_and_the_rest_goes_in() -> None:
    found = records_of(*(document(case) for case in ("doctype", "aim4_epad")))
    reject, head = found[0], found[1]
    assert isinstance(reject, Reject)
    assert (reject.name, reject.place) == ("input.xml", "line 3")
    assert "DOCTYPE" in reject.problem
    assert "without its DOCTYPE" in reject.wanted
    assert isinstance(head, SourceRecord)
    assert sum(isinstance(item, Measurement) for item in found) == 3


def test_a_known_document_is_not_read_again() -> None:
    known = dataclasses.replace(CONTEXT, known=lambda digest, recipe: len(digest) == 64 and recipe.startswith("aim-5"))
    found = list(read(iter([str(CASES / "aim4_epad" / "input.xml")]), known))
    assert [type(item) for item in found] == [SourceRecord]


@pytest.mark.parametrize("case", [case for case in FOLDERS if case != "doctype"])
def test_what_is_kept_is_the_annotation_without_anyone(case: str, tmp_path: Path) -> None:
    kept: list[str] = []

    def keep(document: Keepable) -> None:
        kept.extend(document.lines(set(), lambda _subject, when: (None, None, when.clock)))

    path = document(case)
    facts = list(read(iter([str(path)]), dataclasses.replace(CONTEXT, keep=keep)))
    text = "\n".join(kept)
    assert not [name for name in NAMES if name in text]
    assert not re.search(r"\d{4}-\d{2}-\d{2}|\b(19|20)\d{6}(\d{6})?\b", text)
    again = tmp_path / "again.xml"
    again.write_text(text, encoding="utf-8")
    said = [
        [
            (item.key, item.variable, item.value, item.unit, item.region, item.instance)
            for item in found
            if isinstance(item, Measurement)
        ]
        for found in (facts, records_of(again))
    ]
    assert said[0] == said[1]
    drawn = [[item for item in found if isinstance(item, Region)] for found in (facts, records_of(again))]
    assert drawn[0] == drawn[1]


def test_coordinates_are_kept_and_words_are_not() -> None:
    shape = (
        '<GeometricShape xsi:type="Polyline" lineColor="red" comment="Jane" xmlns:xsi="u"><Coordinate x="1.5" y="2"/>'
    )
    drawn = etree.fromstring(
        f'<ImageAnnotation name="Jane">words<!-- Jane -->{shape}</GeometricShape></ImageAnnotation>'
    )
    text = etree.tostring(redacted(drawn), encoding="unicode")
    assert '<Coordinate x="1.5" y="2"/>' in text
    assert 'xsi:type="Polyline"' in text
    assert not [word for word in ("Jane", "words", "red") if word in text]


def test_accepts_looks_at_the_root_only(tmp_path: Path) -> None:
    heads = {
        "<?xml version='1.0'?>\n<!-- c -->\n<ImageAnnotation/>": True,
        "<!DOCTYPE a [<!ENTITY b '>'>]><x:ImageAnnotationCollection xmlns:x='u'>": True,
        "\ufeff<ImageAnnotation": True,
        "<TemplateContainer><ImageAnnotation/></TemplateContainer>": True,  # so that it is refused with a reason
        ' {"ImageAnnotationCollection": {"aimVersion"': True,
        '\ufeff[{"aim": {"ImageAnnotationCollection": {': True,
        '{"resourceType": "Bundle", "note": "ImageAnnotationCollection"': False,
        "<ODM/>": False,
        "<ImageAnnotations/>": False,
        "subject,visit": False,
        "": False,
    }
    for number, (text, accepted) in enumerate(heads.items()):
        path = tmp_path / f"{number}.xml"
        path.write_text(text, encoding="utf-8")
        assert accepts(str(path)) is accepted, text
    assert not accepts("https://example.org/annotation.xml")
    assert SOURCE.accepts is accepts


def test_a_bomb_of_entities_or_depth_is_refused_at_once(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))
    bombs = (
        f'<!DOCTYPE a [<!ENTITY e0 "xxxxxxxxxx">{entities}]><ImageAnnotation name="&e12;">&e12;</ImageAnnotation>',
        "<ImageAnnotation>" + "<a>" * 5000 + "</a>" * 5000 + "</ImageAnnotation>",
        '<ImageAnnotation name="&undeclared;"/>',
    )
    for number, text in enumerate(bombs):
        path = tmp_path / f"{number}.xml"
        path.write_text(text, encoding="utf-8")
        (reject,) = records_of(path)
        assert isinstance(reject, Reject)
        assert reject.place == "line 1"


GOLDEN = {case: document(case).read_bytes() for case in FOLDERS}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(FOLDERS), data=st.data())
def test_mutated_documents_are_read_or_rejected(case: str, data: st.DataObject, tmp_path: Path) -> None:
    content = GOLDEN[case]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 40))
        content = content[:start] + data.draw(st.binary(max_size=12)) + content[start + length :]
    path = tmp_path / "mutated.xml"
    path.write_bytes(content)
    found = records_of(path)
    assert found
    assert all(isinstance(item, SourceRecord | Record | Reject) for item in found)
    assert "Patricia Pattern" not in repr(found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(["aim3_study_dialect", "aim4_array", "aim4_tracked"]), data=st.data())
def test_any_value_of_any_attribute_is_read_or_rejected(case: str, data: st.DataObject, tmp_path: Path) -> None:
    root = etree.fromstring(GOLDEN[case])
    elements = [element for element in root.iter("*") if element.attrib]
    for _ in range(data.draw(st.integers(1, 5))):
        element = data.draw(st.sampled_from(elements))
        name = data.draw(st.sampled_from(sorted(element.attrib)))
        text = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30)
        odd = st.sampled_from(
            ["1e999", "-1e-300", "1" * 300, "٣", "1_0", "inf", "0001-01-01", "99999999", "linear", "10*", "0"]
        )
        element.set(name, data.draw(text | odd))
    path = tmp_path / "odd.xml"
    path.write_bytes(etree.tostring(root))
    found = records_of(path)
    assert found
    check_references(found)


# --- the real files -------------------------------------------------------------------------------------------------


def real_files() -> list[Path]:
    if not REAL.is_dir():
        pytest.skip("../shared/data is not present")
    return sorted([*(REAL / "aim_v3").iterdir(), *(REAL / "aim_v4").iterdir()])


def texts(root: Any, path: str) -> list[str]:
    """The attributes or texts at an XPath."""
    return [str(text) for text in root.xpath(path)]


CALCULATION_VALUES = (
    "//*[local-name()='CalculationData']/@value | //*[local-name()='CalculationData']/*[local-name()='value']/@value"
)
NUMERIC_QUANTITIES = "//*[local-name()='CharacteristicQuantification'][@minValue or @maxValue or @value]"
STATEMENTS = (
    "//*[local-name()='AnatomicEntity' or local-name()='AnatomicEntityCharacteristic'"
    " or local-name()='ImagingObservation' or local-name()='ImagingObservationCharacteristic'"
    " or local-name()='Inference' or local-name()='CharacteristicQuantification'][@codeValue]"
)
STATEMENTS_4 = (
    "//*[local-name()='ImagingPhysicalEntity' or local-name()='ImagingObservationEntity'"
    " or local-name()='ImagingObservationCharacteristic'][*[local-name()='typeCode']]"
)


@pytest.mark.real
def test_real_files_are_all_read_with_every_value() -> None:
    for path in real_files():
        assert accepts(str(path))
        found = records_of(path)
        root = etree.parse(str(path))
        assert not [item for item in found if isinstance(item, Reject)]
        measured = [item for item in found if isinstance(item, Measurement)]
        calculated = [item for item in measured if "/CalculationData[" in item.key]
        values = texts(root, CALCULATION_VALUES)
        assert sorted((item.raw or "").split()[0] for item in calculated) == sorted(values)
        assert len(measured) - len(calculated) == len(root.xpath(NUMERIC_QUANTITIES))
        stated = [item for item in found if isinstance(item, Finding | Response) and "typeCode" not in item.key]
        assert len(stated) == len(root.xpath(STATEMENTS)) + len(root.xpath(STATEMENTS_4))
        check_references(found)


@pytest.mark.real
def test_real_files_name_nobody() -> None:
    for path in real_files():
        root = etree.parse(str(path))
        names = texts(root, "//*[local-name()='User']/@name | //*[local-name()='User']/@loginName")
        names += texts(root, "//*[local-name()='user']/*[local-name()='name' or local-name()='loginName']/@value")
        names += texts(root, "//*[local-name()='person']/*[local-name()='name' or local-name()='birthDate']/@value")
        names += texts(root, "//*[local-name()='Person']/@birthDate | /*/@name")
        identifier = set(texts(root, "//*[local-name()='Person']/@id"))
        stored = repr([item for item in records_of(path) if not isinstance(item, SourceRecord)])
        # a reader called by one letter, or a document called as its subject, tells nobody anything
        assert not [name for name in names if len(name) > 2 and name not in identifier and f"'{name}'" in stored]


@pytest.mark.real
def test_real_measurements_are_in_the_units_of_their_variables() -> None:
    measured = [item for item in records_of(*real_files()) if isinstance(item, Measurement)]
    for item in measured:
        registered = variables().get(item.variable)
        if registered is not None and registered.unit is not None:
            assert item.unit == registered.unit
    # lengths of one RECIST series differ by a factor of ten from a mm reading: ePAD's "linear" is cm
    assert [item.value for item in measured if (item.raw or "").endswith(" linear")] == [Decimal("33.843049868978676")]
    # statistics of the signal of magnetic resonance images are of the pixels
    assert {item.statistic for item in measured if item.variable == q.IMAGE_INTENSITY and item.unit == "1"} == {
        ncit.ARITHMETIC_MEAN,
        ncit.STANDARD_DEVIATION,
    }


@pytest.mark.real
def test_real_readers_of_one_study_stay_apart() -> None:
    two = [REAL / "aim_v3" / f"NCIP_0022Baseline{name}.xml" for name in "AB"]
    if not REAL.is_dir():
        pytest.skip("../shared/data is not present")
    found = records_of(*two)
    assert len({item.key for item in found if isinstance(item, Reader)}) == 2
    assert len({item.uid for item in found if isinstance(item, Study)}) == 1
    sizes = [item.value for item in found if isinstance(item, Measurement) and item.variable == ncit.LONGEST_DIAMETER]
    assert sizes == [Decimal("39.5795974731445"), Decimal("34.9826850891113")]
