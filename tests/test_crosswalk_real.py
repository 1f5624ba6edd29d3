"""The cross-walk on real collections in which no column equals the images' PatientID.

The rules are those of docs/crosswalk.md; the figures are computed directly from the tables and the index of images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ingest.run import Job, run
from queries import results
from queries.catalogue import query
from store.crosswalk import Decision
from store.crosswalk_rules import IdRule
from store.matching import Matched, matches
from store.warehouse import ANONYMOUS, Warehouse

TCIA = Path(__file__).parents[1] / ".." / "shared" / "data" / "clinical" / "tcia"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not TCIA.is_dir(), reason="../shared/data is not present"),
]
VIEW = r"(?:(?:Mass|Calc)-(?:Training|Test)_)?(P_[0-9]{5})_(?:LEFT|RIGHT)_(?:CC|MLO)(?:_[0-9]+)?(?:\.dcm)?"
REAL = {
    "acrin_nsclc_fdg_pet": ("**/A0.csv", "cn", "acrin-case", IdRule(pad=3, prefix="ACRIN-NSCLC-FDG-PET-")),
    "acrin_flt_breast": ("**/A0.csv", "cn", "acrin-case", IdRule(pad=3, prefix="ACRIN-FLT-Breast_")),
    "acrin_contralateral_breast_mr": (
        "**/6667_A0 reviewed.csv",
        "cn",
        "acrin-case",
        IdRule(pad=3, prefix="ACRIN-Contralateral-Breast-MR-"),
    ),
    "ea1141": ("**/*demog*.csv", "SUBJECT_DE", "ea1141-subject", IdRule(prefix="EA1141-")),
    "cbis_ddsm": ("**/mass*.csv", "patient_id", "", IdRule(pattern=VIEW)),
}
"""By collection: its tables, their subject column, the namespace that the rule is for, and the rule."""


def tables(collection: str) -> list[Path]:
    return sorted((TCIA / collection).glob(REAL[collection][0]))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path_factory.mktemp("crosswalk"))
    jobs = [Job(locators=(f"idc://{','.join(REAL)}",), collection="idc", audience="public")]
    jobs += [Job(locators=tuple(map(str, tables(name))), collection=name, audience="public") for name in REAL]
    report = run(opened, jobs)
    assert report.subjects
    assert not any(item.matched for item in report.subjects)
    for name, (_, _, namespace, rule) in REAL.items():
        number = opened.rules.propose(name, namespace, rule, Decision("steward", "docs/crosswalk.md")).id
        opened.rules.approve(number, Decision("steward", "docs/crosswalk.md"))
    with opened.writing() as writing:
        writing.publish()
    yield opened
    opened.close()


def found(warehouse: Warehouse, collection: str) -> dict[str, Matched]:
    live = [source for source in warehouse.generations.current().sources if source.collection == collection]
    counted = matches(warehouse.crosswalk, warehouse.rules, warehouse.home.log, live)
    return {item.side: item for item in counted}


def patient_ids(collection: str) -> set[str]:
    import idc_index_data

    index = str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH)
    query = "SELECT DISTINCT PatientID FROM read_parquet(?) WHERE collection_id = ?"
    return {row[0] for row in duckdb.execute(query, [index, collection]).fetchall()}


def table_ids(collection: str) -> set[str]:
    column = REAL[collection][1]
    frames = [pd.read_csv(path, dtype=str, encoding_errors="replace") for path in tables(collection)]
    return set(pd.concat(frames)[column].str.strip())


@pytest.mark.parametrize(
    ("collection", "prefix", "digits", "unmatched"),
    [
        ("acrin_nsclc_fdg_pet", "ACRIN-NSCLC-FDG-PET-", 3, (60, 7)),
        ("acrin_flt_breast", "ACRIN-FLT-Breast_", 3, (0, 7)),
        ("acrin_contralateral_breast_mr", "ACRIN-Contralateral-Breast-MR-", 3, (0, 23)),
        ("ea1141", "EA1141-", 0, (0, 0)),
    ],
)
def test_case_numbers_meet_the_patient_ids(
    warehouse: Warehouse, collection: str, prefix: str, digits: int, unmatched: tuple[int, int]
) -> None:
    images = patient_ids(collection)
    cases = {f"{prefix}{case.zfill(digits)}" for case in table_ids(collection)}
    sides = found(warehouse, collection)
    assert (sides["images"].matched, sides["images"].unmatched) == (len(images & cases), len(images - cases))
    assert (sides["tables"].matched, sides["tables"].unmatched) == (len(images & cases), len(cases - images))
    assert (sides["images"].unmatched, sides["tables"].unmatched) == unmatched
    assert sides["tables"].linked == len(cases)


def test_the_images_of_a_mammogram_become_one_subject(warehouse: Warehouse) -> None:
    images, people = patient_ids("cbis_ddsm"), table_ids("cbis_ddsm")
    of = {image: re.findall("P_[0-9]{5}", image)[0] for image in images}
    sides = found(warehouse, "cbis_ddsm")
    assert (sides["images"].ids, sides["images"].linked) == (6671, 6671)
    assert sides["images"].matched == sum(person in people for person in of.values())
    assert (sides["tables"].matched, sides["tables"].unmatched) == (len(people), 0)
    query = (
        "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s q:collection/q:identifier 'cbis_ddsm' . ?x a q:Series ; q:subject ?s }"
    )
    [[counted]] = warehouse.select(query, ANONYMOUS).rows
    assert counted is not None
    assert int(counted.value) == len(set(of.values())) == 1566


def test_after_linking_the_sex_in_the_table_is_that_in_the_images(warehouse: Warehouse) -> None:
    """What shows that case numbers are the numbers in the PatientIDs, which the archive does not say."""
    query = """SELECT (COUNT(*) AS ?all) (SUM(IF(?a = ?b, 1, 0)) AS ?same) {
        ?s q:collection/q:identifier 'acrin_nsclc_fdg_pet' .
        ?x q:subject ?s ; q:variable ncit:C28421 ; q:valueConcept ?a ; prov:wasDerivedFrom/q:sourceKind 'idc' .
        ?y q:subject ?s ; q:variable ncit:C28421 ; q:valueConcept ?b ; prov:wasDerivedFrom/q:sourceKind 'forms' }"""
    [[together, same]] = warehouse.select(query, ANONYMOUS).rows
    assert together is not None
    assert same is not None
    images = sexes("acrin_nsclc_fdg_pet")
    form = pd.read_csv(tables("acrin_nsclc_fdg_pet")[0], dtype=str)
    stated = dict(zip(form.cn.str.strip(), form.a0e11.map({"1": "M", "2": "F"}), strict=True))
    named = {f"ACRIN-NSCLC-FDG-PET-{case.zfill(3)}": sex for case, sex in stated.items()}
    pairs = [(images[subject], sex) for subject, sex in named.items() if subject in images]
    assert (int(together.value), int(same.value)) == (len(pairs), sum(one == other for one, other in pairs))
    assert int(same.value) > 0.97 * int(together.value)


def test_the_age_of_a_form_goes_before_that_of_image_headers(warehouse: Warehouse) -> None:
    """Some headers of this collection give months where years are meant: the harmonised answer is the form's."""
    asked = {"collection": "acrin_nsclc_fdg_pet"}
    rows = results.run(warehouse, query("harmonised-subjects"), asked, ANONYMOUS).dicts()
    given = {row["subject"]: row["age"] for row in rows}
    form = pd.read_csv(tables("acrin_nsclc_fdg_pet")[0], dtype=str)
    stated = dict(zip(form.cn.str.strip().str.zfill(3), form.entryage.astype(float), strict=True))
    told = {f"ACRIN-NSCLC-FDG-PET-{case}": age for case, age in stated.items() if age < 90}
    assert {subject: float(str(given[subject])) for subject in told} == told


def sexes(collection: str) -> dict[str, str]:
    """The sex in the image headers of each PatientID in which it is one and the same."""
    import idc_index_data

    query = (
        "SELECT PatientID, min(PatientSex) FROM read_parquet(?) WHERE collection_id = ? AND PatientSex IN ('M', 'F') "
        "GROUP BY ALL HAVING count(DISTINCT PatientSex) = 1"
    )
    return dict(duckdb.execute(query, [str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH), collection]).fetchall())
