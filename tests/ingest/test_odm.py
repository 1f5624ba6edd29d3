"""ODM documents: what is read as one, what is refused, and that a broken one breaks nothing else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.base import Context
from ingest.odm.metadata import read_study
from ingest.odm.reader import SOURCE
from ingest.odm.table import OdmTable
from ingest.redcap import reader as redcap
from ingest.table import reader as table
from ontology.records import Reject, SourceRecord
from tests.ingest import redcap_project as project
from tests.ingest.test_redcap_exports import ROWS

C3D = Path(__file__).parent / "odm" / "c3d" / "export.xml"


def read(path, **context):
    return list(SOURCE.read(iter([str(path)]), Context(collection="trial", **context)))


@pytest.fixture
def document(tmp_path):
    def write(text):
        path = tmp_path / "project.xml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_document_is_known_by_its_root(document, tmp_path):
    path = document(project.project_xml(ROWS))
    assert SOURCE.accepts(str(path))
    assert not redcap.SOURCE.accepts(str(path))
    assert not table.SOURCE.accepts(str(path))
    assert not SOURCE.accepts(str(document("<AIM/>")))
    assert not SOURCE.accepts(str(document("")))
    assert not SOURCE.accepts("redcap+https://odm.example.org/api/")
    assert not SOURCE.accepts(str(tmp_path / "none.xml"))


def test_elements_come_from_aliases_and_meanings_from_code_lists():
    head, sex, race, other, *rejects = read(C3D)
    assert isinstance(head, SourceRecord)
    assert (sex.element, sex.variable, sex.value_concept) == ("cadsr:2200604", "ncit:C28421", "ncit:C20197")
    assert (race.raw, race.value_concept) == ("asiatisch", "ncit:C41260"), "the code list says so itself"
    assert (other.raw, other.value_concept) == ("OTHER", "ncit:C17649")
    assert [reject.place for reject in rejects] == ["R7C8", "fields NAME, VISITDT, WEIGHT"]
    assert "Jane" not in f"{rejects}"


def test_a_redcap_table_is_laid_out_as_the_export(document):
    rows = list(OdmTable(path := document(project.project_xml(ROWS)), read_study(path)).rows())
    assert rows[0] == project.COLUMNS
    assert len(rows) == len(ROWS) + 1
    assert [row[:4] for row in rows[1:4]] == [
        ["1", "baseline_arm_1", "", ""],
        ["1", "baseline_arm_1", "labs", "1"],
        ["1", "week_6_arm_1", "", ""],
    ]


def test_uploaded_files_are_passed_over(document):
    text = project.project_xml(ROWS).replace(
        "</ItemGroupData>",
        '<ItemDataBase64Binary ItemOID="initials"><![CDATA[SmFuZSBEb2U=]]></ItemDataBase64Binary></ItemGroupData>',
    )
    rows = OdmTable(path := document(text), read_study(path)).rows()
    assert not [cell for row in rows for cell in row if "SmFu" in cell]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: text.replace("<ODM", '<!DOCTYPE ODM [<!ENTITY a "b">]><ODM', 1), "the document has a DOCTYPE"),
        (lambda text: text[: len(text) // 4], "not well-formed XML"),
        (lambda text: text[: text.index("<ClinicalData")] + "</ODM>", "the document defines forms and holds no data"),
        (lambda text: text.replace("ItemDef", "ItemWord"), "the document has no definitions of items"),
    ],
)
def test_documents_that_are_refused(document, change, problem):
    (reject,) = read(document(change(project.project_xml(ROWS))))
    assert isinstance(reject, Reject)
    assert reject.problem.startswith(problem)


def test_a_document_that_breaks_off_among_its_data_brings_nothing_in(document):
    text = project.project_xml(ROWS)
    (reject,) = read(document(text[: text.index('<SubjectData SubjectKey="2"') + 10]))
    assert reject.problem.startswith("not well-formed XML")


def test_the_planned_day_counts_only_where_scheduling_is_on(document):
    text = project.project_xml(ROWS)
    assert [event.planned for event in read_study(document(text)).dictionary.events] == [None, None, None]
    text = text.replace("<redcap:SchedulingEnabled>0", "<redcap:SchedulingEnabled>1")
    assert [event.planned for event in read_study(document(text)).dictionary.events] == [1, 1, 1]


PIECES = st.sampled_from(
    [
        "<",
        ">",
        '"',
        "&",
        "&#0;",
        "]]>",
        "<ODM",
        "</ODM>",
        "ItemOID",
        "OID=",
        "Value=",
        "<SubjectData",
        "redcap:",
        "9" * 40,
    ]
)


@settings(max_examples=40)
@given(places=st.lists(st.tuples(st.floats(0, 1), PIECES, st.integers(0, 60)), min_size=1, max_size=4))
def test_any_damage_ends_in_records_or_rejects(tmp_path_factory, places):
    text = project.project_xml(ROWS)
    for place, piece, cut in places:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + cut :]
    path = tmp_path_factory.mktemp("odm") / "damaged.xml"
    path.write_bytes(text.encode("utf-8", "replace"))
    for item in read(path):
        assert not isinstance(item, Reject) or "CD" not in item.problem


def test_a_form_that_is_repeated_against_the_settings_loses_nothing(document):
    text = project.project_xml(ROWS)
    start, end = text.index("<redcap:RepeatingInstrumentsAndEvents>"), text.index("</GlobalVariables>")
    once = text[:start] + text[end:]
    again = once.replace('FormOID="Form.labs" FormRepeatKey="1"', 'FormOID="Form.labs" FormRepeatKey="3"')
    rows = [list(OdmTable(path := document(made), read_study(path)).rows()) for made in (once, again)]
    assert "redcap_repeat_instance" not in rows[0][0]
    assert [len(found) for found in rows] == [5, 6]


def test_an_early_document_that_does_not_name_the_records_field(document):
    text = project.project_xml(ROWS).replace(' redcap:RecordIdField="record_id"', "")
    assert read_study(document(text)).dictionary.subject == "record_id"
