"""The walk over locators, and which kind of source a file is given to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest import sources
from ingest.dicom.header import sop_class_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Folders whose names sort before and behind those of files, hidden ones, and links."""
    for name in ("b/2.dcm", "b/10.dcm", "b.txt", "a-b/c/d.csv", "a/z", ".hidden/x.dcm", "b/.x.dcm", "c/e/"):
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text(name)
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.txt")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    return tmp_path


def test_files_come_in_the_order_of_their_paths_and_hidden_ones_do_not(tree):
    found = list(sources.expand([str(tree)]))
    listed = (path.relative_to(tree) for path in sorted(tree.rglob("*")) if path.is_file())
    assert found == [str(tree / path) for path in listed if not any(part.startswith(".") for part in path.parts)]
    assert [Path(path).name for path in found] == ["z", "d.csv", "10.dcm", "2.dcm", "b.txt", "link.txt"]


def test_each_place_comes_once_and_urls_as_they_are(tree, monkeypatch):
    monkeypatch.chdir(tree)
    found = list(sources.expand(["b/2.dcm", str(tree / "b"), "https://example.org/x", "nowhere", "b"]))
    assert found == [str(tree / "b/2.dcm"), str(tree / "b/10.dcm"), "https://example.org/x", str(tree / "nowhere")]


@pytest.mark.skipif(os.geteuid() == 0, reason="everything may be read by root")
def test_a_folder_that_is_shut_comes_itself(tree):
    (tree / "b").chmod(0)
    try:
        assert [Path(path).name for path in sources.expand([str(tree)])] == ["z", "d.csv", "b", "b.txt", "link.txt"]
        assert list(sources.expand([str(tree / "b/2.dcm")])) == [str(tree / "b/2.dcm")]
    finally:
        (tree / "b").chmod(0o700)


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "dicom"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "seg"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "rt"),
        ("1.2.840.10008.5.1.4.1.1.67", "rwv"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "sr"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "dicom"),
        ("", "dicom"),
    ],
)
@pytest.mark.parametrize("name", ["a", "a.dcm", "a.csv"])
def test_a_file_with_the_mark_of_dicom_goes_to_the_kind_that_accepts_it(tmp_path, sop_class, kind, name):
    value = sop_class.encode() + b"\0" * (len(sop_class) % 2)
    path = tmp_path / name
    path.write_bytes(bytes(128) + b"DICM\x02\0\x02\0UI" + len(value).to_bytes(2, "little") + value)
    assert sop_class_of(path.read_bytes()) == sop_class
    found = sources.accepting(str(path))
    assert found is not None
    assert found.name == kind
    assert next(source.name for source in sources.all_sources() if source.accepts(str(path))) == kind
