"""Whose the files of a folder are, for formats that do not say it: a file ``subjects.yaml`` beside them, or above.

Markups, label maps and tables of segment statistics name no subject. An owner says it once for a folder:

```yaml
"P01/*.mrk.json": S001
"P02/**": {subject: S002, study: 1.2.3, series: 1.2.3.4, date: 2014-02-03, reader: jdoe}
"{subject}/**":
```

Keys are paths below the folder of the file: ``*`` stands for a part of a name, ``**`` for any path, ``{subject}`` for a
part of a name that is the subject. The first that fits a file counts. The nearest ``subjects.yaml`` at most four
folders up is asked, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from ingest.base import Context, Source, Yield
from ingest.observed import times
from ingest.observed.quantities import ValueProblem
from ontology import records
from ontology.records import Record, Reject, When

__all__ = ["FILE_NAME", "LONGEST_ID", "SOURCE", "Placed", "placed"]

FILE_NAME: Final = "subjects.yaml"
LEVELS: Final = 5
"""How many folders are looked into: that of the file, and four above."""

LONGEST_ID: Final = 64
"""The length of DICOM's PatientID (VR LO)."""

FIELDS: Final = frozenset({"subject", "study", "series", "date", "reader"})
UID = re.compile(r"[0-2](\.\d+)+", re.ASCII)
PIECES = re.compile(r"(\*\*|\*|\{subject\})")
EXPRESSIONS: Final = {"**": ".*", "*": "[^/]*"}

WANTED: Final = (
    'paths below this folder and their subjects, such as "P01/*": S001, '
    'or "P01/*": {subject: S001, study: 1.2.3, series: 1.2.3.4, date: 2014-02-03}'
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Whose a file is, and of which images."""

    subject: str
    study: str | None = None
    series: str | None = None
    when: When | None = None
    reader: str | None = None
    """The name of who made it, from which only a pseudonym is kept."""

    def observer(self, context: Context) -> str | None:
        """The pseudonym of who made it."""
        return context.pseudonym(self.reader) if self.reader else None

    def nodes(self, context: Context) -> Iterator[Record]:
        """The identity records of who made it, and of the images that it is of."""
        if observer := self.observer(context):
            yield records.Reader(key=observer)
        if self.study is not None:
            yield records.Study(uid=self.study, subject=self.subject)
            if self.series is not None:
                yield records.Series(uid=self.series, subject=self.subject, study=self.study)

    def recipe(self, context: Context) -> str:
        """What a source's recipe says of it: a keyed hash, since it holds a name and a date."""
        return f"of-{context.mark(repr(self))}"


def placed(path: Path) -> Placed:
    """Whose a file is; `ValueProblem` where no ``subjects.yaml`` says it, or one says it wrongly."""
    path = path.absolute()
    for folder in list(path.parents)[:LEVELS]:
        file = folder / FILE_NAME
        if file.is_file():
            return _found(file, path.relative_to(folder).as_posix())
    raise ValueProblem(
        "the file does not say whose it is", f"a file {FILE_NAME} beside it or in a folder above: {WANTED}"
    )


def _found(file: Path, below: str) -> Placed:
    for pattern, content in _read(file, file.stat().st_mtime_ns).items():
        match = _expression(pattern).fullmatch(below)
        if match is not None:
            return _placed(content, match.groupdict().get("subject"))
    raise ValueProblem(f"{FILE_NAME} has no path that fits the file", WANTED)


@lru_cache(maxsize=64)
def _read(file: Path, _changed: int) -> dict[str, Any]:
    """The entries of a file, remembered while it is unchanged."""
    try:
        # every scalar as text, so that 007 stays what it is
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts
    except (OSError, RecursionError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise ValueProblem(f"{FILE_NAME} is no YAML", WANTED) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) and len(key) <= 500 for key in content):
        raise ValueProblem(f"{FILE_NAME} is no mapping of paths", WANTED)
    return content


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    """The expression of a path; a second ``{subject}`` has to be the same text."""
    parts, named = [], False
    for piece in PIECES.split(pattern.removeprefix("./")):
        if piece == "{subject}":
            parts.append("(?P=subject)" if named else "(?P<subject>[^/]+)")
            named = True
        else:
            parts.append(EXPRESSIONS.get(piece) or re.escape(piece))
    return re.compile("".join(parts))


def _placed(content: Any, from_path: str | None) -> Placed:
    fields = content if isinstance(content, dict) else {"subject": content}
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise ValueProblem(f"{FILE_NAME} has an unknown field", f"one of {', '.join(sorted(FIELDS))}")
    subject = _text(fields.get("subject")) or from_path or ""
    if not subject or len(subject) > LONGEST_ID or not subject.isprintable():
        raise ValueProblem(f"{FILE_NAME} names no usable subject", f"at most {LONGEST_ID} printable characters")
    study, series = (_uid(fields.get(name)) for name in ("study", "series"))
    if series and not study:
        raise ValueProblem(f"{FILE_NAME} names a series without its study", "the UIDs of both")
    reader = _text(fields.get("reader")) or None
    return Placed(subject, study, series, times.date(_text(fields.get("date"))), reader)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip()
    raise ValueProblem(f"{FILE_NAME} holds what is no text", WANTED)


def _uid(value: Any) -> str | None:
    text = _text(value)
    if text and not (UID.fullmatch(text) and len(text) <= 64):
        raise ValueProblem(f"{FILE_NAME} holds a UID that is none", "a DICOM UID: numbers with points")
    return text or None


def accepts(locator: str) -> bool:
    """Whether a path has the one name that these files have."""
    return Path(locator).name == FILE_NAME


def read(locators: Iterator[str], _context: Context) -> Iterator[Yield]:
    """No record: what the file says comes in with the files that it speaks of. Its faults are rejected."""
    for locator in locators:
        path = Path(locator)
        try:
            entries = _read(path, path.stat().st_mtime_ns)
        except (OSError, ValueProblem) as error:
            problem = error.problem if isinstance(error, ValueProblem) else "the file cannot be read"
            yield Reject(name=FILE_NAME, place="file", problem=problem, wanted=WANTED)
            continue
        for number, (pattern, content) in enumerate(entries.items(), 1):
            try:
                _placed(content, "from the path" if "{subject}" in pattern else None)
            except ValueProblem as error:
                yield Reject(name=FILE_NAME, place=f"entry {number}", problem=error.problem, wanted=error.wanted)


SOURCE = Source(
    name="subjects",
    accepts=accepts,
    read=read,
    summary="subjects.yaml: whose the files of a folder are, for formats that do not say it",
)
