from __future__ import annotations

from decimal import Decimal

import pytest

from ingest.dicom.reader import SOURCE
from ontology.records import Measurement, Reject, Series, SeriesHeader, SourceRecord, StudyHeader


def of(kind, records):
    return [record for record in records if isinstance(record, kind)]


def only_reject(records):
    (reject,) = of(Reject, records)
    return reject


def test_accepts_by_mark_first_element_or_suffix(factory, tmp_path):
    marked = factory.write("IM0001")
    bare = tmp_path / "bare"
    bare.write_bytes(marked.read_bytes()[132:])
    implicit = tmp_path / "implicit"
    implicit.write_bytes(b"\x08\x00\x16\x00\x1a\x00\x00\x001.2.840.10008.5.1.4.1.1.2\x00")
    wrong = tmp_path / "wrong.DCM"
    wrong.write_text("subject,day")
    table = tmp_path / "table.csv"
    table.write_text("subject,day\n1,2\n")
    accepted = [SOURCE.accepts(str(path)) for path in (marked, bare, implicit, wrong, table)]
    assert accepted == [True, True, True, True, False]


def test_file_without_preamble_is_read(factory, tmp_path):
    path = factory.write("a")
    path.write_bytes(path.read_bytes()[132:])
    (header,) = of(SeriesHeader, factory.read())
    assert header.attributes["TransferSyntaxUID"] == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"subject,day\n", "the file is not DICOM"),
        (b"NRRD0004\n" + bytes(200), "the file is an NRRD file, not DICOM"),
        (b"PK\x03\x04" + bytes(200), "the file is a zip archive, not DICOM"),
    ],
)
def test_file_that_is_not_dicom_is_told_and_the_rest_goes_in(factory, content, problem):
    factory.write("a.dcm")
    (factory.folder / "b.dcm").write_bytes(content)
    records = factory.read()
    reject = only_reject(records)
    assert (reject.name, reject.problem, reject.quarantine) == ("b.dcm", problem, False)
    assert len(of(SeriesHeader, records)) == 1


def test_every_truncation_is_rejected(factory):
    whole = factory.content()
    pixels = whole.index(b"\xe0\x7f\x10\x00OW")  # a header that ends right here is complete, without its pixels
    path = factory.folder / "a.dcm"
    for length in set(range(132, len(whole))) - {pixels}:
        path.write_bytes(whole[:length])
        reject = only_reject(factory.read())
        assert reject.name == "a.dcm"
        assert reject.wanted


def test_truncated_pixel_data_names_its_tag(factory):
    path = factory.write("a.dcm")
    path.write_bytes(path.read_bytes()[:-3])
    reject = only_reject(factory.read())
    assert reject.place == "(7FE0,0010) PixelData"
    assert reject.problem == "the file ends 3 bytes before the end of this element"


@pytest.mark.parametrize(
    ("keyword", "place"),
    [
        ("PatientID", "(0010,0020) PatientID"),
        ("StudyInstanceUID", "(0020,000D) StudyInstanceUID"),
        ("SeriesInstanceUID", "(0020,000E) SeriesInstanceUID"),
        ("SOPInstanceUID", "(0008,0018) SOPInstanceUID"),
    ],
)
def test_missing_identity_is_rejected_by_tag(factory, keyword, place):
    factory.write("a.dcm", 1)
    factory.write("b.dcm", 2, **{keyword: None})
    records = factory.read()
    reject = only_reject(records)
    assert (reject.name, reject.place, reject.problem) == ("b.dcm", place, "is missing or empty")
    assert of(SeriesHeader, records)[0].instance_count == 1


@pytest.mark.parametrize("uid", ["1.2.03", "94235132-82a3", "1..2", "1." + "2" * 63])
def test_invalid_uid_is_rejected(factory, uid):
    path = factory.write("a.dcm", SeriesInstanceUID="1." + "9" * 20)
    value = path.read_bytes()
    length = len(uid) + len(uid) % 2
    old = b"\x20\x00\x0e\x00UI\x16\x00" + b"1." + b"9" * 20
    assert old in value
    path.write_bytes(
        value.replace(old, b"\x20\x00\x0e\x00UI" + length.to_bytes(2, "little") + uid.encode().ljust(length, b"\0"))
    )
    reject = only_reject(factory.read())
    assert reject.problem == "is no valid UID"
    assert uid not in str(reject)


def test_series_under_two_patients_keeps_the_majority(factory):
    for number in (1, 2):
        factory.write(f"{number}.dcm", number)
    factory.write("3.dcm", 3, PatientID="P-02", PatientName="P-02")
    records = factory.read()
    reject = only_reject(records)
    assert (reject.name, reject.quarantine) == ("3.dcm", True)
    assert "P-02" not in str(reject)
    assert [(series.subject, series.uid) for series in of(Series, records)] == [("P-01", "1.2.3.1.1")]
    assert of(SeriesHeader, records)[0].instance_count == 2


def test_study_under_two_patients_in_two_series_keeps_the_first(factory):
    factory.write("1.dcm", 1)
    factory.write("2.dcm", 2, PatientID="P-02", SeriesInstanceUID="1.2.3.1.2")
    reject = only_reject(factory.read())
    assert (reject.name, reject.place) == ("2.dcm", "(0020,000D) StudyInstanceUID")


def test_series_under_two_studies_keeps_the_first(factory):
    factory.write("1.dcm", 1)
    factory.write("2.dcm", 2, StudyInstanceUID="1.2.3.9")
    reject = only_reject(factory.read())
    assert (reject.name, reject.place) == ("2.dcm", "(0020,000E) SeriesInstanceUID")


def test_copy_counts_once_and_changed_copy_is_told(factory):
    factory.write("1.dcm", 1)
    factory.write("copy.dcm", 1)
    assert of(SeriesHeader, factory.read())[0].instance_count == 1
    factory.write("other.dcm", 1, KVP="80")
    records = factory.read()
    reject = only_reject(records)
    assert reject.name == "other.dcm"
    assert "1.dcm" in reject.problem
    assert of(SeriesHeader, records)[0].instance_count == 1


def test_digest_follows_content_and_not_names(factory, tmp_path):
    for number in (1, 2):
        factory.write(f"{number}.dcm", number)
    (before,) = of(SourceRecord, factory.read())
    (tmp_path / "1.dcm").rename(tmp_path / "z.dcm")
    (renamed,) = of(SourceRecord, factory.read())
    factory.write("2.dcm", 2, KVP="80")
    (changed,) = of(SourceRecord, factory.read())
    assert renamed.digest == before.digest != changed.digest
    assert before.locator == f"{tmp_path}#1.2.3.1.1"


def test_known_series_yields_its_head_only(factory):
    factory.write("1.dcm")
    asked = []
    records = factory.read(known=lambda digest, recipe: asked.append((digest, recipe)) or True)
    (head,) = records
    assert asked == [(head.digest, head.recipe)]


def test_free_text_needs_approval_whatever_is_attested(factory):
    factory.write("1.dcm", SeriesDescription="lung", StudyDescription="CT", ProtocolName="a", ContrastBolusAgent="b")
    unapproved = factory.read(attested=True)
    assert (
        not {"SeriesDescription", "ProtocolName", "ContrastBolusAgent"}
        & of(SeriesHeader, unapproved)[0].attributes.keys()
    )
    assert of(StudyHeader, unapproved)[0].description is None
    approved = factory.read(released=lambda _content, _place: True)
    assert of(SeriesHeader, approved)[0].attributes["SeriesDescription"] == "lung"
    assert of(StudyHeader, approved)[0].description == "CT"


def test_many_values_become_bounds(factory):
    for number in range(1, 41):
        factory.write(f"{number}.dcm", number, XRayTubeCurrent=100 + number, ConvolutionKernel=f"K{number}")
    attributes = of(SeriesHeader, factory.read())[0].attributes
    assert attributes["XRayTubeCurrent"] == (101, 140)
    assert "ConvolutionKernel" not in attributes


def test_irregular_slices_have_no_spacing(factory):
    for number, z in enumerate(("0", "1", "2.5"), 1):
        position = {"ImagePositionPatient": ["0", "0", z], "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"]}
        factory.write(f"{number}.dcm", number, **position)
    assert of(SeriesHeader, factory.read())[0].slice_spacing is None


def test_echoes_are_no_points_in_time(factory):
    place = {"ImagePositionPatient": ["0", "0", "0"], "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"]}
    for number, echo in enumerate(("10", "20", "30"), 1):
        factory.write(f"{number}.dcm", number, EchoTime=echo, **place)
    header = of(SeriesHeader, factory.read())[0]
    assert header.temporal_positions is None
    assert header.attributes["EchoTime"] == (Decimal(10), Decimal(20), Decimal(30))


@pytest.mark.parametrize(
    ("age", "expected"),
    [("045Y", ("45", None, "045Y")), ("090Y", (None, "90", "90+")), ("000Y", None), ("9.0", None)],
)
def test_age(factory, age, expected):
    path = factory.write("1.dcm", PatientAge="111Y")
    path.write_bytes(path.read_bytes().replace(b"111Y", age.encode().ljust(4)))
    found = [
        tuple(None if item is None else str(item) for item in (record.value, record.low, record.raw))
        for record in of(Measurement, factory.read())
    ]
    assert found == ([] if expected is None else [expected])


def test_dicomdir_is_told_apart(factory):
    factory.write("DICOMDIR", SOPClassUID="1.2.840.10008.1.3.10")
    assert "DICOMDIR" in only_reject(factory.read()).problem


def test_pydicom_neither_warns_nor_logs_values(factory, caplog, recwarn):
    path = factory.write("a.dcm", KVP="120.00", PatientAge="045Y", StudyDate="20120305")
    path.write_bytes(path.read_bytes().replace(b"120.00", b"Jane! ").replace(b"20120305", b"Roe 1234"))
    assert of(SeriesHeader, factory.read())[0].when is None
    assert not caplog.records
    assert not recwarn.list


def test_deflated_file_is_read(factory):
    factory.write("a.dcm", TransferSyntaxUID="1.2.840.10008.1.2.1.99", KVP="120")
    assert of(SeriesHeader, factory.read())[0].attributes["KVP"] == 120


def test_big_endian_file_is_read(factory):
    factory.write("a.dcm", TransferSyntaxUID="1.2.840.10008.1.2.2", KVP="120", SpiralPitchFactor=0.5)
    attributes = of(SeriesHeader, factory.read())[0].attributes
    assert (attributes["Rows"], attributes["SpiralPitchFactor"]) == (2, Decimal("0.5"))


def test_compressed_pixel_data_must_close(factory):
    path = factory.write("a.dcm")
    whole = path.read_bytes()
    start = whole.index(b"\xe0\x7f\x10\x00OW")
    head = whole[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0abcd"
    path.write_bytes(head + pixels + b"\xfe\xff\xdd\xe0\0\0\0\0")
    assert of(SeriesHeader, factory.read())[0].attributes["TransferSyntaxUID"] == "1.2.840.10008.1.2.5"
    path.write_bytes(head + pixels)
    assert "compressed" in only_reject(factory.read()).problem


def test_character_sets_are_decoded(factory):
    path = factory.write("a.dcm", SpecificCharacterSet="ISO_IR 100", ManufacturerModelName="Röntgen")
    assert b"R\xf6ntgen" in path.read_bytes()
    assert of(SeriesHeader, factory.read())[0].attributes["ManufacturerModelName"] == "Röntgen"
