"""Ready maps of case-report forms (ACRIN 6667, 6668, 6688, EA1141) and of a response sheet: records against pandas."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from ingest import sources
from ingest.base import Context
from ontology.records import Event, Finding, Measurement, Observation, Reject, Response, SourceRecord, Treatment
from ontology.terms import dcm, ncit, q, radlex

TCIA = Path(__file__).parents[2].parent / "shared" / "data" / "clinical" / "tcia"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TCIA.is_dir(), reason="../shared/data is not present"),
]
STAGES = (ncit.STAGE_IIB, ncit.STAGE_IIIA, ncit.STAGE_IIIB, ncit.STAGE_IV)
ENTRY_STAGES = {
    "1": ncit.STAGE_I,
    "2": ncit.STAGE_II,
    "3": ncit.STAGE_III,
    "4": ncit.STAGE_IV,
    "8": ncit.STAGE_IIA,
    "9": ncit.STAGE_IIB,
    "11": ncit.STAGE_IIIA,
    "12": ncit.STAGE_IIIB,
    "13": ncit.STAGE_IIIC,
}
ECOG = (
    ncit.ECOG_PERFORMANCE_STATUS_0,
    ncit.ECOG_PERFORMANCE_STATUS_1,
    ncit.ECOG_PERFORMANCE_STATUS_2,
    ncit.ECOG_PERFORMANCE_STATUS_3,
    ncit.ECOG_PERFORMANCE_STATUS_4,
)
GRADES = (
    ncit.MILD_ADVERSE_EVENT,
    ncit.MODERATE_ADVERSE_EVENT,
    ncit.SEVERE_ADVERSE_EVENT,
    ncit.LIFE_THREATENING_OR_DISABLING_ADVERSE_EVENT,
    ncit.DEATH_RELATED_TO_ADVERSE_EVENT,
)
BIRADS = (
    radlex.BI_RADS_0,
    radlex.BI_RADS_1,
    radlex.BI_RADS_2,
    radlex.BI_RADS_3,
    radlex.BI_RADS_4,
    radlex.BI_RADS_5,
)
SHAPES = (radlex.ROUND, radlex.OVAL, radlex.LOBULAR, radlex.IRREGULAR)
MARGINS = (radlex.SMOOTH, radlex.IRREGULAR_MARGIN, radlex.SPICULATED_MARGIN)
SEEN = (radlex.FOCUS, radlex.MASS, radlex.NON_MASS_ENHANCEMENT)
VITAL = {"1": ncit.ALIVE, "2": ncit.DEAD, "3": q.UNMAPPED}
SITES = {
    14: ncit.LUNG,
    19: ncit.LYMPH_NODE,
    24: ncit.PLEURA,
    29: ncit.ADRENAL_GLAND,
    34: ncit.LIVER,
    39: ncit.BONE,
    44: ncit.BRAIN,
}


def numbered(terms, start=1):
    return {str(number): term for number, term in enumerate(terms, start)}


@dataclass(frozen=True)
class Fact:
    """What a column says: a variable, its terms by cell or a number, and the columns of its day, the first that counts.

    A cell with the term "" has no concept: it is a text of its own, or the fact is an event or a treatment.
    """

    variable: str
    column: str
    terms: dict[str, str] | None = None
    day: tuple[str, ...] = ()
    where: dict[str, tuple[str, ...]] = field(default_factory=dict)
    factor: float = 1
    without: tuple[str, ...] = ()


def day_of(day, column, where):
    """An event: a kind and the column of its day."""
    return Fact(day, column, {}, (column,), where)


def later(form):
    """Sites of progression and later therapy, which forms F1 and F2 ask alike."""
    upper = form.capitalize()
    return [
        day_of(ncit.DISEASE_PROGRESSION, f"{upper}e10d", {f"{form}e9": ("2",)}),
        *(
            Fact(ncit.SITE_OF_METASTASIS, f"{form}e{number}", {"2": term}, (f"{upper}e{number + 1}d",))
            for number, term in SITES.items()
        ),
        *(
            Fact(kind, f"{form}e{number}", {"2": ""}, (f"{upper}e{number + 1}d",))
            for number, kind in (
                (60, ncit.RADIATION_THERAPY),
                (62, ncit.SURGICAL_PROCEDURE),
                (64, ncit.CHEMOTHERAPY),
            )
        ),
        Fact(ncit.ECOG_PERFORMANCE_STATUS, f"{form}e6", numbered(ECOG, 0), (f"{upper}e1d",)),
    ]


def vital(form, otherwise):
    upper = form.capitalize()
    causes = {"1": ncit.LUNG_NON_SMALL_CELL_CARCINOMA, "4": q.UNMAPPED, "5": q.UNMAPPED, "99": ncit.UNKNOWN}
    return [
        Fact(ncit.VITAL_STATUS, f"{form}e2", VITAL, (f"{upper}e3d", f"{upper}e1d")),
        Fact(ncit.CAUSE_OF_DEATH, f"{form}e4", causes, otherwise),
    ]


def numbers(day, **columns):
    return [Fact(variable, column, None, (day,), factor=factor) for column, (variable, factor) in columns.items()]


def reading(observed, shape, margin, birads, day):
    return [
        Fact(radlex.IMAGING_OBSERVATION, observed, numbered(SEEN), (day,)),
        Fact(radlex.LESION_SHAPE, shape, numbered(SHAPES), (day,)),
        Fact(radlex.MARGIN_CHARACTERISTIC, margin, numbered(MARGINS), (day,)),
        Fact(radlex.BI_RADS_ASSESSMENT, birads, numbered(BIRADS, 0), (day,)),
    ]


def lesions(test):
    return [
        Fact(radlex.BI_RADS_ASSESSMENT, f"{test}_LESIONBIRADS_YR0", numbered(BIRADS, 0)),
        Fact(
            ncit.DIAGNOSIS_ASSESSMENT,
            f"{test}_LESIONOUTCOME_YR0",
            {
                "Benign": ncit.BENIGN,
                "Benign with atypia or high-risk lesion": "",
                "DCIS": ncit.DUCTAL_BREAST_CARCINOMA_IN_SITU,
                "Invasive": ncit.INVASIVE_BREAST_CARCINOMA,
            },
        ),
    ]


PEAKS = (18, 20, 22, 28, 30, 32, 43, 49, 55, 73, 79, 85)
MAXIMA = (132, 133, 134, 137, 138, 139, 143, 144, 145, 148, 149, 150)
RESPONSES = (ncit.COMPLETE_REMISSION, ncit.PARTIAL_REMISSION, ncit.NO_RESPONSE, ncit.PROGRESSIVE_DISEASE)


def uptake(form, day):
    """A reading of the PET: peaks and maxima of organs before and after treatment, the response of lung and nodes."""
    return [
        *(
            Fact(variable, f"{form}e{number}", None, (day,), without=("0",))
            for variable, columns in (
                (ncit.STANDARDIZED_UPTAKE_VALUE_PEAK, PEAKS),
                (ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM, MAXIMA),
            )
            for number in columns
        ),
        *(Fact(ncit.METABOLIC_RESPONSE, f"{form}e{number}", numbered(RESPONSES, 0), (day,)) for number in (45, 51)),
    ]


PET = "acrin_nsclc_fdg_pet"
FLT = "acrin_flt_breast"
MR = "acrin_contralateral_breast_mr"
FORMS = {
    f"{PET}_o1": [
        Fact(q.CLINICAL_STAGE, "o1e2", numbered(STAGES)),
        Fact(
            ncit.MORPHOLOGIC_FINDING,
            "o1e50",
            {
                "1": ncit.LUNG_SQUAMOUS_CELL_CARCINOMA,
                "2": ncit.LUNG_ADENOCARCINOMA,
                "7": ncit.LUNG_NON_SMALL_CELL_CARCINOMA,
            },
            ("O1e49d",),
            {"o1e1": ("3", "4")},
        ),
    ],
    f"{PET}_f1": [*vital("f1", ("F1e1d",)), *later("f1")],
    f"{PET}_f2": [*vital("f2", ("F2e3d", "F2e1d")), *later("f2")],
    f"{PET}_ta": [
        day_of(ncit.FDG_POSITRON_EMISSION_TOMOGRAPHY, "TAe7d", {"tae3": ("2",)}),
        *numbers("TAe7d", tae15=(ncit.BODY_WEIGHT, 1), tae16=(ncit.HEIGHT, 1)),
    ],
    f"{PET}_ae": [
        Fact(ncit.ADVERSE_EVENT_TOXICITY_GRADE, column, numbered(GRADES), (day,))
        for column, day in (("aee4", "AEe10d"), ("aee16", "AEe22d"))
    ],
    f"{PET}_im": uptake("im", "IMe10d"),
    f"{PET}_q2": uptake("q2", "Q2e10d"),
    f"{PET}_qz": uptake("qz", "QZe10d"),
    f"{PET}_ds": [
        Fact(ncit.COMPLETION_STATUS, "dse1", {"1": ncit.COMPLETE}),
        Fact(
            ncit.COMPLETION_STATUS,
            "dse3",
            {"1": ncit.WITHDRAWAL_BY_SUBJECT, "2": ncit.DEAD, "3": ncit.LOST_TO_FOLLOW_UP},
            ("dse2d", "DSe2d"),
        ),
    ],
    f"{FLT}_e3": [
        Fact(ncit.SEX, "e3e6", {"2": ncit.FEMALE}),
        *(
            Fact(ncit.RACE, column, {"2": race})
            for column, race in (
                ("e3e8", ncit.WHITE),
                ("e3e9", ncit.BLACK_OR_AFRICAN_AMERICAN),
                ("e3e11", ncit.ASIAN),
                ("e3e12", ncit.AMERICAN_INDIAN_OR_ALASKA_NATIVE),
                ("e3e14", ncit.UNKNOWN),
            )
        ),
        Fact(
            ncit.ETHNIC_GROUP,
            "e3e15",
            {"1": ncit.HISPANIC_OR_LATINO, "2": ncit.NOT_HISPANIC_OR_LATINO, "99": ncit.UNKNOWN},
        ),
        Fact(
            ncit.DIAGNOSIS_ASSESSMENT,
            "e3e26",
            {
                "1": ncit.DUCTAL_BREAST_CARCINOMA_IN_SITU,
                "2": ncit.INVASIVE_BREAST_CARCINOMA,
                "3": ncit.BREAST_INFLAMMATORY_CARCINOMA,
                "5": ncit.BREAST_CARCINOMA,
            },
        ),
        Fact(q.CLINICAL_STAGE, "e3e27", ENTRY_STAGES, ("E3e3d",)),
        Fact(ncit.ECOG_PERFORMANCE_STATUS, "e3e29", numbered(ECOG, 0), ("E3e3d",)),
    ],
    f"{FLT}_he": numbers(
        "HEe3d",
        hee7=(ncit.HEMOGLOBIN_MEASUREMENT, 1),
        hee25=(ncit.LEUKOCYTE_COUNT, 1),
        hee34=(ncit.PLATELET_COUNT, 1),
    ),
    f"{FLT}_cj": [
        *numbers(
            "CJe3d",
            cje43=(ncit.TOTAL_BILIRUBIN_MEASUREMENT, 1),
            cje52=(ncit.ALKALINE_PHOSPHATASE_MEASUREMENT, 1),
            cje79=(ncit.ALANINE_AMINOTRANSFERASE_MEASUREMENT, 1),
            cje88=(ncit.ASPARTATE_AMINOTRANSFERASE_MEASUREMENT, 1),
            cje106=(ncit.ALBUMIN_MEASUREMENT, 10),
        ),
        Fact(ncit.CREATININE_MEASUREMENT, "cje16", None, ("CJe3d",), without=("0.062",)),
        Fact(ncit.LACTATE_DEHYDROGENASE_MEASUREMENT, "cje97", None, ("CJe3d",), without=("0",)),
    ],
    f"{FLT}_rt": numbers(
        "RTe3d", rte10=(ncit.NUMBER_OF_LYMPH_NODES_POSITIVE, 1), rte12=(ncit.RESIDUAL_CANCER_BURDEN_INDEX, 1)
    ),
    f"{FLT}_jt": [
        Fact(
            ncit.DISEASE_RESPONSE,
            "jte9",
            {
                "5": ncit.COMPLETE_REMISSION,
                "6": ncit.PARTIAL_REMISSION,
                "7": q.UNMAPPED,
                "8": ncit.PROGRESSIVE_DISEASE,
                "9": ncit.STABLE_DISEASE,
                "10": q.UNMAPPED,
            },
            ("JTe12d", "JTe13d"),
        )
    ],
    f"{FLT}_pf": [
        Fact(ncit.KI_67_LABELING_INDEX, "pfe64", None, ("PFe6d", "PFe3d"), {"pfe62": ("1",)}),
        Fact(
            ncit.PATHOLOGIC_RESPONSE,
            "pfe71",
            {"1": ncit.PATHOLOGIC_COMPLETE_RESPONSE, "2": q.UNMAPPED, "3": ncit.NO_RESPONSE},
            ("PFe6d", "PFe3d"),
        ),
    ],
    f"{FLT}_ph": [Fact(ncit.KI_67_LABELING_INDEX, "phe64", None, ("PHe6d", "PHe3d"), {"phe62": ("1",)})],
    f"{FLT}_fs": [
        day_of(ncit.FDG_POSITRON_EMISSION_TOMOGRAPHY, "FSe29d", {"fse26": ("2",)}),
        Fact(ncit.BODY_WEIGHT, "fse30", None, ("FSe29d",), {"fse31": ("1",)}, without=("0",)),
    ],
    f"{FLT}_ft": [
        day_of(ncit.FLT_POSITRON_EMISSION_TOMOGRAPHY, "FTe29d", {"fte26": ("2",)}),
        Fact(ncit.BODY_WEIGHT, "fte30", None, ("FTe29d",), {"fte31": ("1",)}, without=("0",)),
    ],
    f"{FLT}_af": [
        Fact(ncit.ADVERSE_EVENT_TOXICITY_GRADE, f"afe{11 + 13 * part}", numbered(GRADES), (f"AFe{5 + 13 * part}d",))
        for part in range(7)
    ],
    f"{FLT}_po": [
        Fact(ncit.SURGICAL_PROCEDURE, "poe18", {"2": ""}),
        Fact(ncit.RADIATION_THERAPY, "poe30", {"2": ""}),
    ],
    f"{MR}_ia": [
        Fact(
            radlex.TISSUE_COMPOSITION,
            "iae5",
            numbered(
                (
                    radlex.ALMOST_ENTIRELY_FAT,
                    radlex.SCATTERED_FIBROGLANDULAR_TISSUE,
                    radlex.HETEROGENEOUS_FIBROGLANDULAR_TISSUE,
                    radlex.EXTREME_FIBROGLANDULAR_TISSUE,
                )
            ),
            ("IAe1d",),
        ),
        Fact(radlex.BI_RADS_ASSESSMENT, "iae6", numbered(BIRADS, 0), ("IAe1d",)),
    ],
    f"{MR}_im": [Fact(radlex.BI_RADS_ASSESSMENT, "ime7", numbered(BIRADS, 0), ("IMe1d",))],
    f"{MR}_is": [
        Fact(radlex.LESION_SHAPE, "ise11", numbered((radlex.OVAL, radlex.ROUND, radlex.IRREGULAR)), ("ISe1d",)),
        Fact(radlex.BI_RADS_ASSESSMENT, "ise73", numbered(BIRADS, 0), ("ISe1d",)),
    ],
    f"{MR}_m3": reading("m3e7", "m3e11", "m3e12", "m3e68", "M3e2d"),
    f"{MR}_m4": reading("m4e9", "m4e13", "m4e14", "m4e70", "M4e4d"),
    f"{MR}_ab": [day_of(ncit.BIOPSY_PROCEDURE, "ABe2d", {"abe1": ("2",)})],
    f"{MR}_p8": [
        Fact(
            ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING,
            "p8e11",
            {"1": ncit.T1_STAGE_FINDING, "5": ncit.TIS_STAGE_FINDING},
            ("P8e1d",),
        ),
        Fact(
            ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING,
            "p8e12",
            {"0": ncit.N0_STAGE_FINDING, "9": ncit.NX_STAGE_FINDING},
            ("P8e1d",),
        ),
        Fact(
            ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING,
            "p8e13",
            {"0": ncit.M0_STAGE_FINDING, "9": ncit.MX_STAGE_FINDING},
            ("P8e1d",),
        ),
        Fact(
            ncit.DIAGNOSIS_ASSESSMENT,
            "p8e27",
            {"3": q.UNMAPPED, "4": ncit.INVASIVE_BREAST_CARCINOMA},
            ("P8e1d",),
        ),
        Fact(ncit.MORPHOLOGIC_FINDING, "p8e31", {"31": ncit.DUCTAL_BREAST_CARCINOMA_IN_SITU}, ("P8e1d",)),
        Fact(
            ncit.MORPHOLOGIC_FINDING,
            "p8e32",
            {
                "40": ncit.INVASIVE_DUCTAL_CARCINOMA_NOT_OTHERWISE_SPECIFIED,
                "41": ncit.INVASIVE_LOBULAR_BREAST_CARCINOMA,
                "42": ncit.INVASIVE_BREAST_DUCTAL_CARCINOMA_AND_INVASIVE_LOBULAR_CARCINOMA,
                "43": ncit.BREAST_TUBULAR_CARCINOMA,
            },
            ("P8e1d",),
        ),
        Fact(ncit.HISTOLOGIC_GRADE, "p8e34", {"1": ncit.GRADE_1, "2": ncit.GRADE_2}, ("P8e1d",)),
    ],
    f"{MR}_k3": [Fact(ncit.VITAL_STATUS, "k3e6", {"3": ncit.DEAD})],
    "ea1141_mri_lesions": lesions("MRI"),
    "ea1141_tomo_lesions": lesions("TOMO"),
}
FILES = {"ea1141_mri_lesions": "*mrilesions*", "ea1141_tomo_lesions": "*tomolesions*"}


def path_of(name):
    collection = next(item for item in (PET, FLT, MR, "ea1141") if name.startswith(item))
    form = name.removeprefix(f"{collection}_").upper()
    pattern = FILES.get(name, f"6667_{form} reviewed.csv" if collection == MR else f"{form}.csv")
    (path,) = (TCIA / collection).rglob(pattern)
    return collection, path


@cache
def items_of(name):
    collection, path = path_of(name)
    source = sources.accepting(str(path))
    assert source is not None
    return tuple(source.read(iter([str(path)]), Context(collection=collection)))


@cache
def frame_of(name):
    return pd.read_csv(path_of(name)[1], dtype=str, keep_default_na=False).map(str.strip)


def when(item):
    return None if item is None else item.first


def told(item):
    """A record as its variable or kind, its value, its subject and its day."""
    match item:
        case Measurement():
            return item.variable, round(float(item.value), 6), item.subject, when(item.when)
        case Observation():
            return item.variable, item.value_concept, item.subject, when(item.when)
        case Treatment():
            return item.kind, None, item.subject, when(item.start)
        case Event():
            return item.kind, None, item.subject, when(item.when)


def expected(name):
    """What the table says, by pandas."""
    frame = frame_of(name)
    subjects = frame["cn"] if "cn" in frame else frame["SUBJECT_DE"]
    found = Counter()
    for fact in FORMS[name]:
        rows = frame[fact.column] != ""
        for column, cells in fact.where.items():
            rows &= frame[column].isin(cells)
        for row in frame.index[rows & ~frame[fact.column].isin(fact.without)]:
            cell = frame.at[row, fact.column]
            if fact.terms and cell not in fact.terms:
                continue
            days = (frame.at[row, column] for column in fact.day if column in frame)
            day = next((int(text) for text in days if text), None)
            value = round(float(cell) * fact.factor, 6) if fact.terms is None else fact.terms.get(cell) or None
            found[fact.variable, value, subjects[row], day] += 1
    return found


@pytest.mark.parametrize("name", FORMS)
def test_every_record_of_a_form_is_that_of_its_table(name):
    items = items_of(name)
    assert isinstance(items[0], SourceRecord)
    assert items[0].recipe.startswith(f"{name}@")
    assert not [item for item in items if isinstance(item, Reject)]
    kinds = (Finding, Response, Measurement, Treatment, Event)
    found = Counter(told(item) for item in items if isinstance(item, kinds))
    assert found == expected(name)
    assert found


def test_visits_of_the_pet_forms():
    for name, column, visits in (
        (f"{PET}_ta", "tae1", {"1": 0, "2": 1}),
        (f"{FLT}_ft", "fte2", {"2": 0, "3": 0, "4": 1, "5": 1, "6": 2, "7": 2}),
    ):
        found = Counter(
            (item.subject, item.visit, float(item.value))
            for item in items_of(name)
            if isinstance(item, Measurement) and item.variable == ncit.BODY_WEIGHT
        )
        frame = frame_of(name)
        weight = {f"{PET}_ta": "tae15", f"{FLT}_ft": "fte30"}[name]
        rows = (frame[weight] != "") & (frame[weight] != "0") & (frame.get("fte31", "1") == "1")
        wanted = Counter(
            (subject, visits[visit], float(cell))
            for subject, visit, cell in frame.loc[rows, ["cn", column, weight]].itertuples(index=False)
        )
        assert found == wanted


@pytest.mark.parametrize("form", ["im", "q2", "qz"])
def test_organs_and_times_of_the_uptake(form):
    organs = (ncit.LUNG, ncit.LYMPH_NODE, ncit.PLEURA, ncit.ADRENAL_GLAND, ncit.LIVER, ncit.BONE)
    found = Counter(
        (item.variable, item.site, item.visit)
        for item in items_of(f"{PET}_{form}")
        if isinstance(item, Measurement) and item.unit == "g/ml"
    )
    frame, wanted = frame_of(f"{PET}_{form}"), Counter()
    for variable, columns in (
        (ncit.STANDARDIZED_UPTAKE_VALUE_PEAK, PEAKS),
        (ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM, MAXIMA),
    ):
        for place, number in enumerate(columns):
            count = int((~frame[f"{form}e{number}"].isin(["", "0"])).sum())
            if count:
                wanted[variable, organs[place % 6], place // 6] += count
    assert found == wanted


def test_metabolic_volumes_before_and_after_radiotherapy():
    frame = frame_of(f"{PET}_ss")
    frame = frame[frame["sse2"] == "0"]
    after = frame[frame["sse3"] != "0"]
    items = items_of(f"{PET}_ss")
    assert not [item for item in items if isinstance(item, Reject)]
    found = Counter(
        (item.variable, item.site, item.visit, item.subject, round(float(item.value), 4))
        for item in items
        if isinstance(item, Measurement)
    )
    wanted = Counter()
    for place, site in enumerate((None, ncit.LUNG, ncit.LYMPH_NODE)):
        before_first, after_first = (14, 19, 23)[place], (37, 42, 46)[place]
        for offset, variable in (
            (0, ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM),
            (2, dcm.METABOLIC_VOLUME),
            (3, dcm.TOTAL_LESION_GLYCOLYSIS),
        ):
            for visit, rows, first in ((0, frame, before_first), (1, after, after_first)):
                for subject, cell in rows[["cn", f"sse{first + offset}"]].itertuples(index=False):
                    if cell and (offset or cell != "0"):
                        wanted[variable, site, visit, subject, round(float(cell), 4)] += 1
    assert found == wanted
    sides = Counter(
        (item.subject, item.value_concept)
        for item in items
        if isinstance(item, Finding) and item.variable == ncit.LATERALITY
    )
    given = frame[frame["sse4"].isin(["1", "2"])]
    assert sides == Counter(
        (subject, ncit.LEFT if side == "1" else ncit.RIGHT)
        for subject, side in given[["cn", "sse4"]].itertuples(index=False)
    )


def test_readers_and_sides():
    readings = [item for item in items_of(f"{MR}_m3") if isinstance(item, Finding)]
    frame = frame_of(f"{MR}_m3")
    read = frame[(frame["m3e68"] != "") | (frame["m3e7"] != "")]
    assert {item.reader for item in readings} == set(read["m3e4deid"])
    frame = frame_of(f"{MR}_is")
    sides = {"": None, "1": ncit.RIGHT, "2": ncit.LEFT}
    found = Counter(
        item.laterality
        for item in items_of(f"{MR}_is")
        if isinstance(item, Finding) and item.variable == radlex.BI_RADS_ASSESSMENT
    )
    assert found == Counter(sides[cell] for cell in frame.loc[frame["ise73"] != "", "ise5"])


def test_a_sheet_whose_columns_are_responses():
    (path,) = (TCIA / "qin_breast_dce_mri").glob("*Response.xlsx")
    source = sources.accepting(str(path))
    assert source is not None
    items = list(source.read(iter([str(path)]), Context(collection="qin_breast_dce_mri")))
    assert not [item for item in items if isinstance(item, Reject)]
    frame = pd.read_excel(path, dtype=str, engine="openpyxl")
    found = {(item.subject, item.value_concept, item.raw) for item in items if isinstance(item, Response)}
    terms = {"Complete response": ncit.COMPLETE_REMISSION, "Non-complete response": q.UNMAPPED}
    assert found == {(cell, term, name) for name, term in terms.items() for cell in frame[name].dropna()}
    assert len(found) == 10
