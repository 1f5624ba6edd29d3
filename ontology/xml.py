"""The hardened XML parser that every reader and importer of XML documents uses.

No entity is resolved, nothing is fetched, and any DOCTYPE is refused before the parser reads what it declares: our
kinds of document never need one, and it is the door of entity bombs and of reading foreign files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from lxml import etree

__all__ = ["LARGEST", "XmlError", "parse", "parse_bytes", "root_name", "stream"]

LARGEST = 64 * 2**20
"""The largest document, in bytes: real annotations with radiomics have about 1 MB."""

PIECE = 16 * 2**10

PROLOG = re.compile(
    r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>\"']|\"[^\"]*\"|'[^']*')*(?:\[.*?\]\s*)?>)*"
    r"<(?P<name>[^\s/>!?]+)(?P<rest>[^>]*)",
    re.DOTALL,
)


class XmlError(ValueError):
    """A document that is refused: ``problem`` and ``wanted`` in words, and the ``line`` where known (from 1).

    The words never carry text of the document.
    """

    def __init__(self, problem: str, wanted: str, line: int | None = None) -> None:
        self.problem = problem
        self.wanted = wanted
        self.line = line
        super().__init__(f"{self.place}: {problem}; {wanted}")

    @property
    def place(self) -> str:
        """The line, in words."""
        return f"line {self.line}" if self.line else "document"


class _Doctype(Exception):  # noqa: N818  a signal, never shown
    """The prolog holds a DOCTYPE."""


class _Root(Exception):  # noqa: N818  a signal, never shown
    """The root element has begun, so the prolog is over."""


class _Prolog:
    """A parser target that stops at the DOCTYPE or the root, whichever comes first."""

    def doctype(self, *_: object) -> NoReturn:
        raise _Doctype

    def start(self, *_: object) -> NoReturn:
        raise _Root

    def close(self) -> None:
        """Nothing was built."""


def _parser(target: Any = None) -> etree.XMLParser:
    return etree.XMLParser(
        target=target,
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        remove_comments=True,
        remove_pis=True,
    )


def _reason(error: etree.XMLSyntaxError) -> str:
    """What kind of syntax error it is, without the parser's message: that quotes the document."""
    log: Any = error.error_log
    name = log.last_error.type_name if log else ""
    return name.removeprefix("ERR_").replace("_", " ").lower() or "not well-formed"


def _broken(error: etree.XMLSyntaxError) -> XmlError:
    return XmlError(
        f"not well-formed XML ({_reason(error)})",
        "a complete, well-formed XML document of ordinary depth (at most 255 elements)",
        error.lineno or None,
    )


def _large(size: int) -> XmlError:
    return XmlError(f"the document has {size:,} bytes", f"at most {LARGEST:,} bytes")


ASCII = re.compile(
    rb"(?:\xef\xbb\xbf)?<(?:[A-Za-z!]|\?xml(?:(?![^>]*encoding)|[^>]*\sencoding\s*=\s*[\"'](?:utf-8|us-ascii)[\"'])[^>]*>)",
    re.IGNORECASE,
)
"""How a document begins whose encoding is the default or one that is named and writes ASCII as it is."""


def _has_none(data: bytes) -> bool:
    """Whether a document certainly has no DOCTYPE: it would have to be written in these very bytes."""
    return ASCII.match(data) is not None and b"<!DOCTYPE" not in data


def _refuse_doctype(data: bytes) -> None:
    parser = _parser(_Prolog())
    try:
        for start in range(0, len(data), PIECE):
            parser.feed(data[start : start + PIECE])
    except _Doctype as signal:
        before = data.partition(b"<!DOCTYPE")[0]
        raise XmlError(
            "the document has a DOCTYPE, which could name files or multiply text",
            "the same document without its DOCTYPE declaration",
            before.count(b"\n") + 1,
        ) from signal
    except _Root:
        return
    except etree.XMLSyntaxError as error:
        raise _broken(error) from error


def parse_bytes(data: bytes) -> etree._Element:
    """The root element of a document; comments and processing instructions are left out.

    Raises `XmlError` where the document is too large, has a DOCTYPE, is too deep or is not well-formed.

    >>> parse_bytes(b"<a><b/></a>").tag
    'a'
    >>> parse_bytes(b"<a><b></a>")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ontology.xml.XmlError: line 1: not well-formed XML (tag name mismatch); a complete, well-formed XML document ...
    """
    if len(data) > LARGEST:
        raise _large(len(data))
    if not _has_none(data):
        _refuse_doctype(data)
    try:
        return etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        raise _broken(error) from error
    except ValueError as error:
        raise XmlError("the text cannot be decoded", "UTF-8, or the encoding that the XML declaration names") from error


def parse(path: Path) -> etree._Element:
    """The root element of a file, as `parse_bytes`; `XmlError` also where the file cannot be read."""
    try:
        if path.stat().st_size > LARGEST:
            raise _large(path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise XmlError(f"the file cannot be read ({type(error).__name__})", "a file that may be read") from error
    return parse_bytes(data)


def stream(path: Path, *tags: str, doctype: bool = False) -> Iterator[etree._Element]:
    """The elements of a file with one of these tags, each when it is complete; then it is emptied to save memory.

    Raises `XmlError` as `parse`, without a limit of size. With ``doctype`` a document may have one, as OWL files do:
    its entities are still not resolved in text, and nothing is fetched.
    """
    try:
        if not doctype:
            with path.open("rb") as file:
                _refuse_doctype(file.read(LARGEST // 64))
        yield from _complete(path, tags)
    except OSError as error:
        raise XmlError(f"the file cannot be read ({type(error).__name__})", "a file that may be read") from error
    except etree.XMLSyntaxError as error:
        raise _broken(error) from error


def _complete(path: Path, tags: tuple[str, ...]) -> Iterator[etree._Element]:
    with path.open("rb") as file:
        events = etree.iterparse(
            file,
            events=("end",),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            huge_tree=False,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            remove_comments=True,
            remove_pis=True,
        )
        for _, element in events:
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _text(head: bytes) -> str:
    """The first characters; UTF-16 by its byte order mark, else as good as ASCII for names of elements."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, errors="ignore")
    return head.decode("utf-8", errors="ignore")


def root_name(head: bytes) -> str | None:
    """The local name of the root element in the first bytes of a file, also where a DOCTYPE stands before it.

    >>> root_name(b"<?xml version='1.0'?><!-- c --><!DOCTYPE x [<!ENTITY a 'b'>]><q:Study xmlns:q='u'>")
    'Study'
    >>> root_name(b"a,b,c") is None
    True
    """
    found = PROLOG.match(_text(head))
    return found["name"].rpartition(":")[2] if found else None
