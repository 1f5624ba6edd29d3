"""The SDTM maps on the published datasets, against pandas: lesions, sums of diameters, responses, courses, labs."""

import dataclasses
from collections import Counter
from functools import cache
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from ingest import sas
from ingest.base import Context
from ingest.table import reader as table
from ontology.records import Event, Finding, Lesion, Measurement, Reader, Record, Reject, Response, Treatment
from ontology.terms import ncit, q, radlex

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SDTM, ONCO, RECIST = DATA / "sdtm", DATA / "clinical" / "sdtm_onco", DATA / "imaging" / "recist"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present"),
]
FILES = sorted([*SDTM.glob("*.csv"), *ONCO.glob("*.csv"), *RECIST.glob("SDTM_*.csv")])
DIAMETERS = {"LDIAM": ncit.LONGEST_DIAMETER, "LPERP": ncit.LONGEST_PERPENDICULAR, "DIAMETER": ncit.DIAMETER}
ROLES = {"INVESTIGATOR": q.INVESTIGATOR, "INDEPENDENT ASSESSOR": q.CENTRAL_READER}
TUMORS = [("TU", SDTM / "tu_onco.csv"), ("TU", ONCO / "tu_onco_recist.csv"), ("TR", SDTM / "tr_onco.csv")]
TUMORS += [("TR", RECIST / "SDTM_tr_onco_recist.derived.csv")]


@cache
def frame_of(path):
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.replace("NA", "")


@cache
def read(path):
    return list(table.SOURCE.read(iter([str(path)]), Context(collection="pilot")))


def of(path, kind):
    return [item for item in read(path) if isinstance(item, kind)]


def reader(frame, domain):
    """The reader of each row: who evaluated, else the role."""
    return frame[f"{domain}EVALID"].where(frame[f"{domain}EVALID"] != "", frame[f"{domain}EVAL"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_dataset_is_recognised_and_read(path):
    items = read(path)
    assert items[0].recipe.startswith(f"sdtm_{frame_of(path)['DOMAIN'].iloc[0].lower()}@")
    assert {item.subject for item in items if hasattr(item, "subject")} == set(frame_of(path)["USUBJID"])
    rejects = [(item.problem, item.place) for item in items if isinstance(item, Reject)]
    # the three responses "CHECK" are no term of CDISC
    assert rejects == (
        [("value without a decision", "R4067C10, R4069C10, R4071C10")] if path.name == "rs_onco.csv" else []
    )


@pytest.mark.parametrize(("domain", "path"), TUMORS, ids=lambda value: getattr(value, "name", value))
def test_lesions_and_readers_are_those_of_the_file(domain, path):
    frame = frame_of(path)
    named = frame[frame[f"{domain}LNKID"] != ""]
    names = zip(named["USUBJID"], reader(named, domain), named[f"{domain}LNKID"], strict=True)
    assert {(item.subject, item.key, item.label.casefold()) for item in of(path, Lesion)} == {
        (subject, f"{who}.{name.casefold()}", name.casefold()) for subject, who, name in names
    }
    wanted = {(who, ROLES[role]) for who, role in zip(reader(frame, domain), frame[f"{domain}EVAL"], strict=True)}
    assert {(item.key, item.role) for item in of(path, Reader)} == wanted


@pytest.mark.parametrize("path", [path for domain, path in TUMORS if domain == "TU"], ids=lambda path: path.name)
def test_roles_and_places_are_findings_about_the_lesion(path):
    frame = frame_of(path)
    findings = of(path, Finding)
    roles = {"TARGET": ncit.TARGET_LESION_IDENTIFICATION, "NON-TARGET": ncit.NON_TARGET_LESION_IDENTIFICATION}
    roles |= {"NEW": ncit.NEW_LESION_IDENTIFICATION}
    assert Counter(item.value_concept for item in findings if item.variable == ncit.TUMOR_IDENTIFICATION) == Counter(
        frame["TUSTRESC"].map(roles)
    )
    places = [item for item in findings if item.variable == radlex.ANATOMICAL_ENTITY]
    assert Counter(item.raw for item in places) == Counter(frame.loc[frame["TULOC"] != "", "TULOC"])
    assert all(item.site == item.value_concept is not None for item in places)


@pytest.mark.parametrize("path", [path for domain, path in TUMORS if domain == "TR"], ids=lambda path: path.name)
def test_diameters_sum_up_as_in_the_file_by_visit_and_reader(path):
    frame = frame_of(path)
    frame = frame.assign(reader=reader(frame, "TR"), size=pd.to_numeric(frame["TRSTRESN"]))
    measured = pd.DataFrame(
        (item.subject, item.visit_label, item.reader, item.variable, float(item.value))
        for item in of(path, Measurement)
        if item.value is not None
    ).set_axis(["USUBJID", "VISIT", "reader", "variable", "size"], axis=1)
    for code, variable in DIAMETERS.items():
        keys = ["USUBJID", "VISIT", "reader"]
        wanted = frame[(frame["TRTESTCD"] == code) & frame["size"].notna()].groupby(keys)["size"].agg(["sum", "count"])
        found = measured[measured["variable"] == variable].groupby(keys)["size"].agg(["sum", "count"])
        pd.testing.assert_frame_equal(found, wanted, check_exact=False)
        assert not wanted.empty or code == "DIAMETER"


def test_stated_sums_are_derived_and_equal_the_diameters_they_sum():
    path = SDTM / "tr_onco.csv"
    sums = [item for item in of(path, Measurement) if item.variable == ncit.SUM_OF_DIAMETERS]
    assert len(sums) == (frame_of(path)["TRTESTCD"] == "SUMDIAM").sum() == 2661
    assert all(item.derived and item.lesion is None for item in sums)
    assert not [item for item in of(path, Measurement) if item.derived and item.variable != ncit.SUM_OF_DIAMETERS]


def test_what_was_not_done_is_kept_with_its_reason():
    path = SDTM / "tr_onco.csv"
    frame = frame_of(path)
    absent = [item for item in of(path, Measurement | Finding) if item.absent_reason is not None]
    assert len(absent) == (frame["TRSTAT"] == "NOT DONE").sum() == 820
    assert {item.absent_reason for item in absent} == {ncit.UNEVALUABLE}
    assert all(item.value is None and item.value_concept is None for item in absent)


def test_partial_dates_are_bounds_and_unscheduled_visits_have_no_number():
    path = SDTM / "tr_onco.csv"
    frame = frame_of(path)
    months = {item.when for item in of(path, Measurement) if item.when.first != item.when.last}
    assert len(months) == frame.loc[frame["TRDTC"].str.len() == 7, "TRDTC"].nunique() > 0
    labels = Counter(item.visit_label for item in of(path, Measurement) if item.visit is None)
    assert set(labels) == {"WEEK 18 (T)", "UNSCHEDULED 9.2", "UNSCHEDULED 9.3"}


@pytest.mark.parametrize("path", [SDTM / "rs_onco.csv", *sorted(ONCO.glob("rs_*.csv"))], ids=lambda path: path.name)
def test_responses_are_counted_as_in_the_file(path):
    frame = frame_of(path)
    frame = frame[(frame["RSTESTCD"] != "NEWLPROG") & (frame["RSSTRESC"] != "CHECK") & (frame["RSSTRESC"] != "")]
    wanted = Counter(zip(frame["USUBJID"], frame["VISIT"], frame["RSSTRESC"], strict=True))
    given = [item for item in of(path, Response) if item.absent_reason is None]
    assert Counter((item.subject, item.visit_label, item.raw) for item in given) == wanted
    accepted = frame["RSACPTFL"].eq("Y").sum() if "RSACPTFL" in frame else 0
    assert sum(item.accepted_reading is True for item in given) == accepted


def test_responses_have_the_criteria_that_the_file_names():
    assert {item.criteria for item in of(SDTM / "rs_onco.csv", Response)} == {
        ncit.RESPONSE_EVALUATION_CRITERIA_IN_SOLID_TUMORS_VERSION_1_1
    }
    assert {item.criteria for item in of(ONCO / "rs_onco_recist.csv", Response)} == {None}
    assert Counter(item.criteria for item in of(ONCO / "rs_onco_pcwg3.csv", Response)) == {
        ncit.RESPONSE_EVALUATION_CRITERIA_IN_SOLID_TUMORS_VERSION_1_1: 30,
        ncit.PCWG_SCHER_PROSTATE_CANCER_2016_ONCOLOGY_RESPONSE_CRITERIA: 60,
    }


def test_courses_have_the_doses_and_dates_of_the_file():
    path = SDTM / "ex.csv"
    frame = frame_of(path)
    given = of(path, Treatment)
    assert len(given) == len(frame) == 591
    assert sum(float(item.dose) for item in given) == pd.to_numeric(frame["EXDOSE"]).sum()
    assert [str(item.start.first) for item in given] == list(frame["EXSTDTC"])
    assert sum(item.end is None for item in given) == (frame["EXENDTC"] == "").sum() == 6
    assert Counter(item.agent for item in given)[ncit.PLACEBO] == (frame["EXTRT"] == "PLACEBO").sum()


def test_labs_and_baselines_are_those_of_the_file():
    path = ONCO / "lb_onco_pcwg3.csv"
    frame = frame_of(path)
    given = of(path, Measurement)
    assert [float(item.value) for item in given] == list(pd.to_numeric(frame["LBSTRESN"]))
    assert {(item.variable, item.unit) for item in given} == {(ncit.PROSTATE_SPECIFIC_ANTIGEN_MEASUREMENT, "ng/ml")}
    assert sum(item.baseline is True for item in given) == (frame["LBBLFL"] == "Y").sum()


def test_people_and_what_became_of_them():
    dm, ds = frame_of(SDTM / "dm.csv"), frame_of(SDTM / "ds.csv")
    ages = [float(item.value) for item in of(SDTM / "dm.csv", Measurement)]
    assert ages == list(pd.to_numeric(dm["AGE"]))
    sexes = Counter(item.value_concept for item in of(SDTM / "dm.csv", Finding) if item.variable == ncit.SEX)
    assert sexes == Counter(dm["SEX"].map({"F": ncit.FEMALE, "M": ncit.MALE}))
    kinds = Counter(item.kind for item in of(SDTM / "dm.csv", Event))
    assert kinds == {
        ncit.REFERENCE_START_TIME_POINT: (dm["RFSTDTC"] != "").sum(),
        ncit.DEAD: (dm["DTHDTC"] != "").sum(),
    }
    ended = [item for item in of(SDTM / "ds.csv", Finding) if item.variable == ncit.COMPLETION_STATUS]
    assert Counter(item.raw for item in ended) == Counter(ds.loc[ds["DSCAT"] == "DISPOSITION EVENT", "DSDECOD"])
    happened = Counter(item.kind for item in of(SDTM / "ds.csv", Event))
    assert happened == {ncit.RANDOMIZATION: 254, ncit.DEAD: 3}


@pytest.mark.parametrize("name", ["dm", "ex", "tu_onco"])
def test_a_transport_file_gives_what_the_csv_gives(tmp_path, name):
    frame = pd.read_csv(SDTM / f"{name}.csv", dtype={"SUBJID": str, "SITEID": str})
    texts = frame.select_dtypes(exclude="number").columns
    path = tmp_path / f"{name}.xpt"
    pyreadstat.write_xport(frame.fillna(dict.fromkeys(texts, "")), str(path), table_name=name[:8])
    found = sas.SOURCE.read(iter([str(path)]), Context(collection="pilot"))

    def said(items):
        # pandas wrote whole numbers as 63.0, and raw keeps what was written
        facts = [item for item in items if isinstance(item, Record)]
        return [dataclasses.replace(item, raw=None) if hasattr(item, "raw") else item for item in facts]

    assert said(found) == said(read(SDTM / f"{name}.csv"))
