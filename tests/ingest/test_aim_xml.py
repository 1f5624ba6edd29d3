"""The hardened XML parser: what it refuses, where it says the fault is, and that it quotes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology import xml


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"<?xml version='1.0'?>\n\n<!DOCTYPE a SYSTEM 'file:///etc/passwd'>\n<a/>", 3, "DOCTYPE"),
        (b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE a><a/>', 2, "DOCTYPE"),
        (b"<!DOCTYPE a><a/>", 1, "DOCTYPE"),
        ("<!DOCTYPE a><a/>".encode("utf-16"), 1, "DOCTYPE"),
        ("<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a><a/>".encode("utf-16"), 1, "DOCTYPE"),
        (b"<!-- " + b"x" * 50_000 + b" -->\n<!DOCTYPE a><a/>", 2, "DOCTYPE"),
        (b"<a>\n<Secret>\n</b></a>", 3, "tag name mismatch"),
        (b"<a>&Secret;</a>", 1, "undeclared entity"),
        (b"<a x='1' x='Secret'/>", 1, "attribute redefined"),
        (b"<a>" * 300 + b"</a>" * 300, 1, "resource limit"),
        (b"", 1, "document empty"),
        (b"\xff\xfe\x00", 1, "not well-formed"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", 1, "unsupported encoding"),
    ],
)
def test_a_document_is_refused_with_its_line(data: bytes, line: int, problem: str) -> None:
    with pytest.raises(xml.XmlError) as caught:
        xml.parse_bytes(data)
    assert (caught.value.line, caught.value.place) == (line, f"line {line}")
    assert problem in caught.value.problem
    assert "Secret" not in str(caught.value)
    assert caught.value.wanted


def test_a_doctype_in_a_comment_is_only_words() -> None:
    assert xml.parse_bytes(b"<!-- <!DOCTYPE a> --><a>caf\xc3\xa9<!-- c --></a>").text == "caf\u00e9"


def test_too_large_a_document_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "LARGEST", 1000)
    path = tmp_path / "large.xml"
    path.write_bytes(b"<a>" + b" " * 1000 + b"</a>")
    with pytest.raises(xml.XmlError, match=r"1,007 bytes; at most 1,000 bytes"):
        xml.parse(path)
    with pytest.raises(xml.XmlError, match="bytes"):
        xml.parse_bytes(path.read_bytes())


def test_a_file_that_cannot_be_read_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(xml.XmlError) as caught:
        xml.parse(tmp_path / "absent.xml")
    assert "absent" not in str(caught.value)
    assert caught.value.place == "document"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80) | st.text("<>!?[]-='\"& aDOCTYPE/\n", max_size=60).map(str.encode))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    xml.root_name(data)
    try:
        root = xml.parse_bytes(data)
    except xml.XmlError:
        return
    assert xml.root_name(data) == root.tag
