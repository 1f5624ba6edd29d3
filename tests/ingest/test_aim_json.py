"""ePAD's JSON, markups, templates and servers' answers: what is read, what is refused, and hostile documents."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.aim.elements import local
from ingest.aim.reader import accepts, read
from ingest.base import Context, Yield
from ontology.json_elements import to_elements
from ontology.records import Lesion, Measurement, Reader, Record, RegionFacts, Reject, SourceRecord
from ontology.terms import ncit, q

CASES = Path(__file__).with_name("aim")
CONTEXT = Context(collection="golden", secret=b"a secret of the tests")
EPAD = json.loads((CASES / "epad_json" / "input.json").read_text(encoding="utf-8"))


def records_of(path: Path) -> list[Yield]:
    return list(read(iter([str(path)]), CONTEXT))


def written(tmp_path: Path, text: str | bytes) -> list[Yield]:
    path = tmp_path / "document.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return records_of(path)


def as_xml(name: str, members: dict[str, Any]) -> etree._Element:
    """The XML that ePAD's JSON mirrors, made apart from the reader: prefixes gone, but for that of the type."""
    element = etree.Element(name)
    for key, held in members.items():
        if key.startswith("xmlns"):
            continue
        for item in held if isinstance(held, list) else [held]:
            if isinstance(item, dict):
                element.append(as_xml(key.rpartition(":")[2], item))
            else:
                attribute = "{http://www.w3.org/2001/XMLSchema-instance}type" if key == "xsi:type" else key
                element.set(attribute, str(item))
    return element


@pytest.mark.parametrize("case", ["epad_json", "epad_radiomics"])
def test_json_and_its_xml_give_the_same_records(case: str, tmp_path: Path) -> None:
    members = json.loads((CASES / case / "input.json").read_text(encoding="utf-8"))["ImageAnnotationCollection"]
    path = tmp_path / "same.xml"
    path.write_bytes(etree.tostring(as_xml("ImageAnnotationCollection", members)))
    found = [
        [item for item in items if isinstance(item, Record)]
        for items in (records_of(CASES / case / "input.json"), records_of(path))
    ]
    assert found[0] == found[1]


def test_a_ruler_is_a_line_that_its_length_is_of() -> None:
    found = records_of(CASES / "epad_json" / "input.json")
    lines = {item.region: item for item in found if isinstance(item, RegionFacts)}
    sizes = {item.variable: item.region for item in found if isinstance(item, Measurement)}
    assert {item.shape for item in lines.values()} == {q.LINE_SHAPE}
    assert sizes[ncit.LONGEST_DIAMETER] == "2.25.41"
    assert lines["2.25.41"].x_low == Decimal("76.25")
    # of two shapes that a statement names, neither is the one
    assert [item.region for item in found if isinstance(item, Measurement) and item.statistic] == [None]


def test_a_closed_contour_in_the_patient_has_an_area_and_one_on_an_image_has_none() -> None:
    found = records_of(CASES / "aim4_shapes" / "input.xml")
    areas = {item.number: (item.area, item.box_unit) for item in found if isinstance(item, RegionFacts)}
    assert areas[1] == (Decimal(300), "mm")
    assert areas[2] == (None, "{pixel}")


def test_a_polyline_within_which_something_was_measured_is_closed(tmp_path: Path) -> None:
    text = (CASES / "aim4_shapes" / "input.xml").read_text(encoding="utf-8")
    area = (
        '<calculationEntityCollection><CalculationEntity><uniqueIdentifier root="2.25.8"/><typeCode code="G-A166"'
        ' codeSystemName="SRT"><displayName value="Area"/></typeCode></CalculationEntity></calculationEntityCollection>'
        "<imageAnnotationStatementCollection><ImageAnnotationStatement>"
        '<subjectUniqueIdentifier root="2.25.8"/><objectUniqueIdentifier root="2.25.72"/>'
        "</ImageAnnotationStatement></imageAnnotationStatementCollection>"
    )
    line = '<MarkupEntity xsi:type="TwoDimensionPolyline"><uniqueIdentifier root=""/>'
    path = tmp_path / "area.xml"
    path.write_text(
        text.replace(line, line.replace('root=""', 'root="2.25.72"')).replace("<markupEntity", f"{area}<markupEntity"),
        encoding="utf-8",
    )
    shapes = {item.number: item.shape for item in records_of(path) if isinstance(item, RegionFacts)}
    assert shapes[2] == q.CLOSED_CONTOUR_SHAPE


def test_a_name_that_a_tool_did_not_have_is_nobody(tmp_path: Path) -> None:
    whole = json.loads(json.dumps(EPAD))
    user = whole["ImageAnnotationCollection"]["user"]
    user["name"]["value"] = "undefined undefined"
    by_login = [item for item in written(tmp_path, json.dumps(whole)) if isinstance(item, Reader)]
    user["name"]["value"] = "jexample"
    assert by_login == [item for item in written(tmp_path, json.dumps(whole)) if isinstance(item, Reader)]


def test_what_is_said_of_annotations_is_of_no_lesion() -> None:
    found = records_of(CASES / "aim4_of_annotations" / "input.xml")
    assert not [item for item in found if isinstance(item, Lesion)]
    assert [(item.lesion, item.derived) for item in found if isinstance(item, Measurement)] == [(None, True)]


BROKEN = {
    "{": "not well-formed JSON",
    '{"ImageAnnotationCollection": {"a": 1, "a": 2}}': "two members of one name",
    '{"ImageAnnotationCollection": {"a": NaN}}': "not finite",
    '{"ImageAnnotationCollection": {"a b": {}}}': "name can be that of no element",
    '{"ImageAnnotationCollection": {"a": [[1]]}}': "a list stands in a list",
    '{"ImageAnnotationCollection": {"a": "\\u0007"}}': "characters that XML cannot hold",
    '{"ImageAnnotationCollection": {"a": "\\ud800"}}': "characters that XML cannot hold",
    '{"ImageAnnotationCollection": "none"}': "holds no ImageAnnotationCollection",
    '{"ImageAnnotationCollection": {"imageAnnotations": []}}': "holds no annotation",
    '{"ImageAnnotationCollection": ' + '{"a": ' * 400 + "1" + "}" * 401: "nested too deeply",
    '{"ImageAnnotationCollection": ' + "[" * 100_000 + "]" * 100_000 + "}": "nested too deeply",
}


@pytest.mark.parametrize("text", list(BROKEN), ids=range(len(BROKEN)))
def test_broken_json_is_rejected_with_its_reason(text: str, tmp_path: Path) -> None:
    (reject,) = written(tmp_path, text)
    assert isinstance(reject, Reject)
    assert BROKEN[text] in reject.problem
    assert reject.wanted


def test_json_that_is_not_utf_8_or_cut_off_is_rejected_with_its_line(tmp_path: Path) -> None:
    (reject,) = written(tmp_path, b'{"ImageAnnotationCollection": {"a": "\xff"}}')
    assert isinstance(reject, Reject)
    assert "not UTF-8" in reject.problem
    (cut,) = written(tmp_path, json.dumps(EPAD, indent=1)[:2000])
    assert isinstance(cut, Reject)
    assert cut.place.startswith("line ")


REFUSED = {
    '{"TemplateContainer": {"uid": "1.2.3"}}': "template",
    '{"uid": "1.2.3", "Template": {"Component": []}}': "template",
    '[{"aimID": "2.25.1", "patientName": "Jane Example"}]': "lists annotations",
    '{"admin": {"tLesionNames": ["lesion1"]}}': "names no subject",
    '{"waterfallExport": [{"PATIENT_ID": "P-1"}]}': "no units",
    '{"series": [{"name": "7", "y": 8.5, "rc": "SD"}]}': "from the baseline",
}


@pytest.mark.parametrize("text", list(REFUSED), ids=range(len(REFUSED)))
def test_what_is_no_annotation_is_refused_with_a_reason(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    assert accepts(str(path))
    (reject,) = records_of(path)
    assert isinstance(reject, Reject)
    assert REFUSED[text] in reject.problem
    assert "Jane" not in repr(reject)


def nodes(held: Any) -> list[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(held, list):
        return [node for item in held for node in nodes(item)]
    return [held, *(node for item in held.values() for node in nodes(item))] if isinstance(held, dict) else []


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "root", "x"]), inner),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_of_any_member_is_read_or_rejected(data: st.DataObject, tmp_path: Path) -> None:
    whole = json.loads(json.dumps(EPAD))
    for _ in range(data.draw(st.integers(1, 5))):
        node = data.draw(st.sampled_from([node for node in nodes(whole) if node]))
        node[data.draw(st.sampled_from(sorted(node)))] = data.draw(JUNK)
    found = written(tmp_path, json.dumps(whole))
    assert found
    assert all(isinstance(item, SourceRecord | Record | Reject) for item in found)
    assert "Pattern^Patricia" not in repr(found)


def test_the_types_of_elements_stay_apart_from_their_own() -> None:
    """``xsi:type`` and ``type`` of a result are two things."""
    element = to_elements("CalculationResult", {"type": "Scalar", "xsi:type": "CompactCalculationResult"})
    assert local(element) == "CalculationResult"
    assert element.get("type") == "Scalar"
