"""FHIR documents: golden folders, refusals, hostile JSON, and what must never come in."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import sources
from ingest.base import Context, Yield
from ingest.fhir import reader as fhir
from ingest.fhir import stream as fhir_stream
from ingest.fhir.model import Concept, ajcc
from ingest.gate.records import admit
from ontology.records import Finding, Measurement, Observation, Record, Reject, SourceRecord, Subject, Treatment, When
from ontology.terms import ncit, q

CASES = Path(__file__).with_name("fhir")
FOLDERS = sorted(path.name for path in CASES.iterdir())
CONTEXT = Context(collection="golden", secret=b"a secret of the tests")
LEFT_OUT = {"digest", "locator", "recipe"}
BUNDLE = json.loads((CASES / "mcode_bundle" / "bundle.json").read_text(encoding="utf-8"))


def plain(value: object) -> object:
    if isinstance(value, When):
        return [plain(value.first), plain(value.last), value.clock]
    return str(value) if isinstance(value, dt.date | Decimal) else value


def shown(item: Yield) -> dict[str, Any]:
    assert not isinstance(item, type)
    said = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    defaults = {field.name: field.default for field in dataclasses.fields(item)}
    kept = {name: plain(value) for name, value in said.items() if value != defaults[name] and name not in LEFT_OUT}
    if kept.get("attributes") == {}:
        del kept["attributes"]
    return {"type": type(item).__name__, **kept}


def documents(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.iterdir() if path.name != "expected.json")


def items(*locators: str, mapping: str | None = None) -> list[Yield]:
    return list(fhir.read(iter(locators), dataclasses.replace(CONTEXT, mapping=mapping)))


def of(document: object, folder: Path, **more: Any) -> list[Yield]:
    path = folder / "document.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return items(str(path), **more)


@pytest.mark.parametrize("name", FOLDERS)
def test_golden(name: str) -> None:
    found = [shown(item) for item in items(*documents(CASES / name))]
    expected = CASES / name / "expected.json"
    if os.environ.get("QILIN_WRITE_GOLDEN"):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in found)
        expected.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FOLDERS)
def test_every_document_is_accepted_and_no_other_kind_takes_it(name: str) -> None:
    assert {source.name for path in documents(CASES / name) if (source := sources.accepting(path))} == {"fhir"}


def test_nothing_identifying_is_read() -> None:
    told = repr(items(*documents(CASES / "mcode_bundle")))
    for secret in ("Mustermann", "Erika", "4711", "1960", "555-867", "daughter", "her left", "feels well", "nurse"):
        assert secret not in told
    records = [item for item in items(*documents(CASES / "mcode_bundle")) if isinstance(item, Record)]
    assert [record for record in records if isinstance(admit(record, CONTEXT), Reject)] == []


def test_keys_are_unique_and_parts_exist() -> None:
    for name in FOLDERS:
        for path in documents(CASES / name):
            found = [item for item in items(path) if isinstance(item, Record) and not item.identity]
            keys = [key for item in found if (key := getattr(item, "key", None))]
            assert len(keys) == len(set(keys))
            assert {item.part_of for item in found if isinstance(item, Observation) and item.part_of} <= set(keys)


def test_the_subject_may_be_an_identifier() -> None:
    found = items(*documents(CASES / "mcode_bundle"), mapping="identifier:urn:example:trial-x")
    assert {item.subject for item in found if isinstance(item, Subject)} == {"TX-007"}
    assert "QX-01" not in repr([item for item in found if isinstance(item, Record)])
    bulk = items(*documents(CASES / "bulk_export"), mapping="identifier:urn:example:trial-x")
    weights = [item for item in bulk if isinstance(item, Measurement)]
    assert [(item.subject, item.unit) for item in weights] == [("TX-001", "kg")]
    assert any(isinstance(item, Reject) and "identifier" in item.wanted for item in bulk)


def test_a_changed_patient_file_changes_how_the_export_is_read(tmp_path: Path) -> None:
    for path in documents(CASES / "bulk_export"):
        (tmp_path / Path(path).name).write_bytes(Path(path).read_bytes())
    paths = documents(tmp_path)

    def recipes() -> list[str]:
        return [item.recipe for item in items(*paths) if isinstance(item, SourceRecord)]

    before = recipes()
    assert before == recipes()
    with (tmp_path / "Patient.ndjson").open("a", encoding="utf-8") as handle:
        handle.write('\n{"resourceType":"Patient","id":"b3"}\n')
    assert not set(before) & set(recipes())


def test_a_table_map_is_no_mapping_for_fhir() -> None:
    found = items(*documents(CASES / "transaction"), mapping="demo_labs")
    assert [type(item) for item in found] == [Reject]


@pytest.mark.parametrize(
    ("text", "term"),  # categories begin with T, N or M
    [
        ("cT3", ncit.T3_STAGE_FINDING),
        ("ypN0", ncit.N0_STAGE_FINDING),
        ("pM1a", ncit.M1A_STAGE_FINDING),
        ("IIIC", ncit.STAGE_IIIC),
        ("stage iv", ncit.STAGE_IV),
        ("3C", None),  # only as a code of the AJCC
        ("Stage IA2", ncit.STAGE_IA),
        ("American Joint Committee on Cancer stage IIB (qualifier value)", ncit.STAGE_IIB),
        ("5", None),
        ("T9", None),
        ("Stage of the moon", None),
    ],
)
def test_stages_are_known_by_their_names(text: str, term: str | None) -> None:
    assert ajcc(Concept(text=text), group=text.lstrip("cpy")[0] not in "TNM") == term


def test_documents_that_are_none(tmp_path: Path) -> None:
    for content, problem in [
        (b"", "no JSON"),
        (b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"', "no JSON"),
        (b'{"resourceType": "Bundle", "entry": nonsense}', "no array"),
        (b'["resourceType"]', "no object"),
        (b'{"resourceType": "Bundle", "entry": {}}', "no array"),
        (b'{"resourceType": "Bundle", "entry": [nonsense]} and more', "no JSON"),
        (b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}] ', "no JSON"),
        (b'{"entry": []}', "neither"),
        (b'\xef\xbb\xbf{"resourceType": 7}', "neither"),
        (b'{"resourceType": "\xff\xfe"}', "no JSON"),
    ]:
        path = tmp_path / "document.json"
        path.write_bytes(content)
        (found,) = items(str(path))  # and no source, which would replace what is known
        assert isinstance(found, Reject)
        assert problem in found.problem, content


@pytest.mark.parametrize("depth", [40, 200, 20_000])
@pytest.mark.parametrize("suffix", [".json", ".ndjson"])
def test_deep_nesting_is_left_out(tmp_path: Path, depth: int, suffix: str) -> None:
    deep = '{"extension":[' * depth + "{}" + "]}" * depth
    patient = f'{{"resourceType":"Patient","id":"p","gender":"male","deep":{deep}}}'
    good = '{"resourceType":"Patient","id":"g","gender":"male"}'
    path = tmp_path / f"document{suffix}"
    entries = f'{{"resourceType":"Bundle","entry":[{{"resource":{patient}}},{{"resource":{good}}}]}}'
    path.write_text(f"{patient}\n{good}\n" if suffix == ".ndjson" else entries, encoding="utf-8")
    found = items(str(path))
    assert {item.subject for item in found if isinstance(item, Finding)} == {"g"}
    assert [item.problem[:15] for item in found if isinstance(item, Reject)] == ["is longer than "]


@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1" * 5000])
def test_numbers_beyond_measure_are_no_numbers(tmp_path: Path, number: str) -> None:
    path = tmp_path / "document.json"
    text = (CASES / "mcode_bundle" / "bundle.json").read_text(encoding="utf-8")
    for sound in ('"numberOfInstances": 120', '"value": 105.96', '"value": 6000', '"valueInteger": 21', '"value": 60,'):
        assert sound in text
        name = sound.partition(":")[0]
        path.write_text(text.replace(sound, f"{name}: {number}{',' if sound.endswith(',') else ''}"), encoding="utf-8")
        assert number[:12] not in repr([item for item in items(str(path)) if isinstance(item, Record)])


def test_references_in_a_circle_end(tmp_path: Path) -> None:
    entries = [
        {"resource": {"resourceType": "Patient", "id": "p", "link": [{"other": {"reference": "Patient/p"}}]}},
        *(
            {
                "resource": {
                    "resourceType": "Observation",
                    "id": one,
                    "status": "final",
                    "code": {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]},
                    "subject": {"reference": "Patient/p"},
                    "hasMember": [{"reference": f"Observation/{other}"}],
                    "derivedFrom": [{"reference": f"Observation/{other}"}],
                    "valueInteger": 7,
                }
            }
            for one, other in (("a", "b"), ("b", "a"))
        ),
    ]
    found = of({"resourceType": "Bundle", "entry": entries}, tmp_path)
    assert [item.problem for item in found if isinstance(item, Reject)] == ["is no grade of the scale"] * 2


def test_what_ends_before_it_starts_has_no_end(tmp_path: Path) -> None:
    drug = {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "completed",
        "medicationCodeableConcept": {
            "coding": [
                {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "2555", "display": "cisplatin"}
            ]
        },
        "subject": {"reference": "Patient/p"},
        "effectivePeriod": {"start": "2020-05", "end": "2020-04-30"},
    }
    found = of(drug, tmp_path)
    assert [(item.agent, item.end) for item in found if isinstance(item, Treatment)] == [(ncit.CISPLATIN, None)]
    assert [item.problem for item in found if isinstance(item, Reject)] == ["ends before it starts"]
    drug["effectivePeriod"] = {"start": "2020-05", "end": "2020-05"}
    assert not [item for item in of(drug, tmp_path) if isinstance(item, Reject)]


def test_one_resource_is_held_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    one = json.dumps({"resource": {"resourceType": "Patient", "id": "p", "gender": "male"}})
    path.write_text('{"resourceType":"Bundle","entry":[' + ",".join([one] * 3) + ', {"resource": {"broken', "utf-8")
    found = iter(fhir_stream.resources(path))
    assert [next(found).place for _ in range(3)] == [f"entry[{number}].resource" for number in range(3)]


TEXTS = st.text(st.sampled_from('ab"\\{}[],:\u00e9\U0001f600 \n'), max_size=12)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(TEXTS, TREES, max_size=2),
    resources=st.lists(st.dictionaries(TEXTS, TREES, max_size=3), max_size=4),
    chunk=st.integers(1, 40),
    ascii_only=st.booleans(),
)
def test_a_bundle_is_cut_where_its_entries_end(
    before: dict[str, Any], resources: list[dict[str, Any]], chunk: int, ascii_only: bool, tmp_path: Path
) -> None:
    document = {**before, "entry": [{"resource": item} for item in resources], "resourceType": "Bundle"}
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document, ensure_ascii=ascii_only, indent=chunk % 3 or None), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fhir_stream, "CHUNK", chunk)
        found = list(fhir_stream.resources(path))
    assert [item.resource for item in found if isinstance(item, fhir_stream.Entry)] == resources
    assert len(found) == len(resources)


def test_a_resource_beyond_the_bounds_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_stream, "LENGTH", 4000)
    monkeypatch.setattr(fhir_stream, "CHUNK", 512)
    patient = {"resourceType": "Patient", "gender": "male"}
    photo = [{"data": '{[\\"' * 4000}]
    entries = [{"resource": {"id": "p", "photo": photo, **patient}}, {"resource": {"id": "q", **patient}}]
    found = of({"resourceType": "Bundle", "entry": entries}, tmp_path)
    assert [item.place for item in found if isinstance(item, Reject)] == ["entry[0]"]
    assert {item.subject for item in found if isinstance(item, Subject)} == {"q"}


PIECES = (
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"resourceType"',
    b'"Bundle"',
    b'"entry"',
    b'"resource"',
    b"1e999",
    b"\n",
    b'"',
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
    suffix=st.sampled_from([".json", ".ndjson"]),
)
def test_any_bytes_end_in_rejects(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"document{suffix}"
    path.write_bytes(content)
    assert {type(item) for item in items(str(path))} <= {SourceRecord, Reject}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "coding", "code"]), inner),
    max_leaves=6,
)


def spots(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for key, item in below for spot in spots(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], by: object) -> Any:
    """A copy with one place replaced."""
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


SPOTS = [spot for spot in spots(BUNDLE) if spot]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(SPOTS), JSON), min_size=1, max_size=3))
def test_any_json_anywhere_ends_in_rejects(changes: list[tuple[tuple[Any, ...], object]], tmp_path: Path) -> None:
    document: Any = BUNDLE
    for path, value in changes:
        if path in spots(document):
            document = replaced(document, path, value)
    for item in of(document, tmp_path):
        if isinstance(item, Reject):
            assert item.problem
            assert item.wanted
            assert "Mustermann" not in repr(item)
        elif isinstance(item, Observation):
            assert item.variable
            assert item.variable != q.UNMAPPED or item.raw_code or item.value_concept or item.value is not None


def test_an_entry_that_is_only_a_query_or_an_answer_is_no_fault_but_a_deletion_is_told(tmp_path: Path) -> None:
    entries = [
        {"request": {"method": "GET", "url": "Patient/p2"}},
        {"response": {"status": "204"}},
        {"resource": {"resourceType": "Patient", "id": "p1", "gender": "female"}},
        {"fullUrl": "urn:uuid:1"},
        {"request": {"method": "DELETE", "url": "Patient/p2"}},
    ]
    found = of({"resourceType": "Bundle", "type": "batch", "entry": entries}, tmp_path)
    assert [item.place for item in found if isinstance(item, Reject)] == ["entry[3]", "entry[4]"]
    assert [item.value_concept for item in found if isinstance(item, Finding)] == [ncit.FEMALE]


@pytest.mark.parametrize(
    ("profile", "said", "variable", "value"),
    [
        ("tnm-stage-group", "stage IIIC", ncit.DISEASE_STAGE_QUALIFIER, ncit.STAGE_IIIC),
        ("tnm-primary-tumor-category", "pT3", ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING, ncit.T3_STAGE_FINDING),
        ("tnm-regional-nodes-category", "cN0", ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING, ncit.N0_STAGE_FINDING),
        ("tnm-distant-metastases-category", "cM0", ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING, ncit.M0_STAGE_FINDING),
    ],
)
def test_stages_that_are_coded_in_snomed_ct_are_known_by_their_profile(
    profile: str, said: str, variable: str, value: str, tmp_path: Path
) -> None:
    system = "http://snomed.info/sct"
    display = f"American Joint Committee on Cancer {said} (qualifier value)"
    document = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "meta": {"profile": [f"http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-{profile}"]},
        "code": {"coding": [{"system": system, "code": "2"}]},
        # the codes are of no account: the value's display is the name that the manual gives it
        "valueCodeableConcept": {"coding": [{"system": system, "code": "1", "display": display}]},
    }
    (finding,) = (item for item in of(document, tmp_path) if isinstance(item, Finding))
    assert (finding.variable, finding.value_concept) == (variable, value)
