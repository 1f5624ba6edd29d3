"""Private elements: those of the table are read as it says, by both ways through a header; nothing of the others."""

from __future__ import annotations

import io
import json
import tempfile
from decimal import Decimal
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom._private_dict import private_dictionaries
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ingest.base import Context
from ingest.dicom.json import header_in
from ingest.dicom.reader import HEADER_KEYWORDS
from ingest.gate.private import private_rows
from ingest.gate.records import admit
from ontology.fields import dicom_attributes
from ontology.records import Finding, SeriesHeader
from ontology.terms import ncit, q
from tests.ingest.dicom.conftest import Factory
from tests.ingest.dicom.test_dicom_checks import LATER, PET, STATED
from tests.ingest.dicom.test_dicom_fast import patiently, quickly

MR = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def write(factory, name, elements, number=1, **values):
    """A file with private elements: (creator, group, block, offset, VR, value) each."""
    syntax = values.get("TransferSyntaxUID", ExplicitVRLittleEndian)
    made = pydicom.dcmread(io.BytesIO(Factory.content(number, **values)))
    for creator, group, block, offset, vr, value in elements:
        if creator:
            made.add_new(group << 16 | block, "LO", creator)
        made.add_new(group << 16 | block << 8 | offset, vr, value)
    path = factory.folder / name
    made.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)
    return path


def test_table_is_sorted_and_says_what_is_stored():
    rows = private_rows()
    assert list(rows) == sorted(rows, key=lambda row: (row.creator.lower(), row.group, row.offset))
    assert {row.use for row in rows} == {"stored", "checked"}
    assert all((row.keyword in dicom_attributes()) == (row.use == "stored") for row in rows)
    texts = [row for row in rows if row.vr in {"LO", "LT", "PN", "SH", "ST", "UT", "OB", "UN"}]
    assert {row.creator for row in texts} == {"CTP"}
    assert all(dicom_attributes()[row.keyword].free_text for row in texts)  # so that a steward approves each value


def test_pydicom_has_the_same_elements_with_the_same_vr():
    """Its dictionary comes of GDCM's, and so of others than the list of PS3.15."""
    for row in private_rows():
        if row.creator == "CTP":
            continue
        place = f"{row.group:04X}xx{row.offset:02X}"
        known = {entry.upper(): vr for entry, (vr, *_) in private_dictionaries[row.creator].items()}
        assert known[place.upper()] == row.vr, (row.creator, place)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (("SIEMENS MR HEADER", 0x19, 0x10, 0x0C, "IS", "1000"), Decimal(1000)),
        (("SIEMENS MR HEADER", 0x19, 0x11, 0x0C, "IS", "50"), Decimal(50)),
        (("SIEMENS MR HEADER", 0x19, 0x10, 0x0C, "UN", b"700 "), Decimal(700)),
        (("GEMS_PARM_01", 0x43, 0x10, 0x39, "IS", ["800", "8", "0", "0"]), Decimal(800)),
        (("Philips Imaging DD 001", 0x2001, 0x10, 0x03, "FL", 600.0), Decimal(600)),
        (("GEMS_PARM_01", 0x43, 0x10, 0x39, "IS", ["1000000800", "8", "0", "0"]), None),
        (("Philips Imaging DD 001", 0x2001, 0x10, 0x03, "FL", 3e38), None),
        (("SIEMENS CSA HEADER", 0x19, 0x10, 0x0C, "IS", "1000"), None),
        (("", 0x19, 0x10, 0x0C, "IS", "1000"), None),
        (("SIEMENS MR HEADER", 0x19, 0x10, 0x0B, "IS", "1000"), None),
    ],
)
def test_b_value_of_each_manufacturer(factory, syntax, element, expected):
    path = write(factory, "a", [element], **MR, TransferSyntaxUID=syntax)
    found = quickly(path, HEADER_KEYWORDS)
    assert found is not None
    assert found == patiently(path, HEADER_KEYWORDS)
    assert found.number("DiffusionBValue") == expected


def test_another_vr_than_the_published_one_is_not_read(factory):
    path = write(factory, "a", [("SIEMENS MR HEADER", 0x19, 0x10, 0x0C, "LO", "1000")], **MR)
    assert quickly(path, HEADER_KEYWORDS) == patiently(path, HEADER_KEYWORDS)
    assert patiently(path, HEADER_KEYWORDS).number("DiffusionBValue") is None


def test_public_attribute_counts_before_a_private_one(factory):
    write(factory, "a", [("SIEMENS MR HEADER", 0x19, 0x10, 0x0C, "IS", "1000")], **MR, DiffusionBValue=500.0)
    (header,) = (one for one in factory.read() if isinstance(one, SeriesHeader))
    assert header.attributes["DiffusionBValue"] == Decimal(500)


def test_private_b_values_make_diffusion_imaging(factory):
    axial = {"ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"], "ImagePositionPatient": ["0", "0", "0"]}
    for number, b in enumerate(("0", "400", "800"), 1):
        write(factory, f"{number}", [("SIEMENS MR HEADER", 0x19, 0x10, 0x0C, "IS", b)], number, **MR, **axial)
    records = factory.read()
    (header,) = (one for one in records if isinstance(one, SeriesHeader))
    assert header.attributes["DiffusionBValue"] == (0, 400, 800)
    assert header.acquisition == ncit.DIFFUSION_WEIGHTED_IMAGING
    assert not [one for one in records if isinstance(one, Finding) and one.variable == q.SLICE_CHECK]


def suv(factory):
    (found,) = (one for one in factory.read() if isinstance(one, Finding) and one.variable == q.SUVCHECK)
    return found.value, found.raw


PHILIPS = "Philips PET Private Group"
BY_ACTIVITY = "Units CNTS with the private activity factor of Philips (7053,xx09)"


@pytest.mark.parametrize(
    ("elements", "passed", "reason"),
    [
        ([(PHILIPS, 0x7053, 0x10, 0x00, "DS", "0.000551")], True, "Units CNTS with the private SUV factor of Philips"),
        ([(PHILIPS, 0x7053, 0x10, 0x09, "DS", "1.5")], True, f"{BY_ACTIVITY}: {STATED}"),
        ([(PHILIPS, 0x7053, 0x10, 0x00, "DS", "0")], False, "Units CNTS: only a private factor"),
        ([("Other", 0x7053, 0x10, 0x00, "DS", "0.000551")], False, "Units CNTS: only a private factor"),
    ],
)  # fmt: skip
def test_counts_with_the_factors_of_philips(factory, elements, passed, reason):
    write(factory, "a", elements, **{**PET, "Units": "CNTS"})
    value, told = suv(factory)
    assert value is passed
    assert told.startswith(reason)


def test_activity_factor_still_needs_what_activity_needs(factory):
    elements = [(PHILIPS, 0x7053, 0x10, 0x09, "DS", "1.5")]
    write(factory, "a", elements, **{**PET, "Units": "CNTS", "PatientWeight": None})
    assert suv(factory) == (
        False, f"{BY_ACTIVITY}: no Patient's Weight is stated",
    )  # fmt: skip


def test_scan_time_of_ge_where_the_series_time_is_that_of_processing(factory):
    elements = [("GEMS_PETD_01", 0x09, 0x10, 0x0D, "DT", "20010203101000.00")]
    write(factory, "a", elements, **{**PET, "SeriesTime": "150000"})
    assert suv(factory) == (True, f"{STATED}; {LATER}, so the scan began at the private scan time of GE (0009,xx0D)")


@pytest.mark.parametrize("vr", ["LO", "UN"])
def test_text_in_a_private_element_is_never_stored(factory, vr):
    planted = "Quarxley^Jane "
    value = planted.encode() if vr == "UN" else planted
    elements = [(row.creator, row.group, 0x10 + at, row.offset, vr, value) for at, row in enumerate(private_rows())]
    elements += [("CTP", 0x13, 0x10, offset, vr, value) for offset in (0x10, 0x12)]
    write(factory, "a", elements, **MR)
    assert "Quarxley" not in repr(factory.read())


def within(creator, group, offset, vr, value):
    """An item of a sequence with one private element."""
    item = Dataset()
    item.private_block(group, creator, create=True).add_new(offset, vr, value)
    return item


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("at", ["group", "converted"])
def test_private_elements_of_functional_groups_are_read(factory, syntax, at):
    frames = []
    for b in (0.0, 800.0):
        frame = item = within("Philips Imaging DD 001", 0x2001, 0x03, "FL", b)
        if at == "converted":
            frame = Dataset()
            frame.UnassignedPerFrameConvertedAttributesSequence = [item]
        frames.append(frame)
    made = pydicom.dcmread(io.BytesIO(Factory.content(**MR, TransferSyntaxUID=syntax)))
    made.PerFrameFunctionalGroupsSequence = frames
    path = factory.folder / "a"
    made.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)
    assert quickly(path, HEADER_KEYWORDS) == patiently(path, HEADER_KEYWORDS)
    (header,) = (one for one in factory.read() if isinstance(one, SeriesHeader))
    assert header.attributes["DiffusionBValue"] == (0, 800)


def test_a_text_in_a_private_element_of_a_functional_group_is_not_read(factory):
    made = pydicom.dcmread(io.BytesIO(Factory.content(**MR)))
    made.PerFrameFunctionalGroupsSequence = [within("CTP", 0x13, 0x10, "LO", "Quarxley")]
    made.save_as(factory.folder / "a")
    assert "Quarxley" not in repr(factory.read(released=lambda _content, _place: True))


@pytest.mark.parametrize(
    ("vr", "project", "site", "told"),
    [
        ("LO", "QIN-HEADNECK", "2744", ("QIN-HEADNECK", "2744")),
        ("UN", b"QIN-HEADNECK", b"2744", ("QIN-HEADNECK", "2744")),
        ("LO", "QIN-HEADNECK", "Quarxley Hospital", ("QIN-HEADNECK", None)),
    ],
)
def test_the_trial_and_the_number_of_the_site_are_told_as_texts_that_are_approved(factory, vr, project, site, told):
    elements = [("CTP", 0x13, 0x10, 0x10, vr, project), ("CTP", 0x13, 0x10, 0x12, "LO", "Site of Quarxley")]
    elements += [("CTP", 0x13, 0x10, 0x13, vr, site)]
    write(factory, "a", elements)
    approved = factory.read(released=lambda _content, _place: True)
    (header,) = (one for one in approved if isinstance(one, SeriesHeader))
    found = tuple(header.attributes.get(name) for name in ("ClinicalTrialProtocolName", "ClinicalTrialSiteID"))
    assert found == told
    assert "Quarxley" not in repr(header)
    # each of these texts waits for a steward
    context = Context(collection="test")
    (header,) = (admit(one, context) for one in factory.read() if isinstance(one, SeriesHeader))
    assert not {"ClinicalTrialProtocolName", "ClinicalTrialSiteID"} & header.attributes.keys()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_servers_tell_private_elements_as_files_do(factory, syntax):
    elements = [
        ("SIEMENS MR HEADER", 0x19, 0x10, 0x0C, "IS", "1000"),
        ("SIEMENS MR HEADER", 0x19, 0x10, 0x0E, "FD", [0.0, 1.0, 0.25]),
        ("GEMS_ACQU_01", 0x19, 0x11, 0x23, "UN", b"1.5 "),
        ("Philips PET Private Group", 0x7053, 0x10, 0x00, "DS", "0.000551"),
        ("CTP", 0x13, 0x10, 0x10, "LO", "QIN-HEADNECK"),
        ("Other", 0x2001, 0x10, 0x03, "FL", 7.0),
        ("Other", 0x19, 0x12, 0x0C, "LO", "Quarxley"),
    ]
    path = write(factory, "a", elements, **MR, TransferSyntaxUID=syntax)
    answer = pydicom.dcmread(path, stop_before_pixels=True).to_json()
    told = header_in(json.loads(answer, parse_float=Decimal), 4)
    read = patiently(path, HEADER_KEYWORDS)
    private = {row.keyword for row in private_rows()}
    assert {name: told.values[name] for name in private & told.values.keys()} == {
        name: read.values[name] for name in private & read.values.keys()
    }
    assert told.number("DiffusionBValue") == 1000
    assert "Quarxley" not in repr(told)


@pytest.mark.parametrize(
    "element",
    [{"vr": "FD", "Value": ["x", {}]}, {"vr": "FD", "Value": [1, None, 2]}, {"vr": "UN", "InlineBinary": "?"},
     {"vr": "UN", "InlineBinary": 7}, {"vr": None, "Value": "x"}, {"Value": [True]}, {"vr": "FD", "Value": [10**400]}],
)  # fmt: skip
def test_broken_private_elements_of_servers_are_left_out(element):
    found = {"00190010": {"vr": "LO", "Value": ["SIEMENS MR HEADER"]}, "0019100E": element}
    assert header_in(found, 4).values == {}


CREATORS = [*sorted({row.creator for row in private_rows()}), "CTP", "x"]
private = st.tuples(
    st.sampled_from(CREATORS),
    st.sampled_from(sorted({row.group for row in private_rows()})),
    st.integers(0x10, 0x12),
    st.sampled_from(sorted({row.offset for row in private_rows()})),
    st.sampled_from([("IS", "7"), ("DS", "1.5"), ("UN", b"12"), ("FL", 2.0), ("FD", [0.0, 1.0, 0.0]), ("LO", "a")]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(private, max_size=6), st.sampled_from(SYNTAXES))
def test_both_ways_read_generated_private_elements_alike(drawn, syntax):
    elements = [(creator, group, block, offset, *held) for creator, group, block, offset, held in drawn]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Factory(Path(folder)), "a.dcm", elements, **MR, TransferSyntaxUID=syntax)
        found = quickly(path, HEADER_KEYWORDS)
        assert found == patiently(path, HEADER_KEYWORDS)
        reference: Dataset = pydicom.dcmread(path, stop_before_pixels=True)
        values = {
            row.keyword
            for row in private_rows()
            for block in range(0x10, 0x13)
            if str(reference.get((row.group, block), Dataset()).value if (row.group, block) in reference else "")
            == row.creator
            and (row.group, block << 8 | row.offset) in reference
        }
        assert found is not None
        assert {row.keyword for row in private_rows()} & found.values.keys() <= values
