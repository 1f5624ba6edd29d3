"""Objects of every kind: what is asked of them, frame by frame, and what they were made from."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from importlib.resources import files

import pytest

from ingest.dicom.places import GROUPS, PLACE_SEQUENCES, places
from ontology.fields import dicom_attributes
from ontology.records import Derivation, ImageSources, Instance, Reject, Series, SeriesHeader, SeriesImages
from ontology.terms import dcm, ncit, q, sct

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
STORAGE = "1.2.840.10008.5.1.4.1.1."
AXIAL = ["1", "0", "0", "0", "1", "0"]


def of(kind, records):
    return [record for record in records if isinstance(record, kind)]


def header_of(records):
    (header,) = of(SeriesHeader, records)
    return header


def frames(echo, b_value, stamp, slices=3):
    """The functional groups of one stack, as an enhanced MR object has them for each frame."""
    return [
        {
            "PlanePositionSequence": [{"ImagePositionPatient": ["0", "0", str(5 * at)]}],
            "MREchoSequence": [{"EffectiveEchoTime": echo}],
            "MRDiffusionSequence": [{"DiffusionBValue": b_value}],
            "FrameContentSequence": [{"FrameAcquisitionDateTime": stamp, "TemporalPositionIndex": 1}],
            "MRImageFrameTypeSequence": [{"FrameType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]}],
        }
        for at in range(slices)
    ]


SHARED = [
    {
        "PixelMeasuresSequence": [{"PixelSpacing": ["1.5", "1.5"], "SliceThickness": "4"}],
        "PlaneOrientationSequence": [{"ImageOrientationPatient": AXIAL}],
        "MRTimingAndRelatedParametersSequence": [{"RepetitionTime": "3000", "FlipAngle": "90"}],
        "FrameAnatomySequence": [
            {
                "FrameLaterality": "U",
                "AnatomicRegionSequence": [
                    {"CodeValue": "41216001", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Prostate"}
                ],
            }
        ],
    }
]


def test_frames_say_what_single_images_say(factory, tmp_path):
    factory.write(
        "a",
        SOPClassUID=ENHANCED_MR,
        Modality="MR",
        NumberOfFrames=6,
        MagneticFieldStrength=3.0,
        SharedFunctionalGroupsSequence=SHARED,
        PerFrameFunctionalGroupsSequence=[*frames(80.0, 0.0, "20140701101500"), *frames(80.0, 800.0, "20140701101530")],
    )
    enhanced = header_of(factory.read())
    single = dataclasses.replace(factory, folder=tmp_path / "single")
    single.folder.mkdir()
    for number in range(6):
        single.write(
            f"{number}",
            number + 1,
            SOPClassUID=STORAGE + "4",
            Modality="MR",
            MagneticFieldStrength="3",
            PixelSpacing=["1.5", "1.5"],
            SliceThickness="4",
            ImageOrientationPatient=AXIAL,
            ImagePositionPatient=["0", "0", str(5 * (number % 3))],
            RepetitionTime="3000",
            FlipAngle="90",
            EchoTime="80",
            DiffusionBValue=0.0 if number < 3 else 800.0,
            AcquisitionDateTime="20140701101500" if number < 3 else "20140701101530",
            ImageType=["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"],
            ImageLaterality="U",
            AnatomicRegionSequence=SHARED[0]["FrameAnatomySequence"][0]["AnatomicRegionSequence"],
        )
    separate = header_of(single.read())
    other = {"SOPClassUID", "NumberOfFrames"}
    assert {name: value for name, value in enhanced.attributes.items() if name not in other} == {
        name: value for name, value in separate.attributes.items() if name not in other
    }
    own = {"attributes", "instance_count"}
    for field in dataclasses.fields(enhanced):
        if field.name not in own:
            assert getattr(enhanced, field.name) == getattr(separate, field.name), field.name
    assert (enhanced.slice_spacing, enhanced.body_part) == (Decimal(5), ncit.PROSTATE_GLAND)
    assert enhanced.attributes["DiffusionBValue"] == (0, 800)
    assert enhanced.acquisition == ncit.DIFFUSION_WEIGHTED_IMAGING
    assert enhanced.acquisition_rule == "MR with b-values above 0, but no map of the diffusion coefficient"
    assert (enhanced.instance_count, separate.instance_count) == (1, 6)


def test_a_converted_object_keeps_what_its_images_said(factory):
    factory.write(
        "a",
        SOPClassUID=STORAGE + "2.2",
        SharedFunctionalGroupsSequence=[
            {"UnassignedSharedConvertedAttributesSequence": [{"KVP": "120", "ConvolutionKernel": "B30f"}]}
        ],
        PerFrameFunctionalGroupsSequence=[
            {"UnassignedPerFrameConvertedAttributesSequence": [{"Exposure": str(exposure)}]} for exposure in (10, 20)
        ],
    )
    attributes = header_of(factory.read()).attributes
    assert (attributes["KVP"], attributes["ConvolutionKernel"], attributes["Exposure"]) == (120, "B30f", (10, 20))


@pytest.mark.parametrize(
    ("sop_class", "modality", "said", "wanted"),
    [
        ("2.1", "CT", {"CTExposureSequence": [{"ExposureInmAs": 25.4}]}, {"Exposure": 25, "ExposureInmAs": "25.4"}),
        ("20", "NM", {"EnergyWindowInformationSequence": [
            {"EnergyWindowRangeSequence": [{"EnergyWindowLowerLimit": "126", "EnergyWindowUpperLimit": "154"}]}
        ]}, {"EnergyWindowLowerLimit": "126", "EnergyWindowUpperLimit": "154"}),
        ("20", "NM", {"DetectorInformationSequence": [{"CollimatorType": "PARA"}]}, {"CollimatorType": "PARA"}),
        ("1.2", "MG", {"ViewPosition": "CC", "ImageLaterality": "L", "BodyPartThickness": "52", "KVP": "28"},
         {"ViewPosition": "CC", "ImageLaterality": "L", "BodyPartThickness": 52, "KVP": 28}),
        ("1", "CR", {"ViewPosition": "AP", "ExposureIndex": "250"}, {"ViewPosition": "AP", "ExposureIndex": 250}),
        ("1.1", "DX", {"DetectorType": "SCINTILLATOR", "ImagerPixelSpacing": ["0.1", "0.1"]},
         {"DetectorType": "SCINTILLATOR", "ImagerPixelSpacing": "0.1"}),
        ("6.1", "US", {"TransducerType": "CURVED LINEAR", "MechanicalIndex": "1.2"},
         {"TransducerType": "CURVED LINEAR", "MechanicalIndex": "1.2"}),
        ("20", "NM", {"RotationInformationSequence": [
            {"ScanArc": "360", "AngularStep": "6", "RotationDirection": "CW", "NumberOfFramesInRotation": 60,
             "ActualFrameDuration": "20000"}
        ]}, {"ScanArc": "360", "AngularStep": "6", "RotationDirection": "CW", "NumberOfFramesInRotation": 60,
             "ActualFrameDuration": 20000}),
        ("1.2", "MG", {"CompressionPressure": "10.5", "HalfValueLayer": "0.4", "FilterThicknessMaximum": "0.05"},
         {"CompressionPressure": "10.5", "HalfValueLayer": "0.4", "FilterThicknessMaximum": "0.05"}),
        ("13.1.3", "MG", {"XRay3DAcquisitionSequence": [
            {"KVP": "31", "CompressionForce": "80", "AnodeTargetMaterial": "TUNGSTEN", "PrimaryPositionerScanArc": 15.0,
             "ExposureInmAs": 60.2}
        ]}, {"KVP": "31", "CompressionForce": "80", "AnodeTargetMaterial": "TUNGSTEN", "PrimaryPositionerScanArc": 15,
             "ExposureInmAs": "60.2", "Exposure": 60}),
        ("1", "CR", {"PlateType": "GP", "DeviationIndex": "-1.2", "PatientOrientation": ["L", "F"]},
         {"PlateType": "GP", "DeviationIndex": "-1.2"}),
        ("1.1", "DX", {"TargetExposureIndex": "400", "ExposureInuAs": 3200, "PixelSpacingCalibrationType": "FIDUCIAL"},
         {"TargetExposureIndex": "400", "ExposureInuAs": 3200, "PixelSpacingCalibrationType": "FIDUCIAL"}),
        ("6.1", "US", {"SequenceOfUltrasoundRegions": [
            {"TransducerFrequency": 3500, "PhysicalUnitsXDirection": 3, "PhysicalDeltaX": 0.05}
        ]}, {"TransducerFrequency": 3500, "PhysicalUnitsXDirection": 3, "PhysicalDeltaX": "0.05"}),
        ("4.2", "MR", {"DataPointColumns": 1024, "SpectroscopyAcquisitionPhaseRows": 16}, {"DataPointColumns": 1024}),
        ("77.1.6", "SM", {"TotalPixelMatrixColumns": 90000, "OpticalPathSequence": [{"ObjectiveLensPower": "40"}]},
         {"TotalPixelMatrixColumns": 90000, "ObjectiveLensPower": 40}),
        ("66.4", "SEG", {"SegmentationType": "BINARY", "SegmentsOverlap": "NO"},
         {"SegmentationType": "BINARY", "SegmentsOverlap": "NO"}),
        ("481.2", "RTDOSE", {"DoseUnits": "GY", "DoseSummationType": "PLAN"}, {"DoseUnits": "GY"}),
        ("481.5", "RTPLAN", {"FractionGroupSequence": [{"NumberOfFractionsPlanned": "30"}]},
         {"NumberOfFractionsPlanned": 30}),
        ("88.33", "SR", {"CompletionFlag": "COMPLETE"}, {"CompletionFlag": "COMPLETE"}),
        ("7", "OT", {"ConversionType": "WSD"}, {"ConversionType": "WSD"}),
        ("4.2", "MR", {"SpectralWidth": 2000.0, "ResonantNucleus": "1H"},
         {"SpectralWidth": 2000, "ResonantNucleus": "1H"}),
        ("999.999", "XX", {"Rows": 4}, {"Rows": 4}),
    ],
)  # fmt: skip
def test_each_kind_says_what_is_asked_of_it(factory, sop_class, modality, said, wanted):
    factory.write("a", SOPClassUID=STORAGE + sop_class, Modality=modality, **said)
    records = factory.read()
    header = header_of(records)
    assert of(Reject, records) == []
    assert header.attributes["SOPClassUID"] == STORAGE + sop_class
    for keyword, value in wanted.items():
        number = dicom_attributes()[keyword].kind != "string"
        assert header.attributes[keyword] == (Decimal(value) if number else value)


def test_every_place_is_of_a_sequence_and_an_attribute_that_is_read():
    rows = [(place.sequences, place.within, place.keyword) for place in places()]
    assert rows == sorted(set(rows))
    assert {place.sequences[0] for place in places()} == PLACE_SEQUENCES


MODULES = files("highdicom").joinpath("_standard/module_attribute_map.json")
"""The attributes of all modules (PS3.3), with the sequences that they stand in."""


@pytest.mark.skipif(not MODULES.is_file(), reason="this highdicom keeps its tables elsewhere")
def test_every_place_is_one_that_the_standard_has():
    tables = json.loads(MODULES.read_text())
    stated = {
        (*(name for name in row["path"] if name not in GROUPS), row["keyword"])
        for rows in tables.values()
        for row in rows
    }
    converted = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
    told = {(*place.sequences, place.within) for place in places() if place.sequences[0] not in converted}
    assert told - stated == set()


@pytest.mark.parametrize(
    ("sop_class", "modality", "groups", "wanted"),
    [
        ("2.1", "CT", {
            "CTAcquisitionDetailsSequence": [
                {"RevolutionTime": 0.5, "GantryDetectorTilt": 0.0, "DataCollectionDiameter": "500"}
            ],
            "CTXRayDetailsSequence": [{"FocalSpots": "0.7", "FilterMaterial": "MIXED"}],
        }, {"RevolutionTime": "0.5", "GantryDetectorTilt": 0, "DataCollectionDiameter": 500, "FocalSpots": "0.7",
            "FilterMaterial": "MIXED"}),
        ("130", "PT", {"PETReconstructionSequence": [{"ReconstructionDiameter": 700.0}],
                       "PETTableDynamicsSequence": [{"TableSpeed": 1.5}]},
         {"ReconstructionDiameter": 700, "TableSpeed": "1.5"}),
        ("13.1.4", "MG", {"FrameAcquisitionSequence": [{"KVP": 29.0, "ExposureInmAs": 4.2}],
                          "PositionerPositionSequence": [{"PositionerPrimaryAngle": "-7.5"}]},
         {"KVP": 29, "ExposureInmAs": "4.2", "Exposure": 4, "PositionerPrimaryAngle": "-7.5"}),
    ],
)  # fmt: skip
def test_functional_groups_say_how_an_image_was_acquired(factory, sop_class, modality, groups, wanted):
    said = {"NumberOfFrames": 1, "SharedFunctionalGroupsSequence": [groups], "PerFrameFunctionalGroupsSequence": [{}]}
    factory.write("a", SOPClassUID=STORAGE + sop_class, Modality=modality, **said)
    attributes = header_of(factory.read()).attributes
    for keyword, value in wanted.items():
        assert attributes[keyword] == (Decimal(value) if dicom_attributes()[keyword].kind != "string" else value)


def test_the_agent_of_an_enhanced_object_says_how_much_of_it_was_given_and_how_fast(factory):
    profile = {"ContrastBolusVolume": "20", "ContrastFlowRate": "3", "ContrastFlowDuration": "7"}
    agent = {"ContrastBolusVolume": "100", "ContrastBolusIngredientConcentration": "300"}
    agents = [{**agent, "ContrastAdministrationProfileSequence": [profile]}]
    factory.write("a", SOPClassUID=f"{STORAGE}2.1", ContrastBolusAgentSequence=agents)
    attributes = header_of(factory.read()).attributes
    assert {name: attributes[name] for name in (*agent, "ContrastFlowRate", "ContrastFlowDuration")} == {
        "ContrastBolusVolume": 100, "ContrastBolusIngredientConcentration": 300, "ContrastFlowRate": 3,
        "ContrastFlowDuration": 7,
    }  # fmt: skip


TITLE = {"CodeValue": "113000", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Of Interest"}


def test_key_objects_name_their_title_and_their_series(factory):
    evidence = {
        "StudyInstanceUID": "1.2.3.7",
        "ReferencedSeriesSequence": [
            {"SeriesInstanceUID": "1.2.3.7.1", "ReferencedSOPSequence": [{"ReferencedSOPInstanceUID": "1.2.3.7.1.1"}]}
        ],
    }
    factory.write(
        "a",
        SOPClassUID=STORAGE + "88.59",
        Modality="KO",
        ConceptNameCodeSequence=[TITLE],
        CurrentRequestedProcedureEvidenceSequence=[evidence],
    )
    records = factory.read()
    assert header_of(records).title_code == "113000|DCM|Of Interest"
    assert Series(uid="1.2.3.7.1", subject="P-01", study="1.2.3.7") in records
    assert of(Derivation, records) == [Derivation(uid="1.2.3.1.1", subject="P-01", origin="1.2.3.7.1")]


@pytest.mark.parametrize(("sop_class", "modality"), [("88.59", "KO"), ("11.1", "PR")])
def test_picked_images_are_named_where_every_image_is_a_node(factory, sop_class, modality):
    def images(*uids):
        named = [{"ReferencedSOPInstanceUID": uid} for uid in uids]
        return {"SeriesInstanceUID": "1.2.3.7.1", "ReferencedSOPSequence": named, "ReferencedImageSequence": named}

    factory.write(
        "a",
        SOPClassUID=STORAGE + sop_class,
        Modality=modality,
        ReferencedSeriesSequence=[images("1.2.3.7.1.1", "1.2.3.7.1.2"), images("1.2.3.7.1.3")],
    )
    origins = [record.origin for record in of(Derivation, factory.read(instances=True))]
    assert origins == ["1.2.3.7.1.1", "1.2.3.7.1.2", "1.2.3.7.1", "1.2.3.7.1.3"]
    assert Instance(uid="1.2.3.7.1.3", subject="P-01", series="1.2.3.7.1") in factory.read(instances=True)
    assert [record.origin for record in of(Derivation, factory.read())] == ["1.2.3.7.1"]


def source(uid):
    return {"ReferencedSOPClassUID": STORAGE + "2", "ReferencedSOPInstanceUID": uid}


def test_a_derived_image_names_its_sources_and_each_series_its_images(factory):
    factory.write("source", 1)
    factory.write(
        "derived",
        2,
        SeriesInstanceUID="1.2.3.1.2",
        ImageType=["DERIVED", "PRIMARY", "AXIAL"],
        SourceImageSequence=[source("1.2.3.9.9.9"), source("1.2.3.1.1.1")],
    )
    records = factory.read()
    named = "1.2.3.1.1.1\\1.2.3.9.9.9"
    assert of(ImageSources, records) == [ImageSources(uid="1.2.3.1.2", subject="P-01", images=named)]
    assert [(item.uid, item.images) for item in of(SeriesImages, records)] == [
        ("1.2.3.1.1", "1.2.3.1.1.1"),
        ("1.2.3.1.2", "1.2.3.1.1.2"),
    ]
    # which series the images are of is found when triples are made
    assert of(Derivation, records) == of(Instance, records) == []


def test_an_image_is_not_derived_from_its_localizer(factory):
    named = {"SeriesInstanceUID": "1.2.3.1.8", "ReferencedInstanceSequence": [source("1.2.3.1.8.1")]}
    used = {"SeriesInstanceUID": "1.2.3.1.9", "ReferencedInstanceSequence": [source("1.2.3.1.9.1")]}
    factory.write(
        "a",
        SOPClassUID=ENHANCED_MR,
        Modality="MR",
        ReferencedSeriesSequence=[named, used],
        PerFrameFunctionalGroupsSequence=[
            {"DerivationImageSequence": [{"SourceImageSequence": [source("1.2.3.1.9.1")]}]}
        ],
    )
    records = factory.read()
    assert [item.origin for item in of(Derivation, records)] == ["1.2.3.1.9"]
    assert of(Instance, records) == []


def test_a_structure_set_points_at_the_series_within_its_frame_of_reference(factory):
    series = {"SeriesInstanceUID": "1.2.3.5.1", "ContourImageSequence": [source("1.2.3.5.1.1")]}
    study = {"ReferencedSOPInstanceUID": "1.2.3.5", "RTReferencedSeriesSequence": [series]}
    factory.write(
        "a",
        SOPClassUID=STORAGE + "481.3",
        Modality="RTSTRUCT",
        ReferencedFrameOfReferenceSequence=[{"RTReferencedStudySequence": [study]}],
    )
    records = factory.read()
    assert Series(uid="1.2.3.5.1", subject="P-01", study="1.2.3.5") in records
    assert [item.origin for item in of(Derivation, records)] == ["1.2.3.5.1"]


def test_every_image_becomes_a_node_where_that_is_asked(factory):
    for number in (1, 2):
        factory.write(f"{number}", number)
    assert of(Instance, factory.read()) == []
    found = of(Instance, factory.read(instances=True))
    assert {(item.uid, item.series) for item in found} == {("1.2.3.1.1.1", "1.2.3.1.1"), ("1.2.3.1.1.2", "1.2.3.1.1")}


def test_a_tracer_without_a_verified_code_stays_raw(factory):
    code = {"CodeValue": "X1", "CodingSchemeDesignator": "99SITE", "CodeMeaning": "Newtracer F18"}
    item = {"Radiopharmaceutical": "Newtracer", "RadiopharmaceuticalCodeSequence": [code]}
    factory.write("a", Modality="PT", RadiopharmaceuticalInformationSequence=[item])
    header = header_of(factory.read())
    assert (header.tracer, header.tracer_code) == (None, "X1|99SITE|Newtracer F18")
    assert header.attributes["Radiopharmaceutical"] == "Newtracer"


def test_the_meaning_of_a_code_that_may_identify_is_left_out(factory):
    code = {"CodeValue": "X1", "CodingSchemeDesignator": "99SITE", "CodeMeaning": "call 555-123-4567"}
    item = {"RadiopharmaceuticalCodeSequence": [code]}
    factory.write("a", Modality="PT", RadiopharmaceuticalInformationSequence=[item])
    assert header_of(factory.read()).tracer_code == "X1|99SITE|"


def test_field_strength_in_gauss_is_told_in_tesla(factory):
    factory.write("a", Modality="MR", MagneticFieldStrength="15000")
    header = header_of(factory.read())
    assert (header.field_strength, header.attributes["MagneticFieldStrength"]) == (Decimal("1.5"), 15000)
    assert header.modality == dcm.MAGNETIC_RESONANCE


def test_sodium_imaging_is_told_by_its_nucleus(factory):
    factory.write("a", Modality="MR", ImagedNucleus="23NA")
    header = header_of(factory.read())
    assert (header.acquisition, header.acquisition_rule) == (q.SODIUM_MRI, "MR, imaged nucleus sodium")


def code(value, meaning="", scheme="SCT"):
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def slide(*stains, substance=("424361007", "SCT")):
    """A specimen of the breast in which substances were used."""
    used = [
        {"ValueType": "CODE", "ConceptNameCodeSequence": [code(substance[0], "Using substance", substance[1])],
         "ConceptCodeSequence": [stain]}
        for stain in stains
    ]  # fmt: skip
    other = {"ValueType": "CODE", "ConceptNameCodeSequence": [code("111701", "Processing type", "DCM")],
             "ConceptCodeSequence": [code("127790008", "Staining")]}  # fmt: skip
    return {
        "SpecimenIdentifier": "X-1",
        "PrimaryAnatomicStructureSequence": [code("76752008", "Breast")],
        "SpecimenPreparationSequence": [{"SpecimenPreparationStepContentItemSequence": [other, *used]}],
    }


HEMATOXYLIN, EOSIN = code("12710003", "hematoxylin stain"), code("36879007", "water soluble eosin stain")


@pytest.mark.parametrize(
    ("specimens", "concept", "told"),
    [
        ([slide(EOSIN, HEMATOXYLIN)], ncit.HEMATOXYLIN_AND_EOSIN_STAINING_METHOD,
         "36879007|SCT|water soluble eosin stain + 12710003|SCT|hematoxylin stain"),
        ([slide(HEMATOXYLIN)], None, "12710003|SCT|hematoxylin stain"),
        ([slide(code("C-2281F", "PAS", "SRT"), substance=("G-C350", "SRT"))],
         ncit.PERIODIC_ACID_SCHIFF_STAINING_METHOD, "C-2281F|SRT|PAS"),
        ([slide(code("7", "our stain", "99SITE"))], None, "7|99SITE|our stain"),
        ([slide()], None, None),
    ],
)  # fmt: skip
def test_the_stain_of_a_slide_is_that_of_all_its_substances(factory, specimens, concept, told):
    factory.write("a", SOPClassUID=STORAGE + "77.1.6", Modality="SM", SpecimenDescriptionSequence=specimens)
    header = header_of(factory.read())
    assert (header.stain, header.stain_code) == (concept, told)
    assert (header.body_part, header.body_part_code) == (ncit.BREAST, "76752008|SCT|Breast")


def test_the_levels_of_a_slide_are_told_by_their_spacing(factory):
    for level, (spacing, columns) in enumerate((("0.00025", 80000), ("0.001", 20000)), 1):
        measures = {"PixelMeasuresSequence": [{"PixelSpacing": [spacing, spacing]}]}
        factory.write(f"{level}", level, SOPClassUID=STORAGE + "77.1.6", Modality="SM",
                      SharedFunctionalGroupsSequence=[measures], TotalPixelMatrixColumns=columns)  # fmt: skip
    attributes = header_of(factory.read()).attributes
    assert attributes["PixelSpacing"] == (Decimal("0.00025"), Decimal("0.001"))
    assert attributes["TotalPixelMatrixColumns"] == (20000, 80000)


@pytest.mark.parametrize(
    ("found", "concept"),
    [
        (code("C-111A1", "^18^Fluorine", "SRT"), sct.N18_FLUORINE),
        (code("72454006", "^99m^Technetium"), ncit.TECHNETIUM_TC_99M),
        (code("1", "Iodine I-123", "99SITE"), ncit.IODINE_I_123),
        (code("35337001", "^68^Gallium"), None),
    ],
)
def test_the_radionuclide_is_told_beside_the_tracer(factory, found, concept):
    factory.write("a", Modality="NM", RadiopharmaceuticalInformationSequence=[{"RadionuclideCodeSequence": [found]}])
    header = header_of(factory.read())
    assert header.radionuclide == concept
    assert header.radionuclide_code == "|".join(found[name] for name in found)


def test_the_view_of_a_mammogram_is_told_with_its_modifiers(factory):
    view = {**code("399162004", "cranio-caudal"), "ViewModifierCodeSequence": [code("399055006", "Spot Compression")]}
    factory.write("a", SOPClassUID=STORAGE + "1.2", Modality="MG", ViewCodeSequence=[view])
    told = header_of(factory.read()).view_code
    assert told == "399162004|SCT|cranio-caudal + 399055006|SCT|Spot Compression"


@pytest.mark.parametrize(
    ("sop_class", "modality", "concept"),
    [("2", None, dcm.COMPUTED_TOMOGRAPHY), ("2", "MR", dcm.MAGNETIC_RESONANCE), ("7", None, None)],
)
def test_a_modality_that_is_not_stated_is_that_of_the_class(factory, sop_class, modality, concept):
    factory.write("a", SOPClassUID=STORAGE + sop_class, Modality=modality)
    assert header_of(factory.read()).modality == concept


@pytest.mark.parametrize(
    ("pulse", "planar", "kind"),
    [
        ("GRADIENT", "NO", ncit.DYNAMIC_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING),
        ("SPIN", "NO", None),
        ("GRADIENT", "YES", None),
    ],
)
def test_the_rules_know_the_sequences_of_enhanced_objects(factory, pulse, planar, kind):
    frames = [
        {
            "PlanePositionSequence": [{"ImagePositionPatient": ["0", "0", str(5 * at)]}],
            "PlaneOrientationSequence": [{"ImageOrientationPatient": AXIAL}],
            "FrameContentSequence": [{"TemporalPositionIndex": time}],
        }
        for time in (1, 2, 3)
        for at in range(2)
    ]
    factory.write(
        "a",
        SOPClassUID=ENHANCED_MR,
        Modality="MR",
        BodyPartExamined="BREAST",
        EchoPulseSequence=pulse,
        EchoPlanarPulseSequence=planar,
        NumberOfFrames=len(frames),
        PerFrameFunctionalGroupsSequence=frames,
    )
    assert header_of(factory.read()).acquisition == kind


def test_a_tube_voltage_of_zero_is_none(factory):
    factory.write("a", SOPClassUID=STORAGE + "1", Modality="CR", KVP="0", Exposure="0")
    attributes = header_of(factory.read()).attributes
    assert "KVP" not in attributes
    assert attributes["Exposure"] == 0


@pytest.mark.parametrize(("times", "kind"), [(1, q.STATIC_PET), (3, q.DYNAMIC_PET)])
def test_enhanced_pet_says_what_is_asked_of_pet(factory, times, kind):
    tracer = {
        "Radiopharmaceutical": "FDG",
        "RadiopharmaceuticalCodeSequence": [code("35321007", "Fluorodeoxyglucose F^18^")],
        "RadionuclideCodeSequence": [code("77004003", "^18^Fluorine")],
        "RadionuclideTotalDose": "370000000",
        "RadionuclideHalfLife": "6586.2",
        "RadiopharmaceuticalStartDateTime": "20200110090000",
    }
    frames = [
        {
            "PlanePositionSequence": [{"ImagePositionPatient": ["0", "0", str(3 * at)]}],
            "FrameContentSequence": [
                {"FrameAcquisitionDateTime": f"2020011010{5 * time:02}00", "FrameAcquisitionDuration": 300000.0,
                 "TemporalPositionIndex": time + 1}
            ],
            "PETFrameCorrectionFactorsSequence": [{"DecayFactor": "1.5"}],
        }
        for time in range(times)
        for at in range(3)
    ]  # fmt: skip
    shared = {
        "PlaneOrientationSequence": [{"ImageOrientationPatient": AXIAL}],
        "PixelMeasuresSequence": [{"PixelSpacing": ["4", "4"], "SliceThickness": "3"}],
        "PETFrameTypeSequence": [{"FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]}],
        "PETReconstructionSequence": [{"ReconstructionAlgorithm": "OSEM", "NumberOfIterations": 4}],
    }
    factory.write(
        "a",
        SOPClassUID=STORAGE + "130",
        Modality="PT",
        NumberOfFrames=len(frames),
        AttenuationCorrected="YES",
        RadiopharmaceuticalInformationSequence=[tracer],
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )
    header = header_of(factory.read())
    assert (header.acquisition, header.tracer, header.radionuclide) == (
        kind, ncit.FLUDEOXYGLUCOSE_F_18, sct.N18_FLUORINE
    )  # fmt: skip
    assert (header.uptake_minutes, header.slice_spacing) == (60, 3)
    assert header.temporal_positions == (times if times > 1 else None)
    said = {
        "DecayFactor": Decimal("1.5"),
        "FrameAcquisitionDuration": 300000,
        "NumberOfIterations": 4,
        "RadionuclideTotalDose": 370000000,
        "ReconstructionAlgorithm": "OSEM",
        "SliceThickness": 3,
    }
    assert {name: header.attributes[name] for name in said} == said
