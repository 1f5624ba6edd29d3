"""The published tables of the shared folder: Lung1 in full against pandas, every other one at least handled."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from ingest.base import Context
from ingest.redcap import reader as redcap
from ingest.redcap.table import ProjectTable
from ingest.table import reader as table
from ontology.records import Finding, Measurement, Outcome, Reject, SourceRecord
from ontology.terms import ncit, q

CLINICAL = Path(__file__).parents[2].parent / "shared" / "data" / "clinical"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CLINICAL.is_dir(), reason="../shared/data is not present"),
]
LUNG1 = CLINICAL / "tcia" / "nsclc_radiomics" / "NSCLC-Radiomics-Lung1.clinical-version3-Oct-2019.csv"


@pytest.fixture(scope="module")
def lung1():
    return list(table.SOURCE.read(iter([str(LUNG1)]), Context(collection="nsclc_radiomics")))


@pytest.fixture(scope="module")
def frame():
    return pd.read_csv(LUNG1, dtype=str, keep_default_na=False)


def findings(items, variable):
    return {item.subject: item for item in items if isinstance(item, Finding) and item.variable == variable}


def test_lung1_comes_in_whole(lung1, frame):
    assert isinstance(lung1[0], SourceRecord)
    assert not [item for item in lung1 if isinstance(item, Reject)]
    assert {item.subject for item in lung1[1:]} == set(frame["PatientID"])
    assert len({item.subject for item in lung1[1:]}) == 422
    assert len({item.key for item in lung1[1:]}) == len(lung1) - 1


@pytest.mark.parametrize(
    ("column", "variable", "terms"),
    [
        (
            "Overall.Stage",
            ncit.DISEASE_STAGE_QUALIFIER,
            {"I": ncit.STAGE_I, "II": ncit.STAGE_II, "IIIa": ncit.STAGE_IIIA, "IIIb": ncit.STAGE_IIIB},
        ),
        (
            "Histology",
            ncit.MORPHOLOGIC_FINDING,
            {
                "adenocarcinoma": ncit.LUNG_ADENOCARCINOMA,
                "large cell": ncit.LUNG_LARGE_CELL_CARCINOMA,
                "squamous cell carcinoma": ncit.LUNG_SQUAMOUS_CELL_CARCINOMA,
                "nos": ncit.LUNG_NON_SMALL_CELL_CARCINOMA,
            },
        ),
        (
            "clinical.T.Stage",
            ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING,
            {
                "1": ncit.T1_STAGE_FINDING,
                "2": ncit.T2_STAGE_FINDING,
                "3": ncit.T3_STAGE_FINDING,
                "4": ncit.T4_STAGE_FINDING,
                "5": q.UNMAPPED,
            },
        ),
        (
            "Clinical.N.Stage",
            ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING,
            {
                "0": ncit.N0_STAGE_FINDING,
                "1": ncit.N1_STAGE_FINDING,
                "2": ncit.N2_STAGE_FINDING,
                "3": ncit.N3_STAGE_FINDING,
                "4": q.UNMAPPED,
            },
        ),
        (
            "Clinical.M.Stage",
            ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING,
            {"0": ncit.M0_STAGE_FINDING, "1": ncit.M1_STAGE_FINDING, "3": q.UNMAPPED},
        ),
        ("gender", ncit.SEX, {"male": ncit.MALE, "female": ncit.FEMALE}),
    ],
)
def test_lung1_findings_are_those_of_the_table(lung1, frame, column, variable, terms):
    present = frame[frame[column] != "NA"].set_index("PatientID")[column].to_dict()
    found = findings(lung1, variable)
    assert {subject: item.raw for subject, item in found.items()} == present
    assert {subject: item.value_concept for subject, item in found.items()} == {
        subject: terms[raw] for subject, raw in present.items()
    }


def test_lung1_counts_as_published(lung1):
    stages = Counter(item.raw for item in findings(lung1, ncit.DISEASE_STAGE_QUALIFIER).values())
    assert stages == {"IIIb": 176, "IIIa": 112, "I": 93, "II": 40}
    histology = Counter(item.raw for item in findings(lung1, ncit.MORPHOLOGIC_FINDING).values())
    assert histology == {"squamous cell carcinoma": 152, "large cell": 114, "nos": 63, "adenocarcinoma": 51}


def test_lung1_survival(lung1, frame):
    outcomes = {item.subject: item for item in lung1 if isinstance(item, Outcome)}
    assert {subject: str(item.value) for subject, item in outcomes.items()} == frame.set_index("PatientID")[
        "Survival.time"
    ].to_dict()
    assert sum(item.event for item in outcomes.values()) == 373
    dead = frame[frame["deadstatus.event"] == "1"]["Survival.time"].astype(int)
    assert pd.Series([int(item.value) for item in outcomes.values() if item.event]).median() == dead.median() == 476
    assert {item.unit for item in outcomes.values()} == {"d"}
    assert {item.start_event for item in outcomes.values()} == {None}


def test_lung1_ages_over_89_are_not_kept_as_written(lung1):
    ages = [item for item in lung1 if isinstance(item, Measurement)]
    assert len(ages) == 400
    assert [item.raw for item in ages if item.value >= 90] == ["90+"]
    assert next(item.value for item in ages if item.subject == "LUNG1-001") == Decimal("78.7515")


def test_a_lung1_table_without_its_key_column_is_rejected(tmp_path, frame):
    path = tmp_path / "lung1.csv"
    frame.drop(columns="PatientID").to_csv(path, index=False)
    (reject,) = table.SOURCE.read(iter([str(path)]), Context(collection="nsclc_radiomics"))
    assert (reject.name, reject.place) == ("lung1.csv", "header (row 1)")
    assert "'PatientID'" in reject.problem
    assert "PatientID" in reject.wanted


def test_every_published_table_is_read_or_rejected_with_a_reason():
    files = [
        str(path) for path in sorted(CLINICAL.rglob("*")) if path.is_file() and path.suffix not in {".xml", ".zip"}
    ]
    tables = [path for path in files if not redcap.SOURCE.accepts(path) and table.SOURCE.accepts(path)]
    assert len(tables) > 150
    for path in tables:
        items = list(table.SOURCE.read(iter([path]), Context(collection="none")))
        assert items, path
        assert all(item.problem and item.wanted for item in items if isinstance(item, Reject))


def test_every_published_redcap_project_is_framed_by_its_dictionary():
    paths = sorted((CLINICAL / "redcap_redcapr").rglob("data*.csv"))
    assert len(paths) >= 19
    for path in paths:
        dictionary = redcap.dictionary_of(path)
        assert dictionary is not None, path
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding_errors="replace")
        header, *rows = ProjectTable(path, dictionary).rows()
        assert list(header) == [" ".join(name.split()) for name in raw.columns]
        assert len(rows) == len(raw)
        assert next(iter(dictionary.fields)) == header[0]


def test_choices_of_a_published_project_read_as_labels():
    path = CLINICAL / "redcap_redcapr" / "projects" / "repeating-instruments" / "data.csv"
    dictionary = redcap.dictionary_of(path)
    header, first, *_ = ProjectTable(path, dictionary).rows()
    cells = dict(zip(header, first, strict=True))
    choices = dictionary.fields["sex"].choices
    assert cells["sex"] in choices.values()
    assert {"first_name", "dob"} <= dictionary.closed
