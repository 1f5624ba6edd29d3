"""Changing a map.yaml: one thing is changed, and all else stays as it was written."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mappings.shape_edit import changed, removed
from mappings.sssom import MappingError
from mappings.tables import SHAPE, table_maps

TEXT = """# head
name: x   # the name
columns:
  # about A
  A: {record: finding}   # beside A
  "B b":
    record: measurement
    unit: mm   # beside the unit
  # about C
  C: {record: finding}
# foot
"""


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (["columns", "A"], {"record": "event"}, "  A: {record: event}   # beside A"),
        (["columns", "D"], {"record": "event"}, "  D: {record: event}"),
        (["columns", "A", "unit"], "mm", "  A: {record: finding, unit: mm}   # beside A"),
        (["columns", "B b", "unit"], "cm", "    unit: cm   # beside the unit"),
        (["common", "visit"], {"column": "V"}, "common: {visit: {column: V}}"),
        (["name"], "y", "name: y   # the name"),
    ],
)
def test_one_line_changes(path, value, line):
    text = changed(TEXT, path, value)
    before, after = TEXT.splitlines(), text.splitlines()
    assert line in after
    assert len([row for row in before if row not in after]) <= 1
    assert [row for row in after if row.lstrip().startswith("#")] == ["# head", "  # about A", "  # about C", "# foot"]


def test_a_key_goes_with_the_comment_above_it():
    text = removed(TEXT, ["columns", "C"])
    assert "about C" not in text
    assert set(yaml.safe_load(text)["columns"]) == {"A", "B b"}
    assert set(yaml.safe_load(removed(TEXT, ["columns", "B b"]))["columns"]) == {"A", "C"}
    with pytest.raises(MappingError, match="has no"):
        removed(TEXT, ["columns", "Z"])


@given(st.text(min_size=1, max_size=12).map(lambda text: " ".join(text.split())).filter(bool), st.text(max_size=12))
def test_any_name_and_value_is_written_so_that_it_is_read_again(key, value):
    try:
        text = changed(TEXT, ["columns", key], {"record": value})
    except yaml.YAMLError:
        return
    read = yaml.safe_load(text)["columns"]
    assert read[key] == {"record": value}
    assert read["A"] == {"record": "finding"} or key == "A"


def test_every_ready_map_takes_a_new_column():
    for mapping in table_maps().values():
        text = (mapping.folder / SHAPE).read_text(encoding="utf-8")
        held = yaml.safe_load(text)
        at = ["columns"] if "columns" in held else ["sheets", str(next(iter(held["sheets"]))), "columns"]
        after = yaml.safe_load(changed(text, [*at, "New one"], {"record": "finding"}))
        columns = after["columns"] if "columns" in held else next(iter(after["sheets"].values()))["columns"]
        assert columns.pop("New one") == {"record": "finding"}
        assert after == held, mapping.name
