"""Structured reports: golden folders, refusals, hostile trees, and the real files counted independently."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections import Counter
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping as snomed

from ingest import sources
from ingest.aim import reader as aim
from ingest.base import Context, Keepable, Yield
from ingest.dicom.header import BrokenDicomError, Elements, sop_class_of
from ingest.gate.records import admit
from ingest.sr.concepts import Role, role
from ingest.sr.model import Code
from ingest.sr.reader import LARGEST, SOURCE, accepts, read
from ingest.sr.tree import DEEPEST, MOST_ITEMS, VALUE_TYPES, tree
from ontology.records import (
    Finding,
    Instance,
    Lesion,
    Measurement,
    Observation,
    Procedure,
    Record,
    Region,
    RegionFacts,
    Reject,
    Response,
    SeriesHeader,
    SourceRecord,
)
from ontology.terms import ncit, q
from ontology.variables import variables
from tests.ingest import sr_documents as made
from tests.ingest.test_aim import as_json, check_references

CASES = Path(__file__).with_name("sr")
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
REPORTS = sorted((REAL / "dicom_sr").glob("*"))
FOLDERS = sorted(path.name for path in CASES.iterdir() if path.is_dir())
READ = [case for case in FOLDERS if case not in {"named", "nobody"}]
CONTEXT = Context(collection="golden", secret=b"a secret of the tests")
ATTESTED = dataclasses.replace(CONTEXT, attested=True, released=lambda _content, place: "OperatorsName" not in place)
NAMES = ("Jane", "Example", "Patricia", "Pattern", "a mass of", "found it")


def records_of(*paths: Path, context: Context = CONTEXT) -> list[Yield]:
    return list(read(iter(map(str, paths)), context))


def saved(document: Dataset, folder: Path, name: str = "report.dcm") -> Path:
    document.save_as(folder / name, enforce_file_format=True)
    return folder / name


def rejects(found: list[Yield]) -> list[Reject]:
    return [item for item in found if isinstance(item, Reject)]


# golden folders


@pytest.mark.parametrize("case", FOLDERS)
def test_a_report_gives_its_records(case: str) -> None:
    found = [as_json(item) for item in records_of(CASES / case / "input.dcm")]
    assert found == json.loads((CASES / case / "expected.json").read_text(encoding="utf-8"))


def test_every_document_that_is_made_has_a_folder() -> None:
    assert sorted(made.DOCUMENTS) == FOLDERS


@pytest.mark.parametrize("case", FOLDERS)
def test_nothing_yielded_names_anyone(case: str) -> None:
    text = repr(records_of(CASES / case / "input.dcm")).replace(str(CASES), "")
    assert not [name for name in NAMES if name in text]


@pytest.mark.parametrize("case", FOLDERS)
def test_facts_have_unique_keys_and_name_only_what_is_yielded(case: str) -> None:
    check(records_of(CASES / case / "input.dcm"))


def check(found: list[Yield]) -> None:
    """Keys are unique in a source, and what facts refer to stands beside them."""
    check_references(found)
    regions = {item.key for item in found if isinstance(item, Region)}
    instances = {item.uid for item in found if isinstance(item, Instance)}
    for fact in found:
        if isinstance(fact, Observation | RegionFacts):
            assert fact.region is None or fact.region in regions
            assert fact.instance is None or fact.instance in instances


@pytest.mark.parametrize("case", READ)
def test_what_is_kept_is_the_content_without_anyone(case: str) -> None:
    kept: list[str] = []

    def keep(document: Keepable) -> None:
        kept.extend(document.lines(set(), lambda _subject, when: (None, None, when.clock)))

    records_of(CASES / case / "input.dcm", context=dataclasses.replace(CONTEXT, keep=keep))
    text = "\n".join(kept)
    assert not [name for name in (*NAMES, "20100304", "20100401") if name in text]
    original = pydicom.dcmread(CASES / case / "input.dcm")
    assert numbers(Dataset.from_json(text)) == numbers(original)


def numbers(item: Dataset) -> list[tuple[str, Decimal]]:
    """The code and value of every number, library included, but of what is no content item."""
    found: list[tuple[str, Decimal]] = []
    if item.get("ValueType", "") not in {"", *VALUE_TYPES}:
        return found
    if item.get("ValueType") == "NUM" and item.get("MeasuredValueSequence"):
        name, measured = item.ConceptNameCodeSequence[0], item.MeasuredValueSequence[0]
        found.append((str(name.CodeValue), Decimal(str(measured.NumericValue))))
    return found + [one for child in item.get("ContentSequence", []) for one in numbers(child)]


# what is meant


CONCEPTS = list(
    csv.DictReader(
        files("ingest").joinpath("sr/concepts.tsv").open(encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE
    )
)
FROM_TOOLS = {"99NCIAIM", "99QILIN", "NCI", "RADELEMENT", "NCIt"}
"""Schemes of tools, ours among them, whose codes stand so in their files and not in DICOM."""
NOT_LISTED = {("C0034375", "UMLS"), ("C2348792", "UMLS"), ("276214006", "SCT")}
"""Of TID 1500, 1502 and 1410, but in no context group, so pydicom does not have them."""


@pytest.mark.parametrize("row", CONCEPTS, ids=lambda row: f"{row['scheme']} {row['code']}")
def test_every_concept_has_the_code_and_meaning_that_dicom_gives_it(row: dict[str, str]) -> None:
    code, scheme = row["code"], row["scheme"]
    assert role(Code(code, scheme, "")) is Role(row["role"])
    if scheme in FROM_TOOLS or (code, scheme) in NOT_LISTED:
        return
    if scheme == "SRT":
        code, scheme = snomed["SRT"][code], "SCT"
    meanings = {found.casefold() for name in concepts[scheme].values() if code in name for found in [name[code][0]]}
    assert row["meaning"].casefold() in meanings


def test_concepts_are_sorted_and_each_role_has_one() -> None:
    lines = [tuple(row.values()) for row in CONCEPTS]
    assert lines == sorted(set(lines))
    assert {row["role"] for row in CONCEPTS} == set(Role)


def test_aim_as_a_report_is_the_same_annotation(tmp_path: Path) -> None:
    """The same annotation in XML gives the same lesion, variable, document and reader."""
    xml = tmp_path / "same.xml"
    xml.write_text(
        f'<ImageAnnotation uniqueIdentifier="{made.ROOT}.55" name="Jane Example 2010" codeValue="112041"'
        ' codingSchemeDesignator="DCM" codeMeaning="Target Lesion Complete Response">'
        '<calculationCollection><Calculation codeValue="G-A22A" codingSchemeDesignator="SRT" codeMeaning="Length">'
        '<calculationResultCollection><CalculationResult unitOfMeasure="mm"><calculationDataCollection>'
        '<CalculationData value="39.5795974731445"/></calculationDataCollection></CalculationResult>'
        "</calculationResultCollection></Calculation></calculationCollection>"
        '<user><User name="Example^Jane"/></user><person><Person id="S-01"/></person></ImageAnnotation>',
        encoding="utf-8",
    )
    of_report = measured(records_of(CASES / "aim" / "input.dcm"))
    of_xml = measured(list(aim.read(iter([str(xml)]), CONTEXT)))
    assert of_report == of_xml
    assert of_report == [("S-01", ncit.LONGEST_DIAMETER, f"{made.ROOT}.55", f"{made.ROOT}.55", of_xml[0][4])]


def measured(found: list[Yield]) -> list[tuple[str, str, str | None, str | None, str | None]]:
    return [
        (item.subject, item.variable, item.lesion, item.document, item.reader)
        for item in found
        if isinstance(item, Measurement)
    ]


def test_a_number_of_an_unknown_statistic_is_not_the_quantity_itself() -> None:
    found = records_of(CASES / "segment" / "input.dcm")
    said = {str(item.value): item.variable for item in found if isinstance(item, Measurement)}
    assert said["1.5"] == q.UNMAPPED
    assert said["10.3814"] == ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM


def test_a_meaning_that_agrees_with_the_unit_goes_before_a_code_that_does_not(tmp_path: Path) -> None:
    areas = [
        made.number(("G-D7FE", "SRT", "AREA"), "4806.4", ("mm2", "UCUM", "mm2")),
        made.number(("G-D7FE", "SRT", "Width"), "4806.4", ("mm2", "UCUM", "mm2")),
    ]
    found = records_of(saved(made.document(made.measured_report(made.container(made.GROUP, *areas))), tmp_path))
    assert [(item.key, item.variable) for item in found if isinstance(item, Measurement)] == [("1.3.1.1", ncit.AREA)]
    assert [item.place for item in rejects(found)] == ["1.3.1.2"]


def test_what_identifies_a_patient_in_the_content_stays_out(tmp_path: Path) -> None:
    typed = ("CORNERSTONEFREETEXT", "CST4", "Patricia Pattern, as discussed")
    years = ("a", "UCUM", "year")
    report = made.measured_report(
        made.container(made.GROUP, made.coded(made.FINDING, typed)),
        made.number(("121033", "DCM", "Subject Age"), "93", years),
        made.number(("M-1", "99TEST", "Years of residence"), "93", years, relationship="HAS OBS CONTEXT"),
    )
    found = records_of(saved(made.document(report), tmp_path))
    assert "Patricia" not in repr(found)
    assert [item.raw_code for item in found if isinstance(item, Finding)] == ["CORNERSTONEFREETEXT|CST4|"]
    (age,) = (item for item in found if isinstance(item, Measurement))
    held = admit(age, CONTEXT)
    assert isinstance(held, Measurement)
    assert (held.value, held.low, held.raw) == (None, Decimal(90), "90+")


def test_evaluations_beside_several_groups_are_of_none_of_them(tmp_path: Path) -> None:
    report = made.bidirectional()
    more = made.container(made.GROUP, *made.tracked("Lesion 4", f"{made.ROOT}.77.9"))
    report.ContentSequence[2].ContentSequence.append(more)
    found = records_of(saved(report, tmp_path))
    roles = [item for item in found if isinstance(item, Finding) and item.variable == ncit.TUMOR_IDENTIFICATION]
    assert [(item.lesion, item.site) for item in roles] == [(None, None)]


def test_a_person_whose_name_was_taken_out_observed_all_the_same(tmp_path: Path) -> None:
    report = made.detection()
    software = {item.automation for item in records_of(saved(report, tmp_path)) if isinstance(item, Procedure)}
    person = made.coded(("121005", "DCM", "Observer Type"), ("121006", "DCM", "Person"), relationship="HAS OBS CONTEXT")
    report.ContentSequence.insert(0, person)
    found = records_of(saved(report, tmp_path, "person.dcm"))
    assert software == {q.AUTOMATIC}
    assert {item.automation for item in found if isinstance(item, Procedure)} == {None}


def test_the_measured_organ_is_no_lesion(tmp_path: Path) -> None:
    liver = ("10200004", "SCT", "Liver")

    def about(finding: made.Triplet) -> list[str | None]:
        report = made.document(
            made.container(
                made.REPORT,
                made.container(
                    made.MEASUREMENTS,
                    made.container(
                        made.GROUP,
                        *made.tracked("Liver", f"{made.ROOT}.77.9"),
                        made.coded(made.FINDING, finding),
                        made.coded(made.SITE, liver, relationship="HAS CONCEPT MOD"),
                        made.number(("118565006", "SCT", "Volume"), "1500", ("ml", "UCUM", "ml")),
                    ),
                ),
                relationship="",
            )
        )
        found = records_of(saved(report, tmp_path))
        (volume,) = (item for item in found if isinstance(item, Measurement))
        assert volume.site == ncit.LIVER
        return [volume.lesion, *(item.key for item in found if isinstance(item, Lesion))]

    assert about(liver) == [None]
    assert about(("4147007", "SCT", "Mass")) == [f"{made.ROOT}.77.9"] * 2


# which files


def test_reports_go_to_this_reader_and_images_do_not() -> None:
    assert sources.accepting(str(CASES / "segment" / "input.dcm")) is SOURCE
    image = Path(__file__).with_name("dicom") / "ct_chest"
    files = [path for path in image.rglob("*") if path.is_file() and path.suffix != ".json"]
    assert files
    assert not any(accepts(str(path)) for path in files)
    assert not accepts("https://example.org/report.dcm")


@pytest.mark.parametrize("implicit", [True, False])
def test_the_sop_class_is_found_without_file_meta_information(implicit: bool, tmp_path: Path) -> None:
    document = made.segment()
    del document.file_meta
    held = io.BytesIO()
    document.save_as(held, implicit_vr=implicit, little_endian=True)
    assert sop_class_of(held.getvalue()[:4096]) == made.COMPREHENSIVE
    path = tmp_path / "bare"
    path.write_bytes(held.getvalue())
    assert accepts(str(path))
    assert [item.variable for item in records_of(path) if isinstance(item, Measurement)][1] == "ncit:C95012"


def test_a_list_of_key_images_is_no_report(tmp_path: Path) -> None:
    document = made.document(made.measured_report(), "1.2.840.10008.5.1.4.1.1.88.59")
    assert not accepts(str(saved(document, tmp_path)))


def test_a_report_comes_once_and_another_with_its_uid_waits(tmp_path: Path) -> None:
    one, same = saved(made.segment(), tmp_path, "a.dcm"), saved(made.segment(), tmp_path, "b.dcm")
    other = saved(made.bidirectional(), tmp_path, "c.dcm")
    found = records_of(one, same, other)
    assert [item.name for item in found if isinstance(item, SourceRecord)] == ["a.dcm"]
    assert [(item.name, item.quarantine) for item in rejects(found)] == [("c.dcm", True)]
    assert "a.dcm" in rejects(found)[0].problem


def test_a_known_report_is_not_read_again() -> None:
    known = dataclasses.replace(CONTEXT, known=lambda digest, recipe: len(digest) == 64 and recipe.startswith("sr-5"))
    found = records_of(CASES / "segment" / "input.dcm", context=known)
    assert [type(item) for item in found] == [SourceRecord]


# DICOM JSON


def facts(found: list[Yield]) -> list[Yield]:
    """What is said, but of the file itself: JSON has no transfer syntax, and may write 12 as 12.0."""
    of_file = {Measurement: {"raw": None}, Reject: {"content": ""}}
    return [
        dataclasses.replace(item, **of_file.get(type(item), {}))
        for item in found
        if not isinstance(item, SourceRecord | SeriesHeader)
    ]


@pytest.mark.parametrize("case", FOLDERS)
def test_a_report_in_json_gives_the_same_records(case: str, tmp_path: Path) -> None:
    path = tmp_path / "input.dcm"
    path.write_text(pydicom.dcmread(CASES / case / "input.dcm").to_json(), encoding="utf-8")
    assert sources.accepting(str(path)) is SOURCE
    assert facts(records_of(path)) == facts(records_of(CASES / case / "input.dcm"))


def test_a_report_and_its_json_are_two_sources_of_one_document(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text(pydicom.dcmread(CASES / "segment" / "input.dcm").to_json(), encoding="utf-8")
    found = records_of(CASES / "segment" / "input.dcm", path)
    assert [item.name for item in found if isinstance(item, SourceRecord)] == ["input.dcm", "input.json"]
    assert len({item.document for item in found if isinstance(item, Measurement)}) == 1


HEAD_OF_REPORT = f'{{"00080016": {{"vr": "UI", "Value": ["{made.COMPREHENSIVE}"]}}'


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ', "0040A30A": {"vr": "DS", "Value": [NaN]}}',
        ', "0040A730": ' + '{"vr": "SQ", "Value": [{"0040A730": ' * 100 + "1" + "}]}" * 100 + "}",
        ', "a": ' + "[" * 100_000,
    ],
)
def test_a_bomb_in_json_is_refused(rest: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.json"
    path.write_text(HEAD_OF_REPORT + rest, encoding="utf-8")
    assert accepts(str(path))
    assert [type(item) for item in records_of(path)] == [Reject]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from(["vr", "Value"]), below)),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(READ), at=st.integers(0, 10_000), value=anything)
def test_wrong_types_in_json_give_records_or_rejects(case: str, at: int, value: object, tmp_path: Path) -> None:
    document = pydicom.dcmread(CASES / case / "input.dcm").to_json_dict()
    held: list[tuple[dict[str, object] | list[object], str | int]] = []

    def walk(node: object) -> None:
        if isinstance(node, dict | list):
            for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
                held.append((node, key))
                walk(child)

    walk({tag: element for tag, element in document.items() if tag != "00080016"})
    walk(list(document.values()))
    holder, key = held[at % len(held)]
    holder[key] = value  # type: ignore[index, call-overload]
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    found = records_of(path, context=ATTESTED)
    assert all(isinstance(item, Record | Reject | SourceRecord) for item in found)
    check(found)


# broken and hostile files


def test_a_damaged_file_is_refused_and_the_rest_goes_in(tmp_path: Path) -> None:
    whole = (CASES / "segment" / "input.dcm").read_bytes()
    cut, huge = tmp_path / "cut.dcm", tmp_path / "huge.dcm"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    huge.write_bytes(whole)
    with huge.open("r+b") as handle:
        handle.truncate(LARGEST + 1)
    found = records_of(cut, huge, tmp_path / "gone.dcm", CASES / "segment" / "input.dcm")
    assert [item.name for item in rejects(found)] == ["cut.dcm", "huge.dcm", "gone.dcm"]
    assert sum(isinstance(item, Measurement) for item in found) == 4


def nested(depth: int) -> Dataset:
    inner = made.number(("G-D705", "SRT", "Volume"), "1", ("ml", "UCUM", "ml"))
    for _ in range(depth):
        inner = made.container(made.MEASUREMENTS, inner)
    return made.document(made.measured_report(inner))


@pytest.mark.parametrize("depth", [DEEPEST + 1, 120])
def test_a_tree_without_end_is_refused(depth: int, tmp_path: Path) -> None:
    found = records_of(saved(nested(depth), tmp_path))
    assert [type(item) for item in found] == [Reject]
    assert "nested" in rejects(found)[0].problem or "cannot be read" in rejects(found)[0].problem


def test_a_deep_tree_is_read(tmp_path: Path) -> None:
    found = records_of(saved(nested(40), tmp_path))
    assert [item.value for item in found if isinstance(item, Measurement)] == [Decimal(1000)]


def test_a_tree_of_too_many_items_is_refused() -> None:
    leaf = Elements({"ValueType": ("TEXT",)})
    wide = Elements({"ValueType": ("CONTAINER",)}, {"ContentSequence": (leaf,) * MOST_ITEMS})
    with pytest.raises(BrokenDicomError, match="content items"):
        tree(wide)


def test_a_root_that_is_no_container_is_refused() -> None:
    with pytest.raises(BrokenDicomError, match="no container"):
        tree(Elements({"ValueType": ("NUM",)}))


references = st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=5)
leaves = st.builds(
    lambda kind, target, number: Elements(
        {
            **({"ValueType": (kind,)} if kind else {}),
            **({"ReferencedContentItemIdentifier": tuple(target)} if target else {}),
        },
        {"MeasuredValueSequence": (Elements({"NumericValue": (number,)}),)},
    ),
    st.sampled_from(["", "NONSENSE", *sorted(VALUE_TYPES)]),
    st.one_of(st.none(), references),
    st.one_of(st.decimals(allow_nan=False), st.text(max_size=3)),
)
trees = st.recursive(
    leaves,
    lambda below: st.builds(
        lambda item, children: Elements(item.values, {**item.items, "ContentSequence": tuple(children)}),
        leaves,
        st.lists(below, max_size=4),
    ),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(trees, max_size=4))
def test_any_tree_is_read_and_its_references_end(children: list[Elements]) -> None:
    root, flaws = tree(Elements({"ValueType": ("CONTAINER",)}, {"ContentSequence": tuple(children)}))
    items = {item.place: item for item in root.walk()}
    assert not items.keys() & {flaw.place for flaw in flaws}
    state: dict[str, int] = {}
    stack = [("1", False)]
    while stack:
        place, done = stack.pop()
        if done:
            state[place] = 2
            continue
        if state.get(place) == 2:
            continue
        assert state.get(place) != 1, "a reference leads back to where it stands"
        state[place] = 1
        item = items[place]
        stack.append((place, True))
        stack.extend((below.place, False) for below in item.children)
        if item.target:
            stack.append((item.target, False))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    case=st.sampled_from(READ),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_bytes_give_records_or_rejects(case: str, changes: list[tuple[int, int]], tmp_path: Path) -> None:
    content = bytearray((CASES / case / "input.dcm").read_bytes())
    for at, byte in changes:
        content[at % len(content)] = byte
    path = tmp_path / "damaged.dcm"
    path.write_bytes(content)
    found = records_of(path, context=ATTESTED)
    assert found
    assert all(isinstance(item, Record | Reject | SourceRecord) for item in found)
    check(found)


# real files


def scan(item: Dataset) -> int:
    """The numbers with a value outside image libraries."""
    name = item.get("ConceptNameCodeSequence")
    if name and name[0].get("CodeValue") in {"111028", "126200", "zzz034"}:
        return 0
    measured = item.get("MeasuredValueSequence") if item.get("ValueType") == "NUM" else None
    own = bool(measured) and measured[0].get("NumericValue") is not None
    return own + sum(map(scan, item.get("ContentSequence", [])))


@pytest.mark.real
@pytest.mark.skipif(not REPORTS, reason="the real reports are not here")
def test_real_reports_give_every_number_a_variable_and_unit() -> None:
    counts: Counter[str] = Counter()
    for path in REPORTS:
        found = records_of(path, context=ATTESTED)
        check(found)
        if not any(isinstance(item, SourceRecord) for item in found):
            counts["refused"] += 1
            continue
        counts["read"] += 1
        counts["numbers"] += scan(pydicom.dcmread(path))
        values = [item for item in found if isinstance(item, Measurement) and item.key != "PatientAge"]
        counts["exact"] += sum(
            item.value is not None
            and item.variable in variables()
            and variables()[item.variable].unit in {None, item.unit}
            for item in values
        )
        counts["lesions"] += sum(isinstance(item, Lesion) for item in found)
        counts["stated"] += sum(isinstance(item, Finding | Response) for item in found)
    assert (counts["read"], counts["refused"]) == (11, 5)
    assert counts["numbers"] == 34
    assert counts["exact"] >= 0.95 * counts["numbers"]
    assert counts["lesions"] == 11


@pytest.mark.real
@pytest.mark.skipif(not REPORTS, reason="the real reports are not here")
def test_real_aim_reports_say_what_their_xml_says() -> None:
    pairs = [
        (path, REAL / "aim_v3" / f"NCIP_{path.stem.split('_')[-1]}.xml") for path in REPORTS if "AIMSR" in path.name
    ]
    assert len(pairs) == 6
    for report, xml in pairs:
        of_xml = list(aim.read(iter([str(xml)]), ATTESTED))
        assert said(records_of(report, context=ATTESTED)) == said(of_xml)


def said(found: list[Yield]) -> list[tuple[object, ...]]:
    return [
        (type(item), item.lesion, item.document, item.series, item.reader, item.variable, item.value_concept, item.when)
        for item in found
        if isinstance(item, Observation) and not item.key.startswith("Patient")
    ]
