"""The first mapping without typing: what annotated fields come in as, and what waits for the steward."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.base import Context
from ingest.redcap import reader as redcap
from ingest.redcap.dictionary import RedcapField
from ingest.redcap.table import ProjectTable
from ingest.redcap.values import Meaning, Waits, unit_of_field
from ingest.run import _known_elements
from mappings.shape import Part
from ontology.elements import Element, PermissibleValue, element
from ontology.imports import importer_for, vocabulary_of
from ontology.index import TermIndex
from ontology.records import Finding, Measurement, Reject, SourceRecord
from ontology.terms import ncit
from ontology.variables import variables
from store.home import Home
from tests.ingest import redcap_project as project
from tests.ingest.test_redcap_exports import ROWS, all_three

TERMS = Path(__file__).parents[1] / "ontology" / "terms"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dictionary.csv").write_text(project.dictionary(), encoding="utf-8")
    (tmp_path / "events.csv").write_text(project.event_list(), encoding="utf-8")
    return tmp_path


def test_annotated_fields_come_in_and_all_others_are_listed(folder):
    found = all_three(folder, ROWS, mapping=None)
    facts = {name: [item for item in items if not isinstance(item, Reject)] for name, items in found.items()}
    assert facts["raw.csv"] == facts["labels.csv"] == facts["project.xml"]
    sex, *psa = facts["raw.csv"]
    assert isinstance(sex, Finding)
    assert (sex.variable, sex.element, sex.value_concept) == (ncit.SEX, "cadsr:2200604", ncit.MALE)
    told = [(type(item), item.variable, item.value, item.unit, item.replicate, item.visit, item.when) for item in psa]
    assert told == [
        (Measurement, "ncit:C17634", Decimal("4.5"), "ng/ml", 1, 0, None),
        (Measurement, "ncit:C17634", Decimal("3.5"), "ng/ml", 2, 1, None),
    ]
    listed = [reject.place for reject in found["raw.csv"] if isinstance(reject, Reject)]
    assert "fields sym, smoker, visit_date, weight, psa_date" in listed
    assert not [place for place in listed if "initials" in place], "what identifies is neither mapped nor listed"


def read(tmp_path, fields, header, *rows, elements=None):
    """What comes of a project with these fields (name, type, choices, note, validation, identifier, annotation)."""
    made = [(name, "f", kind, name, *rest) for name, kind, *rest in [("id", "text", "", "", "", "", ""), *fields]]
    text = project.HEAD + "\n" + project.written(project.cells(field) for field in made)
    (tmp_path / "dictionary.csv").write_text(text, encoding="utf-8")
    (tmp_path / "export.csv").write_text(project.written([header, *rows]), encoding="utf-8")
    context = Context(collection="trial")
    if elements is not None:
        context = replace(context, elements=lambda: elements)
    return list(redcap.SOURCE.read(iter([str(tmp_path / "export.csv")]), context))


def test_without_annotations_a_map_is_asked_for(tmp_path):
    (reject,) = read(tmp_path, [("age", "text", "", "", "integer", "", "")], ["id", "age"], ["1", "5"])
    assert reject.problem == "no table map fits"


def test_a_choice_that_is_no_permissible_value_waits(tmp_path):
    fields = [("sex", "radio", "1, MALE | 2, Martian", "", "", "", "CDE:2200604v3")]
    head, male, reject = read(tmp_path, fields, ["id", "sex"], ["1", "1"], ["2", "2"])
    assert isinstance(head, SourceRecord)
    assert (male.value_concept, male.raw) == (ncit.MALE, "MALE")
    assert (reject.place, reject.problem) == ("R3C2", "value without a decision")
    assert "Martian" not in f"{reject}"


def test_codes_of_a_vocabulary_are_their_concepts(tmp_path):
    fields = [("dx", "text", "BIOPORTAL:NCIT", "", "", "", "@NCIT:C15220")]
    _, first, second, reject = read(
        tmp_path,
        fields,
        ["id", "dx"],
        ["1", "C4872"],
        ["2", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#C4872"],
        ["3", "a tumour"],
    )
    assert [(item.variable, item.value_concept) for item in (first, second)] == [("ncit:C15220", "ncit:C4872")] * 2
    assert reject.place == "R4C2"


def test_a_ticked_box_is_a_finding_and_an_empty_one_says_nothing(tmp_path):
    fields = [("race", "checkbox", "1, White | 2, Asian | 3, Green", "", "", "", "CDE:2192199")]
    _, white, waits = read(tmp_path, fields, ["id", "race___1", "race___2", "race___3"], ["1", "1", "0", "1"])
    assert (white.variable, white.element, white.value_concept) == ("ncit:C17049", "cadsr:2192199", "ncit:C41261")
    assert waits.place == "fields race___3"


def test_an_identifying_field_never_comes_in(tmp_path):
    fields = [
        ("name", "text", "", "", "", "y", "CDE:2200604v3"),
        ("sex", "radio", "1, Male", "", "", "", "CDE:2200604v3"),
    ]
    items = read(tmp_path, fields, ["id", "name", "sex"], ["1", "Male", "1"])
    assert [type(item) for item in items] == [SourceRecord, Finding]
    assert items[1].key == "R2C3"


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (("d", "text", "", "", "integer", "", "CDE:6154724"), "an outcome needs its event"),
        (("d", "text", "", "", "", "", "CDE:999999999"), "the data element is not known here"),
        (("d", "text", "", "", "number", "", "NCIT:C17634"), "nothing says in which unit it is"),
        (("d", "text", "", "Unit: kg", "number", "", "NCIT:C17634"), "its unit is not known, or does not fit"),
        (("d", "text", "", "", "", "", "NCIT:C17634"), "text or choices that are neither"),
        (("d", "text", "", "", "date_dmy", "", "CDE:2178801"), "nothing says which event"),
        (("d", "radio", "1, up", "", "", "", "CDE:2200604"), "no choice has the text or the code"),
    ],
)
def test_what_waits_is_listed_with_its_reason(tmp_path, field, reason):
    sex = ("sex", "radio", "1, Male", "", "", "", "CDE:2200604v3")
    *_, waits = read(tmp_path, [sex, field], ["id", "sex", "d"], ["1", "1", "1"])
    assert waits.place == "fields d"
    assert waits.problem.startswith(reason)


def test_an_imported_element_is_known_and_a_date_element_dates_its_form(tmp_path):
    elements = {
        ("cadsr:101", "1"): Element("101", "1", "Hemoglobin Measurement", "NUMBER", "g/dl"),
        ("cadsr:102", "1"): Element("102", "1", "Form Visit Date", "DATE", decided="date"),
    }
    fields = [("hb", "text", "", "", "number", "", "CDE:101"), ("seen", "text", "", "", "date_dmy", "", "CDE:102")]
    _, hb = read(tmp_path, fields, ["id", "hb", "seen"], ["1", "12.5", "2020-02-03"], elements=elements)
    assert (hb.variable, hb.element, hb.value, hb.unit) == ("cadsr:101", "cadsr:101", Decimal("12.5"), "g/dl")
    assert str(hb.when.first) == "2020-02-03"


def test_the_same_dictionary_makes_the_same_recipe_and_another_another(tmp_path):
    one = [("sex", "radio", "1, Male", "", "", "", "CDE:2200604v3")]
    two = [("sex", "radio", "1, Male | 2, Female", "", "", "", "CDE:2200604v3")]
    recipes = [read(tmp_path, fields, ["id", "sex"], ["1", "1"])[0].recipe for fields in (one, one, two)]
    assert recipes[0] == recipes[1] != recipes[2]


def field(label="Weight", note="", unit=""):
    return RedcapField("w", "f", "text", label, note=note, unit=unit)


@pytest.mark.parametrize(
    ("item", "unit"),
    [
        (field(note="Unit: ug/l, fasting"), "ug/l"),
        (field(unit="ng/mL"), "ng/ml"),
        (field(label="PSA (ng/mL)"), "ng/ml"),
        (field(label="PSA (<b>ng/mL</b>)"), "ng/ml"),
    ],
)
def test_units_that_are_stated(item, unit):
    assert unit_of_field(item, None, variables()["ncit:C17634"]) == unit


@pytest.mark.parametrize("item", [field(), field(label="PSA (total)"), field(label="PSA (kg)"), field(note="Unit: kg")])
def test_units_that_are_not(item):
    with pytest.raises(Waits):
        unit_of_field(item, None, variables()["ncit:C17634"])


def test_a_value_that_takes_several_concepts_is_not_cut_short():
    values = (
        PermissibleValue("Non-X", "", ("ncit:C0", "ncit:C1")),
        PermissibleValue("X", "", ("ncit:C1",)),
    )
    item = RedcapField("e", "f", "radio", "E", choices={"1": "Non-X", "2": "X", "C9": "other"})
    assert dict(Meaning(item, values).of_choices()) == {"X": "ncit:C1"}


def test_a_code_that_is_a_concepts_counts_where_no_text_is_the_same():
    item = RedcapField("s", "f", "radio", "S", choices={"C20197": "männlich", "C16576": "weiblich"})
    meant = dict(Meaning.by(item, [element("cadsr:2200604", "3")]).of_choices())
    assert meant == {"männlich": "ncit:C20197", "weiblich": "ncit:C16576"}


def test_a_score_is_a_number_and_what_stands_beside_it_a_reason(tmp_path):
    fields = [("kps", "radio", "a, 90 | b, Unknown | c, good", "", "", "", "CDE:2003853v4.2")]
    _, number, unknown, reject, *_ = read(tmp_path, fields, ["id", "kps"], ["1", "a"], ["2", "b"], ["3", "c"])
    assert (number.variable, number.value, number.raw) == ("ncit:C100417", Decimal(90), "90")
    assert (unknown.value, unknown.absent_reason) == (None, "ncit:C17998")
    assert (reject.place, reject.problem) == ("R4C2", "not a number")


def test_elements_of_the_term_index_are_known_to_a_run(tmp_path):
    imported = tmp_path / "cdes.xml"
    text = (TERMS / "cdes.xml").read_text(encoding="utf-8")
    imported.write_text(text.replace("2200604", "7770001"), encoding="utf-8")
    home = Home(tmp_path / "var").create()
    assert ("cadsr:7770001", "3") not in _known_elements(home)
    importer = importer_for(imported, None)
    TermIndex(home.terms).load(imported, importer, vocabulary_of(imported, importer, None), None)
    fields = [("sex", "radio", "1, Male", "", "", "", "CDE:7770001v3")]
    _, sex = read(tmp_path, fields, ["id", "sex"], ["1", "1"], elements=_known_elements(home))
    assert (sex.element, sex.value_concept) == ("cadsr:7770001", "ncit:C20197")


def test_codes_for_missing_data_are_empty_unless_they_are_a_reason(tmp_path):
    fields = [("sex", "radio", "1, Male", "", "", "", ""), ("free", "text", "", "", "", "", "@NOMISSING")]
    read(tmp_path, fields, ["id", "sex", "free"], ["1", "UNK", "UNK"], ["2", "NASK", ""])
    dictionary = replace(redcap.dictionary_of(tmp_path / "export.csv"), missing_codes=project.MISSING)
    table = ProjectTable(tmp_path / "export.csv", dictionary)
    assert list(table.rows())[1:] == [["1", "", "UNK"], ["2", "", ""]]
    entry = {"record": "finding", "absent": {"UNK": "ncit:C17998"}}
    table.completed(Part.model_validate({"subject": "id", "columns": {"sex": entry}}))
    assert list(table.rows())[1:] == [["1", "UNK", "UNK"], ["2", "", ""]]
