"""The gate for tables: columns that hold identifiers of persons, by their header and by the form of their cells.

The kinds are those of the HIPAA safe harbor, 45 CFR 164.514(b)(2)(i)(A) to (R). A column that is read by a table map is
looked at as a whole before any of its cells passes. What is found is told by the column's name, the kind and a number,
never by a cell. The same table stands in ``docs/deidentification.md``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.gate.forms import PATTERNS
from ontology.records import Reject

__all__ = ["IDENTIFIERS", "Identifier", "Watch", "header_kind", "quarantined", "shown", "value_kind"]

PERSON = rf"{PATTERNS['person'][1]}|{PATTERNS['named'][1]}"
STREET = (
    r"(?-i:\b\d{1,5} (?:[A-Z][a-z]+\.? ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Square)\b)"
)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A kind of identifier: what it is called, and the expressions that find it in headers and in cells."""

    paragraph: str
    """The letter of 45 CFR 164.514(b)(2)(i) that names it."""
    called: str
    header: str
    """Searched in the words of a header: lower case, single blanks, no punctuation."""
    cell: str = ""
    """Searched in a cell; empty where cells of the kind have no form of their own."""


NUMBER = r"(?:numbers?|no|nr|num|id|ids|identifiers?|code)"

PLAN = r"health ?plan|insurance|beneficiary|member|policy|medicare|medicaid|subscriber"

IDENTIFIERS: Final = (
    Identifier(
        "A",
        "a person's name",
        r"^names?$|\bsur ?name\b|\binitials\b|\b(?:first|last|middle|maiden|family|given|full|patient|pat|pt|subject|"
        r"contact|kin|mother(?: s)?|father(?: s)?|spouse|physician|doctor|provider|guardian)(?: s)? ?names?\b",
        PERSON,
    ),
    Identifier(
        "B",
        "a place smaller than a state",
        r"(?<!\bip )(?<!\bweb )(?<!\bmail )\baddress\b|"
        r"^(?!.*\bcountry\b).*\bresidence\b|"
        r"\b(?:street|city|town|village|county|precinct|latitude|longitude|geocode|"
        r"zip|zip ?code|post(?:al)? ?code|plz)\b",
        rf"{STREET}|(?<!\d)\d{{5}}-\d{{4}}(?!\d)|(?-i:\b[A-Z]{{2}},? \d{{5}}\b)|\bP\.? ?O\.? Box \d",
    ),
    Identifier(
        "C",
        "a date of birth",
        r"\b(?:dob|d o b|date ?of ?birth|birth ?date|birth ?day|geburtsdatum|geburtstag)\b",
    ),
    Identifier("C", "a calendar date", r"(?!)", PATTERNS["date"][1]),
    Identifier(
        "D",
        "a telephone number",
        r"\b(?:tele)?phones?\b|\bmobile\b|\bcell ?(?:phone|number)\b|\btel\b",
        PATTERNS["phone"][1],
    ),
    Identifier("E", "a fax number", r"\b(?:tele)?fax\b", r"\bfax\b[:. #]*\+?\(?\d{3}"),
    Identifier("F", "an e-mail address", r"\be ?mails?\b", PATTERNS["mail"][1]),
    Identifier("G", "a social security number", r"\bssn\b|\bsocial security\b", PATTERNS["security"][1]),
    Identifier(
        "H",
        "a medical record number",
        rf"\bmrn\b|\bmedical ?record\b|\bmed ?rec\b|\b(?:chart|patient) ?(?:number|no|nr)\b|\bhospital ?{NUMBER}\b",
        r"\b(?:MRN|medical record|chart)\b[ #:.no]*\d{4,}",
    ),
    Identifier(
        "I",
        "a health plan number",
        rf"\b(?:{PLAN}) ?{NUMBER}\b",
        rf"\b(?:{PLAN}) ?{NUMBER}?[ #:.]*[A-Z]{{0,3}}\d{{4,}}",
    ),
    Identifier(
        "J",
        "an account number",
        rf"\baccount(?: ?{NUMBER})?\b|\bbilling ?{NUMBER}\b|\biban\b",
        rf"\b(?:account|acct)\b\.? ?{NUMBER}?[ #:.]*\d{{4,}}|(?-i:\b[A-Z]{{2}}\d{{2}}(?: ?\d{{4}}){{3,7}}\b)",
    ),
    Identifier(
        "K",
        "a certificate or licence number",
        rf"\blicen[cs]e\b|\bcertificate ?{NUMBER}\b|\bpassport\b",
        rf"\b(?:licen[cs]e|certificate|passport)\b ?{NUMBER}?[ #:.]*[A-Z]{{0,3}}\d{{4,}}",
    ),
    Identifier(
        "L",
        "a vehicle identifier",
        r"\bvin\b|\bvehicle\b|\bplate ?(?:number|no)\b|\bregistration plate\b",
        r"(?-i:\b(?=[A-Z0-9]*[A-Z][A-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17}\b)"
        r"|\b(?:plate|vehicle)\b ?(?:number|no)?[ #:.]*[A-Z0-9]{2,3}[- ]?\d{3,}",
    ),
    Identifier(
        "M",
        "a device identifier",
        rf"\b(?:device|implant|pacemaker) ?(?:serial|{NUMBER})\b|\bserial ?{NUMBER}\b|\budi\b",
        r"\b(?:serial|s/n|udi)\b ?(?:number|no)?[ #:.]*[A-Z0-9-]{5,}",
    ),
    Identifier(
        "N",
        "a web address",
        r"\burls?\b|\bweb ?(?:site|page|address)\b|\bhome ?page\b",
        r"\bhttps?://|\bftp://|\bwww\.\w",
    ),
    Identifier(
        "O",
        "an IP address",
        r"\bip ?(?:address|addr)\b|\bipv[46]\b",
        r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])|\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b",
    ),
    Identifier(
        "P",
        "a biometric identifier",
        r"\bfinger ?prints?\b|\bvoice ?prints?\b|\b(?:retina|retinal|iris) scans?\b|\bbiometrics?\b",
        r"\b(?:finger|voice) ?print\b|\b(?:retina|retinal|iris) scan\b"
        r"|(?-i:(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])[A-Za-z0-9+/]{80,})",
    ),
    Identifier(
        "Q",
        "a photograph",
        r"\bphotos?\b|\bphotographs?\b|\bportraits?\b|\bfac(?:e|ial) images?\b",
        r"\.(?:jpe?g|png|gif|bmp|heic)\b|\bdata:image/",
    ),
    Identifier(
        "R",
        "another number of a person",
        rf"\b(?:national|identity|personal|citizen|tax|nhs|accession) ?{NUMBER}\b|\bidentity card\b",
        rf"\b(?:national|identity|personal|citizen|tax|nhs|accession) {NUMBER}\b[ #:.]*[A-Z]{{0,3}}\d{{4,}}",
    ),
)
"""The rules, in the order of the regulation."""

HEADERS = tuple((rule.called, re.compile(rule.header)) for rule in IDENTIFIERS)
CELLS = tuple((rule.called, re.compile(rule.cell, re.IGNORECASE)) for rule in IDENTIFIERS if rule.cell)

PLAIN = re.compile(r"[<>=~+-]{0,2}\d{0,9}(?:[.,]\d*)?(?:[eE][-+]?\d+)? ?[^\W\d_]{0,40}")
"""A number with or without a unit, or one word: most cells, quick to tell, and no identifier by its form."""

LONGEST = 2_000
"""Characters of a cell that are looked at; a longer one is refused wherever it would be stored."""


def words(header: str) -> str:
    """A header as words: lower case, single blanks, ``camelCase`` taken apart.

    >>> words("PatientName"), words("Tel.-No"), words("date_of_birth")
    ('patient name', 'tel no', 'date of birth')
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return " ".join(re.split(r"[\W_]+", apart.lower())).strip()


def header_kind(header: str) -> str | None:
    """What identifier a column is named after, or None.

    >>> header_kind("Patient's last name"), header_kind("Zip code"), header_kind("PatientID"), header_kind("Ethnicity")
    ("a person's name", 'a place smaller than a state', None, None)
    """
    said = words(header)
    return next((called for called, pattern in HEADERS if pattern.search(said)), None)


def value_kind(text: str) -> str | None:
    """What identifier a cell holds by its form, or None.

    >>> value_kind("12 Elm Street"), value_kind("10.0.0.12"), value_kind("42 mm"), value_kind("51-60")
    ('a place smaller than a state', 'an IP address', None, None)
    """
    if PLAIN.fullmatch(text):
        return None
    head = text[:LONGEST]
    return next((called for called, pattern in CELLS if pattern.search(head)), None)


def shown(name: str, number: int) -> str:
    """A column for people: by its name, or by its number where the name itself may identify somebody."""
    return f"column {number + 1}" if value_kind(name) else f"column {name!r}"


def quarantined(place: str, problem: str) -> Reject:
    """A column that is kept out (without file name)."""
    wanted = "a map without that column"
    return Reject(name="", place=place, problem=problem, wanted=wanted, quarantine=True)


@dataclass
class Watch:
    """Looks at the cells of some columns, by their numbers, and counts those that hold identifiers."""

    columns: Sequence[int]
    found: dict[int, Counter[str]] = field(default_factory=dict)
    _seen: dict[int, set[str]] = field(default_factory=dict)

    HELD: Final = 50_000

    def look(self, columns: Sequence[Sequence[str]]) -> None:
        """Look at the cells of some rows, by column; each distinct one is searched once, and counted as it stands."""
        for number in self.columns:
            seen = self._seen.setdefault(number, set())
            for text in set(columns[number]) - seen:
                if kind := value_kind(text):
                    self.found.setdefault(number, Counter())[kind] += columns[number].count(text)
                elif len(seen) < self.HELD:
                    seen.add(text)

    def distinct(self, column: int) -> frozenset[str]:
        """The cells of a column, each once; none where they are too many to be kept."""
        seen = self._seen.get(column, set())
        return frozenset(seen) if len(seen) < self.HELD else frozenset()

    def kinds(self) -> Iterator[tuple[int, str]]:
        """Each column that holds identifiers, and what was found in it, as text."""
        for number, kinds in sorted(self.found.items()):
            called = ", ".join(f"{count} cells look like {kind}" for kind, count in sorted(kinds.items()))
            yield number, called
