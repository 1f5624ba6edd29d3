"""Every real clinical file is either profiled and suggested for, or refused with a reason."""

from pathlib import Path

import pytest
import yaml

from ingest.table.file import TableError
from ingest.table.profile import profile_file
from mappings.draft import draft
from mappings.draft_sets import Sheet
from mappings.knowledge import gather
from mappings.shape import Shape
from mappings.suggest import Suggester
from mappings.suggest_values import values_of
from mappings.tables import table_maps

CLINICAL = Path(__file__).parents[2].parent / "shared" / "data" / "clinical"
FOLDERS = ("redcap_cancer", "redcap_pycap", "redcap_redcapr", "sdtm_onco", "tcga_biotab", "tcia")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CLINICAL.is_dir(), reason="../shared/data is not present"),
]


@pytest.fixture(scope="module")
def suggester():
    return Suggester(gather(table_maps().values()))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_suggested_for_or_refused(folder, suggester):
    suggested, refused = 0, []
    for path in sorted(item for item in (CLINICAL / folder).rglob("*") if item.is_file()):
        try:
            tables = profile_file(path)
        except TableError as error:
            refused.append((path.name, error.problem, error.wanted))
            continue
        sheets = []
        for table in tables:
            advice = suggester.table(table)
            assert all(item.proposed or item.leave for item in advice), path
            proposed = [item for item in advice if item.proposed]
            values = {item.column.name: values_of(suggester, item.column, item.proposed.target) for item in proposed}
            sheets.append(Sheet(table, advice, values))
        made = draft("x", path.name, None, sheets, "2026-11-24")
        if made.shape is not None:
            assert Shape.model_validate(yaml.safe_load(made.shape)).parts(), path
        suggested += 1
    assert all(problem and wanted for _, problem, wanted in refused)
    assert suggested or folder in {"redcap_cancer", "redcap_pycap"}, "these hold a lone dictionary, and project XML"


def test_known_figures(suggester):
    (kits,) = (CLINICAL / "tcia" / "c4kc_kits").glob("*.csv")
    (table,) = profile_file(kits)
    found = {item.column.name: item for item in suggester.table(table)}
    assert (table.rows, len(table.columns)) == (210, 60)
    assert found["gender"].proposed.target.variable == "ncit:C28421"
    assert found["gender"].column.values == {"male": 123, "female": 87}
    assert found["comorbidities__copd"].proposed is None
