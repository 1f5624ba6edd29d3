"""Templates for annotations: read back they have the terms that they were made of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mappings.code_writing import AIM_SCHEMES, DICOM_SCHEMES, CodeWriter
from mappings.codes import bundled
from mappings.form_aim import aim_template_json, aim_template_xml, codes_of_template
from mappings.form_questions import questions
from mappings.form_tid1500 import codes_of_profile, tid1500_profile
from mappings.forms import FormError
from ontology.elements import elements
from ontology.terms import ncit, radlex
from ontology.variables import VariableKind, canonical, variables

CODES = bundled()
KNOWN = elements()
ELEMENT = "cadsr:2200604"
"""A data element, of which not every value is a bundled term."""

WANTED = [
    "ncit:C96684",
    f"{ncit.TUMOR_IDENTIFICATION}={ncit.TARGET_LESION_IDENTIFICATION},{ncit.NON_TARGET_LESION_IDENTIFICATION}",
    f"{radlex.ANATOMICAL_ENTITY}={ncit.LIVER},{ncit.LUNG}",
    f"{radlex.IMAGING_OBSERVATION}={radlex.LESION}",
    ELEMENT,
]
FORMATS = {
    "aim.xml": (AIM_SCHEMES, aim_template_xml, codes_of_template),
    "aim.json": (AIM_SCHEMES, aim_template_json, codes_of_template),
    "tid1500": (DICOM_SCHEMES, tid1500_profile, codes_of_profile),
}
PLACED = {radlex.ANATOMICAL_ENTITY, radlex.IMAGING_OBSERVATION}
"""What is asked by where it stands."""


def asked(wanted, schemes=AIM_SCHEMES):
    return questions(wanted, KNOWN, CodeWriter(CODES, schemes))


def variable_of(code):
    term = CODES.canonical(*code)
    registered = canonical(term)
    return registered.curie if registered else term


def terms_of(read):
    return {
        (variable_of(code) if code else None, tuple(CODES.canonical(*answer) for answer in answers))
        for code, answers in read
    }


@pytest.mark.parametrize("form", FORMATS)
def test_a_template_read_back_has_the_same_terms(form):
    schemes, write, read = FORMATS[form]
    made = asked(WANTED, schemes)
    assert len(made) == len(WANTED)
    expected = {(None if item.variable in PLACED else item.variable, item.terms) for item in made[:-1]}
    found = list(read(write(made, "Trial 7")))
    assert terms_of(found) >= expected
    assert {(code, answers) for code, answers in found} == {
        (None if item.variable in PLACED else item.code, item.answers) for item in made
    }
    assert len(made[-1].answers) > 2


NUMBERS = [item.curie for item in variables().values() if item.kind is VariableKind.MEASUREMENT]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=20, unique=True), st.sampled_from(sorted(FORMATS)))
def test_any_numbers_are_read_back(wanted, form):
    schemes, write, read = FORMATS[form]
    found = terms_of(read(write(asked(wanted, schemes), "Any")))
    assert found == {(variable, ()) for variable in wanted}


def test_xml_and_json_are_one_template():
    made = asked(WANTED)
    assert list(codes_of_template(aim_template_xml(made, "T"))) == list(codes_of_template(aim_template_json(made, "T")))
    root = etree.fromstring(aim_template_xml(made, "T"))
    tree = json.loads(aim_template_json(made, "T"))
    assert root.get("uid") == tree["uid"]
    assert len(root.findall("{*}Template/{*}Component")) == len(tree["Template"][0]["Component"]) == len(WANTED)


def test_components_have_the_order_of_the_schema():
    root = etree.fromstring(aim_template_xml(asked(WANTED), "T"))
    order = ["QuestionType", "AnatomicEntity", "ImagingObservation", "AllowedTerm", "Calculation"]
    for component in root.iter("{*}Component"):
        places = [order.index(etree.QName(child).localname) for child in component]
        assert places == sorted(places)
        assert {"label", "itemNumber", "minCardinality", "maxCardinality", "shouldDisplay"} <= set(component.keys())


def test_the_same_questions_give_the_same_template():
    assert aim_template_xml(asked(WANTED), "T") == aim_template_xml(asked(WANTED), "T")
    assert aim_template_xml(asked(WANTED), "T") != aim_template_xml(asked(WANTED[:2]), "T")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([], "nothing is asked"),
        (["ncit:C1"], "is no measurement"),
        ([str(ncit.TUMOR_IDENTIFICATION)], "is no measurement"),
        (["ncit:C94523="], "has no answers"),
        (["ncit:C94523=ncit:C00"], "has no code"),
        (["ncit:C96684=ncit:C12392"], r"\(Longest Diameter\) is a number"),
    ],
)
def test_what_cannot_be_asked_is_said(wanted, message):
    with pytest.raises(FormError, match=message):
        asked(wanted)
