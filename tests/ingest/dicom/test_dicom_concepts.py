from __future__ import annotations

import csv
import datetime as dt
import re
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from ingest.dicom.concepts import (
    body_part_of,
    contrast_of,
    meanings,
    modality_named,
    modality_of,
    tracer_of,
    uptake_of,
    words_of,
)
from ingest.dicom.header import Elements
from ingest.dicom.rules import RULES, SeriesFacts, acquisition_of
from ontology import terms
from ontology.fields import dicom_attributes
from ontology.generate import bundled
from ontology.terms import dcm, ncit, q

FIELDS = ("body_part", "contrast", "radionuclide", "stain", "tracer")


@pytest.mark.parametrize("field", FIELDS)
def test_table_holds_bundled_concepts_with_known_codes(field):
    known = {f"{prefix}:{row['code']}" for prefix in ("dcm", "ncit", "sct") for row in bundled(prefix)}
    used = {scheme: {code for group in concepts[scheme].values() for code in group} for scheme in ("DCM", "SCT")}
    rows = meanings(field)
    assert rows
    for row in rows:
        assert row.concept in known
        single = [part for code in row.codes for part in code.split("+")]
        for code in single:
            scheme, _, value = code.partition(":")
            if scheme in used:
                assert value in used[scheme]
            if scheme == "SRT":
                assert f"SCT:{mapping['SRT'][value]}" in single
            if scheme == "NCIt":
                assert row.concept == f"ncit:{value}"
        assert all(words_of(word) == word for word in row.words)
    for column in ("codes", "words"):
        items = [item for row in rows for item in getattr(row, column)]
        assert len(items) == len(set(items))


def test_each_row_is_labelled_as_its_concept_is():
    labels = {f"{prefix}:{row['code']}": row["label"] for prefix in ("dcm", "ncit", "sct") for row in bundled(prefix)}
    table = files("ingest").joinpath("dicom/concepts.tsv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert {row["field"] for row in rows} == set(FIELDS)
    assert [row["concept"] for row in rows if labels[row["concept"]] != row["label"]] == []


@pytest.mark.parametrize(
    ("stated", "classes", "named"),
    [(["CT"], [], "CT"), (["CT", "PT"], ["1.2.840.10008.5.1.4.1.1.2"], ""), ([], ["1.2.3"], ""), ([], [], "")],
)
def test_two_modalities_are_none(stated, classes, named):
    assert modality_named(stated, classes) == named


def pharmaceutical(text="", scheme="", code="", meaning=""):
    coded = Elements({"CodingSchemeDesignator": (scheme,), "CodeValue": (code,), "CodeMeaning": (meaning,)})
    return (Elements({"Radiopharmaceutical": (text,)}, {"RadiopharmaceuticalCodeSequence": (coded,)}),)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (pharmaceutical("Solution", "SCT", "35321007"), ncit.FLUDEOXYGLUCOSE_F_18),
        (pharmaceutical("Solution", "SRT", "C-B1031"), ncit.FLUDEOXYGLUCOSE_F_18),
        (pharmaceutical("Solution", "SNM3", "C-B1036"), ncit.FLUOROTHYMIDINE_F_18),
        (pharmaceutical("FDG -- fluorodeoxyglucose", "99SDM", "Y-X1743"), ncit.FLUDEOXYGLUCOSE_F_18),
        (pharmaceutical("18F-FDG"), ncit.FLUDEOXYGLUCOSE_F_18),
        (pharmaceutical("[18F]NaF"), ncit.FLUORINE_F_18_SODIUM_FLUORIDE),
        (pharmaceutical("", "99X", "1", "FMISO"), ncit.N18F_FLUOROMISONIDAZOLE),
        (pharmaceutical("FDG or FLT"), None),
        (pharmaceutical("choline"), None),
        ((), None),
    ],
)
def test_tracer(item, expected):
    assert tracer_of(item) == expected


def test_body_part_prefers_the_code():
    region = Elements({"CodingSchemeDesignator": ("SCT",), "CodeValue": ("41216001",)})
    assert body_part_of((region,), "PELVIS") == ncit.PROSTATE_GLAND
    assert body_part_of((), "HEAD_NECK") == ncit.HEAD_AND_NECK
    assert body_part_of((), "CHEST_TO_PELVIS") is None


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("", (False, None)),
        ("NONE", (False, None)),
        ("OMNI", (True, None)),
        ("Omnipaque350", (True, ncit.IOHEXOL)),
        ("GADAVIST 7ml", (True, ncit.GADOBUTROL)),
    ],
)
def test_contrast(agent, expected):
    assert contrast_of((), agent) == expected


def test_modality():
    assert modality_of("PT") == dcm.POSITRON_EMISSION_TOMOGRAPHY
    assert modality_of("ZZ") is None


DAY = dt.date(2014, 6, 30)


@pytest.mark.parametrize(
    ("start", "stamp", "acquired", "expected"),
    [
        ("103500.00", "", (DAY, "40811"), "45.18"),
        ("234500", "", (DAY, "2700"), "60.00"),
        ("", "20140630103500", (DAY, "41700"), "60.00"),
        ("", "20140629234500", (DAY, "2700"), "60.00"),
        ("103500", "19990101103500", (DAY, "41700"), "60.00"),
        ("103500", "20140630103500", (DAY, "36000"), None),
        ("010000", "", (DAY, "43200"), None),
        ("000000", "", (DAY, "0"), None),
        ("", "", (DAY, "43200"), None),
        ("103500", "", None, None),
    ],
)
def test_uptake(start, stamp, acquired, expected):
    item = Elements({"RadiopharmaceuticalStartTime": (start,), "RadiopharmaceuticalStartDateTime": (stamp,)})
    found = uptake_of(item, acquired and (acquired[0], Decimal(acquired[1])))
    assert found == (None if expected is None else Decimal(expected))


SPECTROSCOPY = "1.2.840.10008.5.1.4.1.1.4.2"


def facts(modality, *, repeats=1, contrast=False, plain=False, directions=0, body_part=None, **attributes):
    return SeriesFacts(
        modality=modality,
        contrast=contrast,
        plain=plain,
        repeats=repeats,
        directions=directions,
        body_part=body_part,
        attributes=attributes,
    )


DCE = ncit.DYNAMIC_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (facts("PT", SeriesType=("DYNAMIC", "IMAGE")), q.DYNAMIC_PET),
        (facts("PT", SeriesType=("GATED", "IMAGE")), q.GATED_PET),
        (facts("PT", SeriesType=("STATIC", "IMAGE")), q.STATIC_PET),
        (facts("PT", SeriesType=("WHOLE BODY", "IMAGE")), q.WHOLE_BODY_PET),
        (facts("PT"), None),
        (facts("MR", DiffusionBValue=(Decimal(0), Decimal(800))), ncit.DIFFUSION_WEIGHTED_IMAGING),
        (facts("MR", SequenceName=("*ep_b800t",)), ncit.DIFFUSION_WEIGHTED_IMAGING),
        (facts("MR", ImageType=("DERIVED", "PRIMARY", "DIFFUSION", "ADC")), None),
        (facts("MR", DiffusionBValue=(Decimal(0),)), None),
        (facts("MR", contrast=True, repeats=3), DCE),
        (facts("MR", contrast=True, repeats=2), ncit.CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING),
        (facts("PT", repeats=4), q.DYNAMIC_PET),
        (facts("PT", SOPClassUID=("1.2.840.10008.5.1.4.1.1.130",)), q.STATIC_PET),
        (facts("CT", ImageType=("ORIGINAL", "PRIMARY", "LOCALIZER")), q.LOCALIZER),
        (
            facts("CT", contrast=True, ImageType=("DERIVED", "PRIMARY", "PERFUSION", "RCBF")),
            ncit.COMPUTED_TOMOGRAPHY_PERFUSION_IMAGING,
        ),
        (facts("CT", plain=True), ncit.COMPUTED_TOMOGRAPHY_WITHOUT_CONTRAST),
        (facts("CT"), None),
        (facts("MR", SOPClassUID=(SPECTROSCOPY,), Rows=(1,), Columns=(1,)), ncit.MAGNETIC_RESONANCE_SPECTROSCOPY),
        (
            facts("MR", SOPClassUID=(SPECTROSCOPY,), Rows=(16,), Columns=(16,)),
            ncit.MAGNETIC_RESONANCE_SPECTROSCOPIC_IMAGING,
        ),
        (facts("MR", ImagedNucleus=("23Na",)), q.SODIUM_MRI),
        (facts("MR", ResonantNucleus=("31P",)), q.OTHER_NUCLEUS_MRI),
        (facts("MR", ImagedNucleus=("1H",)), None),
        (facts("MR", ImageType=("DERIVED", "PRIMARY", "T2 MAP")), q.T2_MAPPING),
        (facts("MR", directions=7, DiffusionBValue=(Decimal(1000),)), ncit.DIFFUSION_TENSOR_IMAGING),
        (facts("MR", EchoTime=tuple(map(Decimal, (10, 20, 30, 40))), ScanningSequence=("SE",)), q.T2_MAPPING),
        (facts("MR", InversionTime=tuple(map(Decimal, (50, 100, 400, 800)))), q.T1_MAPPING),
        (facts("MR", FlipAngle=tuple(map(Decimal, (2, 5, 15))), ScanningSequence=("GR",)), q.T1_MAPPING),
        (
            facts("NM", ImageType=("ORIGINAL", "PRIMARY", "TOMO", "EMISSION")),
            ncit.SINGLE_PHOTON_EMISSION_COMPUTED_TOMOGRAPHY,
        ),
        (facts("NM", ImageType=("ORIGINAL", "PRIMARY", "STATIC", "EMISSION")), q.PLANAR_SCINTIGRAPHY),
        (facts("MG", SOPClassUID=("1.2.840.10008.5.1.4.1.1.13.1.3",)), ncit.DIGITAL_TOMOSYNTHESIS_MAMMOGRAPHY),
        (facts("MR", repeats=3), None),
        (
            facts("MR", contrast=True, repeats=40, ScanningSequence=("EP",)),
            ncit.DYNAMIC_SUSCEPTIBILITY_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING,
        ),
        (facts("MR", repeats=3, body_part=ncit.BREAST, ScanningSequence=("RM",)), DCE),
        (facts("MR", repeats=3, body_part=ncit.BREAST, ScanningSequence=("SE",)), None),
        (facts("CT", repeats=5), ncit.COMPUTED_TOMOGRAPHY_PERFUSION_IMAGING),
        (facts("CT", repeats=2, contrast=True), ncit.COMPUTED_TOMOGRAPHY_WITH_CONTRAST),
    ],
)
def test_acquisition(series, expected):
    rule = acquisition_of(series)
    assert (rule.kind if rule else None) == expected


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert {name for rule in RULES for name in rule.modalities.split()} == {"CT", "MG", "MR", "NM", "PT"}
    assert terms.ncit.BREAST in {row.concept for row in meanings("body_part")}


def test_the_documented_rules_and_attributes_are_those_of_the_code():
    text = (Path(__file__).parents[3] / "docs" / "images.md").read_text(encoding="utf-8")
    rules = text.split("## Kinds of acquisition")[1].split("## Checks")[0]
    listed = re.findall(r"^\| (.+?) \| (.+?) \| .+ \(`(.+?)`\) \|$", rules, re.MULTILINE)
    assert listed == [(rule.name, rule.modalities or "any", rule.kind) for rule in RULES]
    kinds = text.split("## Kinds of objects")[1].split("## What a series was made from")[0].split("|---|---|")[1]
    named = re.findall(r"`([A-Z]\w+)`", kinds)
    assert len(named) > 50
    assert [keyword for keyword in named if keyword not in dicom_attributes()] == []
