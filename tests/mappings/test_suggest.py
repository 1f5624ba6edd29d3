"""Proposals for columns and cells: by name, cells, unit and code; what is left out; what was decided before."""

import csv
from importlib.resources import files

import pytest

from mappings.dictionary import Described
from mappings.knowledge import ROLES, gather
from mappings.profile import Column, Profiler
from mappings.suggest import PROPOSED, Suggester
from mappings.suggest_values import values_of
from mappings.tables import table_maps
from ontology.elements import elements
from ontology.terminology import terms
from ontology.terms import ncit
from ontology.variables import variables


@pytest.fixture(scope="module")
def suggester():
    return Suggester(gather(table_maps().values()))


@pytest.fixture(scope="module")
def plain():
    """Without any earlier decision."""
    return Suggester(gather([]))


def column(name: str, *cells: str, described: Described | None = None) -> Column:
    from dataclasses import replace

    profiler = Profiler([name])
    profiler.add([cell] for cell in cells)
    (made,) = profiler.columns()
    return replace(made, described=described)


@pytest.mark.parametrize(
    ("made", "variable", "element"),
    [
        (column("Gender", "M", "F", "M"), ncit.SEX, None),
        (column("KPS", "70", "90", "100"), "ncit:C100417", "cadsr:2003853"),
        (column("pt_wt (lbs)", "140.5", "171", "120"), ncit.BODY_WEIGHT, None),
        (column("hx_smoking", "Never", "Current", "Never"), ncit.SMOKING_STATUS, None),
        (column("Tumour histologie", "Adenocarcinoma", "Squamous cell carcinoma"), ncit.MORPHOLOGIC_FINDING, None),
        (column("cT", "T1a", "T2", "TX"), ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING, None),
        (column("pT", "T1a", "T2", "TX"), ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING, None),
        (column("OS, months", "12.5", "3", "40.1"), "ncit:C125201", None),
    ],
)
def test_by_name(plain, made, variable, element):
    proposed = plain.column(made).proposed
    assert proposed is not None
    assert proposed.target.variable == variable
    assert element is None or proposed.elements[0].curie == element
    assert proposed.score >= PROPOSED
    assert proposed.reason


def test_by_the_code_in_the_header(plain):
    proposed = plain.column(column("x17 CDE:2003853v4.2", "70", "90")).proposed
    assert (proposed.target.variable, proposed.elements[0].curie) == ("ncit:C100417", "cadsr:2003853")
    assert proposed.elements[0].reason == "the header names it"


def test_by_the_dictionary_alone(plain):
    said = Described("a0e11", "PATIENT'S SEX", {"1": "Male", "2": "Female"})
    made = column("a0e11", "1", "2", "1", described=said)
    proposed = plain.column(made).proposed
    assert proposed.target.variable == ncit.SEX
    values = values_of(plain, made, proposed.target)
    assert {cell: found[0].term for cell, found in values.items()} == {"1": ncit.MALE, "2": ncit.FEMALE}
    assert plain.column(column("a0e11", "1", "2", "1")).proposed is None, "a form's numbering says nothing"


def test_by_cells_that_are_known(suggester):
    made = column("grp", "White", "Black or African American", "Asian", "White")
    assert suggester.column(made).proposals[0].target.variable == ncit.RACE


def test_each_answer_a_column(suggester):
    said = Described("r5", "Race: White", {"1": "No", "2": "Yes"})
    made = column("r5", "1", "2", "2", described=said)
    proposed = suggester.column(made).proposed
    assert proposed.target.variable == ncit.RACE
    assert values_of(suggester, made, proposed.target)["2"][0].term == ncit.WHITE


@pytest.mark.parametrize(
    ("made", "role"),
    [
        (column("patient_name", "A", "B"), "leave:identifying"),
        (column("date of birth", "1950-01-02", "1960-05-04"), "leave:identifying"),
        (column("MRN", "1", "2"), "leave:identifying"),
        (column("Institution", "A", "B"), "leave:administrative"),
        (column("Slice Number", "1", "2"), "leave:image"),
        (column("Comments", *(f"remark number {number} of many" for number in range(90))), "leave:administrative"),
        (column("Other, specify", "see note", "later"), "leave:text"),
        (column("scan_date", "2014-02-03", "2014-05-06"), "role:date"),
        (column("timepoint", "T0", "T1"), "role:visit"),
        (column("empty", "", ""), "leave:empty"),
    ],
)
def test_left_out_with_a_reason(plain, made, role):
    filler = Profiler(["empty", "other"])
    if role == "leave:empty":
        filler.add([["", "1"]])
        made = filler.columns()[0]
    advice = plain.column(made)
    assert (advice.proposed, advice.role) == (None, role)
    assert advice.leave


def test_a_column_of_patients_is_no_category_of_the_tumor(suggester):
    advice = suggester.column(column("Patient", *(f"P{number}" for number in range(1, 6))))
    assert (advice.proposed, advice.role) == (None, "role:subject")


def test_what_the_dictionary_flags_is_not_looked_at(plain):
    said = Described("sex", "Gender", identifies=True)
    advice = plain.column(column("sex", "M", "F", described=said))
    assert (advice.proposed, advice.proposals, advice.role) == (None, (), "leave:identifying")


def test_nothing_is_an_answer(plain):
    for made in (column("zq_17", "3", "4"), column("AD", "0.4", "0.9"), column("Kwx", "p", "q")):
        advice = plain.column(made)
        assert advice.proposed is None
        assert advice.leave


def test_a_unit_that_does_not_fit_speaks_against(plain):
    fitting = plain.column(column("weight (kg)", "60", "70.5")).proposals[0]
    other = plain.column(column("weight (cm)", "60", "70.5"))
    assert fitting.target.variable == ncit.BODY_WEIGHT
    assert other.proposed is None
    assert "does not fit" in " ".join(item.reason for item in other.proposals)


def test_numbers_that_need_a_unit_and_have_none_are_not_proposed(plain):
    advice = plain.column(column("CEA level", "1.2", "5.5", "3.3"))
    assert advice.proposed is None
    assert "nothing says its unit" in advice.leave


def test_names_that_are_words_do_not_hold_numbers(plain):
    advice = plain.column(column("age", "young", "old", "young"))
    assert advice.proposed is None


def test_decided_before_under_the_same_name_with_the_same_cells(suggester):
    found = suggester.column(column("gender", "male", "female")).identical
    assert found
    assert {item.variable for item in found} == {ncit.SEX}
    assert not suggester.column(column("gender", "male", "other")).identical, "a cell that was not decided"
    assert not suggester.column(column("sexe", "male", "female")).identical, "another name"


def test_codes_are_decided_anew_in_another_collection(suggester):
    made = column("sex", "1", "2", "1")
    assert not suggester.column(made).identical
    own = suggester.column(made, collection="colorectal_liver_metastases").identical
    assert [item.source for item in own] == ["colorectal_liver_metastases"]


def test_a_measurement_is_the_same_only_in_a_stated_unit(suggester):
    assert suggester.column(column("Height (m)", "1.60", "1.715")).identical
    assert not suggester.column(column("weight (kg)", "60", "71.5")).identical, "decided as two elements"
    assert not suggester.column(column("age", "60", "71")).identical, "nothing says years"


@pytest.mark.parametrize(
    ("target", "cell", "term"),
    [
        (ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING, "pT2", ncit.T2_STAGE_FINDING),
        (ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING, "1", ncit.N1_STAGE_FINDING),
        (ncit.HISTOLOGIC_GRADE, "III (high)", ncit.GRADE_3),
        (ncit.MORPHOLOGIC_FINDING, "Squamous Cell Carcinoma, NOS", ncit.SQUAMOUS_CELL_CARCINOMA),
        (ncit.SEX, "female ", ncit.FEMALE),
    ],
)
def test_cells_in_other_forms(plain, target, cell, term):
    made = column("x", cell, "zz")
    found = values_of(plain, made, plain.knowledge.targets[target])
    assert found[cell.strip()][0].term == term
    assert "zz" not in found


def test_a_bare_number_is_never_likely(suggester):
    found = values_of(suggester, column("sex", "1", "2"), suggester.knowledge.targets[ncit.SEX])
    assert all(item.score < PROPOSED for items in found.values() for item in items)


def test_demonstration_data_teaches_nothing(suggester):
    assert not any(item.source.startswith("demo_") for item in suggester.knowledge.decided)


def rows(name: str) -> list[dict[str, str]]:
    with files("mappings").joinpath(name).open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("name", ["abbreviations.tsv", "names.tsv", "words.tsv"])
def test_curated_words_are_sorted_and_stand_once(name):
    listed = [tuple(row.values()) for row in rows(name)]
    assert listed == sorted(set(listed))
    if name != "names.tsv":
        keys = [row[0] for row in listed]
        assert len(keys) == len(set(keys))


def test_every_curated_name_speaks_of_one_known_target():
    spoken: dict[str, str] = {}
    for row in rows("names.tsv"):
        target, name = row["target"], row["name"].casefold()
        assert spoken.setdefault(name, target) == target, f"{name} speaks of {target} and {spoken[name]}"
        if target.startswith("cadsr:"):
            assert target in {curie for curie, _ in elements()}, target
        elif ":" in target and not target.startswith(("role:", "leave:", "none:")):
            assert target in variables() or target in terms(), target
        elif not target.startswith("none:"):
            assert target in ROLES, target


SECTIONS = "SEMI QUANTITATIVE ASSESSMENT 1 - LUNG - "


@pytest.mark.parametrize(
    ("label", "cells", "variable"),
    [
        (SECTIONS + "SUV PEAK", ("7", "6.9", "4.1"), ncit.STANDARDIZED_UPTAKE_VALUE_PEAK),
        ("Exam 2: liver: SUV max", ("7", "6.9", "4.1"), ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM),
        ("Maximum SUV of all lesions", ("7", "6.9", "4.1"), ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM),
    ],
)
def test_the_last_section_of_a_label_says_what_is_asked(plain, label, cells, variable):
    proposed = plain.column(column("x1e18", *cells, described=Described("x1e18", label, {}))).proposed
    assert proposed.target.variable == variable
    assert proposed.score < 0.92, "less sure than where nothing else is said"


def test_a_heading_does_not_make_a_column_what_it_is_not(plain):
    said = Described("x1e19", "SUV PEAK - REASON NOT DONE - OTHER, SPECIFY", {})
    assert plain.column(column("x1e19", "artefact", "no time", described=said)).proposed is None


def test_what_all_answers_speak_of_is_part_of_the_question(plain):
    meanings = {"0": "No adverse event", "1": "Mild adverse event", "2": "Moderate adverse event"}
    graded = column("af11", "0", "1", "2", "1", described=Described("af11", "GRADE #1", meanings))
    assert plain.column(graded).proposals[0].target.variable == ncit.ADVERSE_EVENT_TOXICITY_GRADE
    other = column("af11", "1", "2", described=Described("af11", "GRADE #1", {"1": "Low", "2": "High"}))
    assert plain.column(other).proposals[0].target.variable == ncit.HISTOLOGIC_GRADE


def test_of_two_that_fit_alike_the_one_decided_more_often_is_first(suggester):
    assert suggester.column(column("AGE", "54", "61", "70")).proposed.target.variable == ncit.AGE


def test_codes_that_count_the_grades_of_a_scale(plain):
    meanings = {"0": "Asymptomatic", "1": "Symptomatic, ambulatory", "2": "In bed less than half of the day"}
    said = Described("e29", "ECOG PERFORMANCE STATUS", meanings)
    made = column("e29", "0", "1", "2", described=said)
    target = plain.column(made).proposed.target
    found = values_of(plain, made, target)
    assert [found[cell][0].label for cell in "012"] == [f"ECOG Performance Status {cell}" for cell in "012"]
    later = Described("e29", "ECOG PERFORMANCE STATUS", {str(int(key) + 1): text for key, text in meanings.items()})
    shifted = column("e29", "1", "2", "3", described=later)
    assert not any("ECOG" in item.label for items in values_of(plain, shifted, target).values() for item in items)


def test_no_two_proposals_have_the_same_score(suggester):
    proposals = suggester.column(column("AGE", "54", "61", "70")).proposals
    assert [item.target.variable for item in proposals[:2]] == [ncit.AGE, ncit.AGE_AT_DIAGNOSIS]
    assert proposals[0].score > proposals[1].score


def test_columns_of_redcap_itself_are_about_the_form(plain):
    state = Described("x_complete", "Complete?", {"0": "Incomplete", "1": "Unverified", "2": "Complete"})
    for made in (
        column("x_complete", "0", "2", described=state),
        column("x_complete", "Complete", "Incomplete"),
        column("redcap_repeat_instance", "1", "2", "3"),
    ):
        assert plain.column(made).role == "leave:administrative"
    assert plain.column(column("response_complete", "CR", "PR", "SD")).role != "leave:administrative"


def test_a_ticked_choice_means_that_choice_alone(suggester):
    def race(number: str, choice: str) -> dict[str, list]:
        label = f"Race (Select all that apply) {choice}"
        made = column(f"race___{number}", "0", "1", "0", described=Described(f"race___{number}", label, {}))
        return values_of(suggester, made, suggester.column(made).proposed.target)

    assert race("1", "American Indian/Alaska Native")["1"][0].term == "ncit:C41259"
    assert race("6", "Unknown / Not Reported") == {}
