"""The shared sample files, against an independent reading by pydicom."""

from __future__ import annotations

import warnings
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pydicom
import pytest

from ingest.base import Context
from ingest.dicom.reader import SOURCE
from ontology.records import Reject, SeriesHeader
from ontology.terms import dcm, ncit, q

DATA = Path(__file__).parents[4] / "shared" / "data" / "imaging"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present"),
]
FOLDERS = ("ct", "mr", "pet", "pm", "odd", "deid", "enhanced", "rwvm", "seg", "sr", "rt")


def read(*folders):
    paths = sorted(str(path) for folder in folders for path in (DATA / f"dicom_{folder}").iterdir())
    accepted = [path for path in paths if SOURCE.accepts(path)]
    return accepted, list(
        SOURCE.read(
            iter(accepted),
            Context(collection="test", attested=True, released=lambda _content, place: "PatientName" not in place),
        )
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_counted_or_rejected(folder):
    paths, records = read(folder)
    rejects = [record for record in records if isinstance(record, Reject)]
    counted = sum(record.instance_count for record in records if isinstance(record, SeriesHeader))
    assert counted + len({reject.name for reject in rejects}) == len(paths)
    names = {Path(path).name for path in paths}
    assert {reject.name for reject in rejects} <= names
    assert all(reject.place and reject.problem and reject.wanted for reject in rejects)


def test_series_agree_with_pydicom():
    paths, records = read("ct", "mr", "pet")
    refused = {record.name for record in records if isinstance(record, Reject)}
    expected = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            if "PYDICOM_test_files" not in path:
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
                expected[str(dataset.SeriesInstanceUID)].append(dataset)
    assert refused == {Path(path).name for path in paths if "PYDICOM_test_files" in path}
    headers = {record.uid: record for record in records if isinstance(record, SeriesHeader)}
    assert {uid: header.instance_count for uid, header in headers.items()} == {
        uid: len(datasets) for uid, datasets in expected.items()
    }
    for uid, datasets in expected.items():
        for keyword in ("Rows", "SliceThickness", "RepetitionTime", "KVP", "Manufacturer", "SOPClassUID", "Units"):
            values = {str(value) for dataset in datasets if (value := dataset.get(keyword)) not in (None, "")}
            found = headers[uid].attributes.get(keyword)
            assert {
                str(item) for item in (found if isinstance(found, tuple) else (found,)) if item is not None
            } == values


def header_with(records, **wanted):
    (header,) = (
        record
        for record in records
        if isinstance(record, SeriesHeader) and all(getattr(record, name) == value for name, value in wanted.items())
    )
    return header


def test_pet_of_sts_001():
    _, records = read("pet")
    header = header_with(records, modality=dcm.POSITRON_EMISSION_TOMOGRAPHY)
    assert header.instance_count == 59
    assert header.tracer == ncit.FLUDEOXYGLUCOSE_F_18
    assert header.acquisition == q.STATIC_PET
    assert header.uptake_minutes == Decimal("45.18")
    assert header.slice_spacing == Decimal("3.27")
    assert header.attributes["RadionuclideTotalDose"] == Decimal(388777472)


def test_breast_mr_is_dynamic():
    _, records = read("mr")
    header = header_with(records, body_part=ncit.BREAST)
    assert (header.instance_count, header.temporal_positions, header.slice_spacing) == (9, 3, Decimal(2))
    assert header.acquisition == ncit.DYNAMIC_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING


def test_series_of_known_size():
    _, records = read("ct", "mr")
    sizes = sorted(record.instance_count for record in records if isinstance(record, SeriesHeader))
    assert sizes == [1, 1, 1, 1, 3, 8, 8, 9, 10]
