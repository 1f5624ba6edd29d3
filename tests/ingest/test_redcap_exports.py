"""A project gives the same records from whichever export: raw CSV, label CSV, project XML, server."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.base import Context
from ingest.odm import reader as odm
from ingest.redcap import reader as redcap
from ontology.records import Finding, Measurement, Reject, SourceRecord, When
from ontology.terms import ncit
from tests.ingest import redcap_project as project

MAP = """
name: trial
title: The made-up project
subject: record_id
missing: [Not known, Not asked, UNK, NASK]
dates: {labs: psa_date, base: visit_date}
common: {replicate: {column: redcap_repeat_instance}}
columns:
  sex: {record: finding}
  sym___b: {record: finding, only_if: ["1"], variable: "ncit:C3367", value_concept: "ncit:C3367"}
  smoker: {record: finding, type: boolean, is_true: ["Yes"], is_false: ["No"], variable: "ncit:C19796"}
  weight: {record: measurement, unit: kg, variable: "ncit:C25208"}
  psa: {record: measurement, unit: ng/ml, variable: "ncit:C17634"}
"""
DECISIONS = """#curie_map:
#  ncit: http://purl.obolibrary.org/obo/NCIT_
subject_id\tpredicate_id\tobject_id\tmapping_justification
column:sex\tskos:exactMatch\tncit:C28421\tsemapv:ManualMappingCuration
value:sex/1\tskos:exactMatch\tncit:C20197\tsemapv:ManualMappingCuration
value:sex/2\tskos:exactMatch\tncit:C16576\tsemapv:ManualMappingCuration
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    (folder / "trial").mkdir()
    (folder / "trial" / "map.yaml").write_text(MAP, encoding="utf-8")
    (folder / "trial" / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    (folder / "dictionary.csv").write_text(project.dictionary(), encoding="utf-8")
    (folder / "events.csv").write_text(project.event_list(), encoding="utf-8")
    for name in ("raw.csv", "labels.csv", "project.xml"):
        (folder / name).write_text("", encoding="utf-8")
    return folder


def read(folder, name, mapping="trial"):
    source = odm.SOURCE if name.endswith(".xml") else redcap.SOURCE
    assert source.accepts(str(folder / name))
    context = Context(collection="trial", mapping=str(folder / mapping) if mapping else None)
    return list(source.read(iter([str(folder / name)]), context))


def said(items):
    """What was read, without the head of the source and the name of the file."""
    rejects = [replace(item, name="") if isinstance(item, Reject) else item for item in items]
    return [item for item in rejects if not isinstance(item, SourceRecord)]


def all_three(folder, rows, mapping="trial"):
    """What is read from each export, by its name."""
    (folder / "raw.csv").write_text(project.raw_csv(rows), encoding="utf-8")
    (folder / "labels.csv").write_text(project.label_csv(rows), encoding="utf-8")
    (folder / "project.xml").write_text(project.project_xml(rows), encoding="utf-8")
    return {name: said(read(folder, name, mapping)) for name in ("raw.csv", "labels.csv", "project.xml")}


ROWS = [
    {
        "record_id": "1", "redcap_event_name": "baseline_arm_1", "initials": "AB", "sex": "1", "sym___a": "0",
        "sym___b": "1", "smoker": "1", "visit_date": "2020-01-05", "weight": "71,5", "base_complete": "2",
    },
    {
        "record_id": "1", "redcap_event_name": "baseline_arm_1", "redcap_repeat_instrument": "labs",
        "redcap_repeat_instance": "1", "psa": "4.5", "psa_date": "2020-01-07", "labs_complete": "2",
    },
    {
        "record_id": "1", "redcap_event_name": "week_6_arm_1", "sym___a": "0", "sym___b": "0", "weight": "70,25",
        "base_complete": "1",
    },
    {
        "record_id": "1", "redcap_event_name": "week_6_arm_1", "redcap_repeat_instrument": "labs",
        "redcap_repeat_instance": "2", "psa": "3.5", "labs_complete": "0",
    },
    {
        "record_id": "2", "redcap_event_name": "baseline_arm_2", "initials": "CD", "sex": "UNK", "sym___a": "1",
        "sym___b": "0", "smoker": "NASK", "visit_date": "UNK", "base_complete": "0",
    },
]  # fmt: skip


def test_dates_visits_and_repetitions(folder):
    found = all_three(folder, ROWS)
    assert found["raw.csv"] == found["labels.csv"] == found["project.xml"]
    first, *_ = found["raw.csv"]
    assert first == Finding(
        key="R2C6",
        subject="1",
        variable=ncit.SEX,
        element="cadsr:2200604",
        value_concept=ncit.MALE,
        raw="Male",
        when=When.on(dt.date(2020, 1, 5)),
        visit=0,
        visit_label="baseline_arm_1",
    )
    numbers = [item for item in found["raw.csv"] if isinstance(item, Measurement)]
    told = [(item.value, item.raw, item.when and item.when.first, item.visit, item.replicate) for item in numbers]
    assert told == [
        (Decimal("71.5"), "71,5 kg", dt.date(2020, 1, 5), 0, None),
        (Decimal("4.5"), "4.5 ng/ml", dt.date(2020, 1, 7), 0, 1),
        (Decimal("70.25"), "70,25 kg", None, 1, None),  # no date: it keeps its visit and has no day
        (Decimal("3.5"), "3.5 ng/ml", None, 1, 2),
    ]
    assert not [item for item in found["raw.csv"] if getattr(item, "subject", "") == "2"]


def test_a_repeating_instrument_may_be_dated_by_its_event(folder):
    (folder / "dated").mkdir(exist_ok=True)
    shape = MAP.replace("name: trial", "name: dated").replace(
        "{labs: psa_date, base: visit_date}", "{Baseline (Arm 1: Arm 1): visit_date}"
    )
    (folder / "dated" / "map.yaml").write_text(
        shape.replace("Baseline (Arm 1: Arm 1)", "baseline_arm_1"), encoding="utf-8"
    )
    (folder / "dated" / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    for items in all_three(folder, ROWS, "dated").values():
        dates = [(item.raw, item.when and item.when.first) for item in items if isinstance(item, Measurement)]
        assert dates == [
            ("71,5 kg", dt.date(2020, 1, 5)),
            ("4.5 ng/ml", dt.date(2020, 1, 5)),
            ("70,25 kg", None),
            ("3.5 ng/ml", None),
        ]


@pytest.mark.parametrize(
    ("dates", "problem"),
    [
        ("{nonsense: psa_date}", "dates: 'nonsense' is neither an instrument nor an event"),
        ("{labs: initials}", "dates: 'initials' is closed"),
        ("{labs: no_date}", "dates: 'no_date' is not in the export"),
    ],
)
def test_dates_of_what_there_is_not(folder, dates, problem):
    (folder / "wrong").mkdir(exist_ok=True)
    shape = MAP.replace("name: trial", "name: wrong").replace("{labs: psa_date, base: visit_date}", dates)
    (folder / "wrong" / "map.yaml").write_text(shape, encoding="utf-8")
    for items in all_three(folder, ROWS, "wrong").values():
        assert [item.problem for item in items if isinstance(item, Reject)] == [problem]


def texts(*choices):
    return st.sampled_from(["", *choices])


@st.composite
def base_row(draw, subject, event):
    row = {"record_id": subject, "redcap_event_name": event, "base_complete": draw(st.sampled_from("012"))}
    row |= {"sym___a": draw(st.sampled_from("01")), "sym___b": draw(st.sampled_from("01"))}
    row |= {"sex": draw(texts("1", "2", "-9", "7", "UNK")), "smoker": draw(texts("1", "0", "NASK"))}
    row |= {"visit_date": draw(texts("2020-01-05", "2020-02-30", "UNK"))}
    return row | {"weight": draw(texts("71,5", "80", "7.5", "<40", "heavy", "1e400"))}


@st.composite
def lab_row(draw, subject, event, instance):
    row = {"record_id": subject, "redcap_event_name": event, "redcap_repeat_instrument": "labs"}
    row |= {"redcap_repeat_instance": str(instance), "labs_complete": draw(st.sampled_from("012"))}
    return row | {"psa": draw(texts("4.5", "4,5", ">100", "UNK")), "psa_date": draw(texts("2020-01-07", "NASK"))}


@st.composite
def projects(draw):
    rows = []
    for subject in draw(st.lists(st.sampled_from(["1", "02", "x-3"]), unique=True, min_size=1)):
        for _, _, event in draw(st.lists(st.sampled_from(project.EVENTS), unique=True, min_size=1)):
            rows.append(draw(base_row(subject, event)))
            rows += [draw(lab_row(subject, event, instance)) for instance in range(1, draw(st.integers(1, 3)))]
    return rows


@settings(max_examples=20)
@given(rows=projects())
def test_exports_of_any_project_agree(folder, rows):
    found = all_three(folder, rows)
    assert found["raw.csv"] == found["project.xml"]
    # a cell that is no choice's code is no choice's label either, and both wait; everything else is the same
    assert found["raw.csv"] == found["labels.csv"]
    private = [
        cell for row in rows for name, cell in row.items() if name in {"weight", "psa", "visit_date"} if len(cell) > 3
    ]
    assert not [
        cell for reject in found["raw.csv"] if isinstance(reject, Reject) for cell in private if cell in reject.problem
    ]


def test_a_label_that_events_of_several_arms_bear_numbers_them_all(folder):
    (folder / "numbered").mkdir(exist_ok=True)
    shape = MAP.replace("name: trial", "name: numbered") + "visits: {Baseline: 10, week_6_arm_1: 16}\n"
    (folder / "numbered" / "map.yaml").write_text(shape, encoding="utf-8")
    (folder / "numbered" / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    rows = [{"record_id": "1", "redcap_event_name": event, "sex": "1"} for _, _, event in project.EVENTS]
    for items in all_three(folder, rows, "numbered").values():
        assert [item.visit for item in items] == [10, 16, 10]
