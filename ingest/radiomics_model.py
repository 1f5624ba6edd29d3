"""Tables of PyRadiomics, whatever their layout, as cases: what was computed for one mask with one configuration."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ingest.observed.quantities import ValueProblem

__all__ = ["Case", "Feature", "is_radiomics", "number_text", "numbers_in", "plane_of", "read_cases", "settings_of"]

FEATURE: Final = re.compile(
    r"(?P<image>[A-Za-z][\w.-]*?)_(?P<family>firstorder|shape2D|shape|glcm|glrlm|glszm|gldm|ngtdm)_(?P<name>[A-Za-z0-9]+)",
    re.ASCII,
)
"""A feature's name: image type (``original``, ``wavelet-LLH``, ``log-sigma-3-0-mm-3D``), class and feature."""

ABOUT: Final = ("diagnostics_", "general_info_")
"""What begins so speaks of the computation; the second is how versions before 2 wrote it."""

TRANSPOSED: Final = "featureName"
SUBJECTS: Final = ("patientid", "patient", "subjectid", "subject", "caseid", "case", "id")
"""The columns that name the subject, the first that is there: letters and digits only."""

LARGEST: Final = 1 << 28
MOST_CELLS: Final = 4_000_000

WRAPPED = re.compile(r"array\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Feature:
    """A number as found: its place in the file and its name, in parts."""

    place: str
    image: str
    family: str
    name: str
    text: str

    @property
    def code(self) -> str:
        """Class and name, such as ``glcm_JointEnergy``."""
        return f"{self.family}_{self.name}"

    @property
    def whole(self) -> str:
        """The name as PyRadiomics writes it."""
        return f"{self.image}_{self.code}"


@dataclass(slots=True)
class Case:
    """One case: whose it is (empty where the file does not say it), what is said of it, and its features."""

    place: str
    subject: str = ""
    about: dict[str, str] = field(default_factory=dict)
    """Diagnostics by name, without prefix, such as ``Mask-original_Hash``; the columns Image, Mask and Label."""
    features: list[Feature] = field(default_factory=list)
    others: int = 0
    """How many columns are neither."""

    def take(self, name: str, text: str, place: str) -> None:
        """Take a cell by the name of its column."""
        found = FEATURE.fullmatch(name)
        prefix = next((start for start in ABOUT if name.startswith(start)), None)
        if prefix is not None:
            self.about.setdefault(name.removeprefix(prefix), text)
        elif found is not None:
            if text:
                self.features.append(Feature(place, found["image"], found["family"], found["name"], text))
        elif name in {"Image", "Mask", "Label"}:
            self.about.setdefault(name, text)
        elif _plain(name) not in SUBJECTS:
            self.others += 1


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def is_radiomics(head: str) -> bool:
    """Whether the beginning of a file is that of PyRadiomics' output."""
    if re.match(rf'\ufeff?"?{TRANSPOSED}"?[,\t;]', head):
        return any(start in head for start in ABOUT) or FEATURE.search(head) is not None
    first = head if head.lstrip("\ufeff").lstrip().startswith(("{", "[")) else head.split("\n", 1)[0]
    return (
        "diagnostics_Versions_PyRadiomics" in first or re.search(rf'(?:^|[,\t;"]){FEATURE.pattern}', first) is not None
    )


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file; `ValueProblem` where it cannot be read."""
    if path.stat().st_size > LARGEST:
        raise ValueProblem("the file is too large", f"at most {LARGEST >> 20} MiB")
    try:
        if path.suffix.casefold() == ".json":
            yield from _json(path)
        else:
            yield from _table(path)
    except (UnicodeDecodeError, csv.Error, RecursionError, json.JSONDecodeError) as error:
        raise ValueProblem("the file cannot be read", "CSV or JSON in UTF-8 as PyRadiomics writes it") from error


def _table(path: Path) -> Iterator[Case]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        first = handle.readline()
        handle.seek(0)
        delimiter = max(",\t;", key=first.count)
        rows = csv.reader(handle, delimiter=delimiter)
        header = next(rows, [])
        if header and header[0] == TRANSPOSED:
            yield from _transposed(header, rows)
            return
        names = {_plain(name): at for at, name in reversed(list(enumerate(header)))}
        subject = next((names[name] for name in SUBJECTS if name in names), None)
        for number, row in enumerate(rows, 2):
            if not any(row):
                continue
            case = Case(f"R{number}", row[subject].strip() if subject is not None and subject < len(row) else "")
            for at, (name, text) in enumerate(zip(header, row, strict=False), 1):
                case.take(name.strip(), text.strip(), f"R{number}C{at}")
            yield case


def _transposed(header: list[str], rows: Iterator[list[str]]) -> Iterator[Case]:
    """Cases in columns: the subject is the test case that was configured, else the name of the column."""
    cases = [Case(f"C{at}", name.strip()) for at, name in enumerate(header[1:], 2)]
    for number, row in enumerate(rows, 2):
        if number * len(cases) > MOST_CELLS:
            raise ValueProblem("the table is too large", f"at most {MOST_CELLS} cells with features in rows")
        for at, (case, text) in enumerate(zip(cases, row[1:], strict=False), 2):
            case.take(row[0].strip(), text.strip(), f"R{number}C{at}")
    for case in cases:
        case.subject = case.about.get("Configuration_TestCase") or case.subject
        yield case


def _json(path: Path) -> Iterator[Case]:
    document = json.loads(path.read_text(encoding="utf-8-sig"))
    found = document if isinstance(document, list) else [document]
    for at, item in enumerate(found, 1):
        if not isinstance(item, dict):
            raise ValueProblem("a case is no object", "an object of features by name, or a list of them")
        names = {_plain(name): name for name in reversed(list(item))}
        subject = next((item[names[name]] for name in SUBJECTS if name in names), "")
        case = Case(f"[{at}]", str(subject).strip() if isinstance(subject, str | int) else "")
        for name, value in item.items():
            case.take(name, _as_text(value), f"[{at}]/{name}"[:200])
        yield case


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return "" if value is None else repr(value)


def number_text(text: str) -> str:
    """A number as text, out of what numpy wraps it in.

    >>> number_text("array(5.5)"), number_text("[2.0]"), number_text("1e-3")
    ('5.5', '2.0', '1e-3')
    """
    found = WRAPPED.fullmatch(text)
    return (found[1] if found else text).strip("[] ")


def numbers_in(text: str) -> tuple[float, ...]:
    """The numbers of a tuple as Python writes it; none where it is no tuple of finite numbers.

    >>> numbers_in("(162, 84, 11, 47, 70, 7)")
    (162.0, 84.0, 11.0, 47.0, 70.0, 7.0)
    """
    parts = text.strip().strip("()[]").split(",")
    try:
        values = tuple(float(part) for part in parts if part.strip())
    except ValueError:
        return ()
    return values if all(math.isfinite(value) for value in values) else ()


def settings_of(about: Mapping[str, str]) -> tuple[str, str]:
    """The settings as text for people, and the hash of all of the configuration but for the image type.

    Settings are written as Python writes them; how they are ordered makes no difference.
    """
    said = {name: _parsed(about.get(f"Configuration_{name}", "")) for name in ("Settings", "EnabledImageTypes")}
    versions = {name: text for name, text in about.items() if name.startswith("Versions_") and text}
    whole = json.dumps([said, versions], sort_keys=True, default=repr)
    settings = said["Settings"]
    shown = settings if isinstance(settings, dict) else {}
    text = ", ".join(
        f"{name}={value}"
        for name, value in sorted(shown.items(), key=lambda item: str(item[0]))
        if value is not None and re.fullmatch(r"\w{1,40}", str(name)) and not isinstance(value, dict)
    )
    return text[:1000], hashlib.sha256(whole.encode()).hexdigest()[:16]


def plane_of(about: Mapping[str, str]) -> int | None:
    """The dimension across the plane that features of two dimensions are of; 0 is that between slices, so the image.

    None where the settings do not say it.
    """
    settings = _parsed(about.get("Configuration_Settings", ""))
    found = settings.get("force2Ddimension") if isinstance(settings, dict) else None
    return found if isinstance(found, int) else None


def _parsed(text: str) -> Any:
    """Settings as a Python or JSON value; the text where they are none."""
    if len(text) > 100_000:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
