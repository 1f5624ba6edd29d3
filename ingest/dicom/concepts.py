"""What the attributes of a series mean: concepts by the table ``concepts.tsv``.

A concept is given only where it is sure; otherwise the field stays empty and the attribute itself tells.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ingest.dicom.header import Elements
from ingest.gate.forms import CODED, identifier_in
from ontology.prefixes import Curie
from ontology.terms import dcm

__all__ = [
    "Meaning",
    "body_part_of",
    "contrast_of",
    "date_of",
    "meanings",
    "modality_named",
    "modality_of",
    "radionuclide_of",
    "regions_of",
    "stain_of",
    "time_of",
    "tracer_of",
    "triplets_of",
    "uptake_of",
]

MODALITIES = frozenset(value for value in vars(dcm).values() if isinstance(value, str))
OF_CLASSES = {
    f"1.2.840.10008.5.1.4.1.1.{end}": modality
    for modality, ends in {
        "CT": ("2", "2.1", "2.2"),
        "MR": ("4", "4.1", "4.2", "4.4"),
        "NM": ("20",),
        "PT": ("128", "128.1", "130"),
        "RTDOSE": ("481.2",),
        "RTPLAN": ("481.5",),
        "RTSTRUCT": ("481.3",),
        "SEG": ("66.4", "66.7"),
        "SM": ("77.1.6",),
        "US": ("3.1", "6.1"),
    }.items()
    for end in ends
}
"""The modality of SOP classes (PS3.4 B.5) that have one only."""
LONGEST_UPTAKE = 6 * 60
SCHEMES = {"SNM3": "SRT", "99SDM": "SRT"}
"""Designators of old for one scheme."""
USING_SUBSTANCE = {"SCT:424361007", "SRT:G-C350"}
"""What a step of preparing a specimen names its stain by (PS3.16 TID 8003)."""
NO_CONTRAST = {"none", "no", "non", "without", "unenhanced", "n a", "na"}


class Meaning(NamedTuple):
    """A row of ``concepts.tsv``: a concept, the codes and the words that surely mean it.

    Codes that are joined by ``+`` mean it together.
    """

    field: str
    concept: Curie
    codes: tuple[str, ...]
    words: tuple[str, ...]


@cache
def meanings(field: str) -> tuple[Meaning, ...]:
    """The rows for ``tracer``, ``radionuclide``, ``body_part``, ``contrast`` or ``stain``."""
    with files("ingest").joinpath("dicom/concepts.tsv").open(encoding="utf-8") as table:
        return tuple(
            Meaning(field, Curie(row["concept"]), _listed(row["codes"]), _listed(row["words"]))
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row["field"] == field
        )


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split("|")))


@cache
def _by_code(field: str) -> dict[str, Curie]:
    return {code.upper(): row.concept for row in meanings(field) for code in row.codes}


def words_of(text: str) -> str:
    """Text as lower-case words and numbers, by which names of agents are compared.

    >>> words_of("[18F]FDG -- fluorodeoxyglucose")
    '18 f fdg fluorodeoxyglucose'
    """
    return " ".join(re.findall(r"[a-z]+|\d+", text.lower()))


def _coded(field: str, items: Iterable[Elements]) -> Curie | None:
    """The concept of the first item of a code sequence (PS3.3 8.8) whose code the table holds."""
    return next((concept for item in items if (concept := _by_code(field).get(_code_of(item)))), None)


def _code_of(item: Elements) -> str:
    """The code of an item as the table writes it, in upper case."""
    scheme, code = item.text("CodingSchemeDesignator").upper(), item.text("CodeValue").upper()
    return f"{SCHEMES.get(scheme, scheme)}:{code}"


def _named(field: str, text: str) -> Curie | None:
    """The one concept whose words stand in a text; None where there is none, or more than one."""
    padded = f" {words_of(text)} "
    found = {row.concept for row in meanings(field) if any(f" {word} " in padded for word in row.words)}
    return found.pop() if len(found) == 1 else None


def triplets_of(items: Iterable[Elements]) -> str | None:
    """The triplets of a code sequence as found, without a meaning that may identify; None where there are none."""
    found = [(item.text("CodeValue"), item.text("CodingSchemeDesignator"), item.text("CodeMeaning")) for item in items]
    told = [f"{code}|{scheme}|{'' if identifier_in(text, CODED) else text}" for code, scheme, text in found if code]
    return " + ".join(dict.fromkeys(told)) or None


def modality_of(text: str) -> Curie | None:
    """The DICOM controlled term of a modality (PS3.16 CID 29)."""
    concept = Curie(f"dcm:{text}")
    return concept if concept in MODALITIES else None


def modality_named(texts: Iterable[str], sop_classes: Iterable[str]) -> str:
    """The one modality that a series states, or that its SOP class has; empty where neither is."""
    stated = {*texts} or {OF_CLASSES.get(name, "") for name in sop_classes}
    return stated.pop() if len(stated) == 1 else ""


def tracer_of(items: tuple[Elements, ...]) -> Curie | None:
    """The tracer of a Radiopharmaceutical Information Sequence (PS3.3 C.8.9.2): by its code, else by its name."""
    for item in items:
        coded = item.items.get("RadiopharmaceuticalCodeSequence", ())
        texts = [item.text("Radiopharmaceutical"), *(code.text("CodeMeaning") for code in coded)]
        named = next((concept for text in texts if (concept := _named("tracer", text))), None)
        if concept := _coded("tracer", coded) or named:
            return concept
    return None


def radionuclide_of(items: tuple[Elements, ...]) -> tuple[Curie | None, str | None]:
    """The radionuclide of a Radiopharmaceutical Information Sequence (PS3.3 C.8.9.2), and its code as found."""
    coded = [code for item in items for code in item.items.get("RadionuclideCodeSequence", ())]
    named = (concept for code in coded if (concept := _named("radionuclide", code.text("CodeMeaning"))))
    return _coded("radionuclide", coded) or next(named, None), triplets_of(coded)


def stain_of(specimens: tuple[Elements, ...]) -> tuple[Curie | None, str | None]:
    """The staining of the specimens of a slide (PS3.3 C.7.6.22), and the codes of its substances as found.

    The concept is that of all substances together: of hematoxylin and eosin, not of either.
    """
    steps = [step for one in specimens for step in one.items.get("SpecimenPreparationSequence", ())]
    said = [item for step in steps for item in step.items.get("SpecimenPreparationStepContentItemSequence", ())]
    stains = [
        code
        for item in said
        if any(_code_of(name) in USING_SUBSTANCE for name in item.items.get("ConceptNameCodeSequence", ()))
        for code in item.items.get("ConceptCodeSequence", ())
    ]
    together = {frozenset(codes.split("+")): concept for codes, concept in _by_code("stain").items()}
    return together.get(frozenset(map(_code_of, stains))), triplets_of(stains)


def regions_of(specimens: tuple[Elements, ...]) -> tuple[Elements, ...]:
    """The codes of the anatomic structures that the specimens of a slide were taken from."""
    return tuple(code for one in specimens for code in one.items.get("PrimaryAnatomicStructureSequence", ()))


def body_part_of(regions: tuple[Elements, ...], examined: str) -> Curie | None:
    """The body part of the Anatomic Region Sequence, else of Body Part Examined (PS3.16 Annex L)."""
    words = words_of(examined)
    named = next((row.concept for row in meanings("body_part") if words in row.words), None)
    return _coded("body_part", regions) or named


def contrast_of(agents: tuple[Elements, ...], agent: str) -> tuple[bool, Curie | None]:
    """Whether a contrast agent is stated as given, and which where that is sure (PS3.3 C.7.6.4)."""
    concept = _coded("contrast", agents) or _named("contrast", agent)
    return bool(concept or agents) or bool(agent and words_of(agent) not in NO_CONTRAST), concept


def date_of(text: str) -> dt.date | None:
    """A DA value (PS3.5 6.2), also in the retired form ``1997.06.09``; None where it is no date.

    >>> date_of("1997.06.09"), date_of("19970631")
    (datetime.date(1997, 6, 9), None)
    """
    match = re.match(r"(\d{4})(\.?)(\d{2})\2(\d{2})", text)
    try:
        return dt.date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


def time_of(text: str) -> Decimal | None:
    """A TM value as seconds after midnight, also in the retired form ``10:35:00``; None where it is no time.

    >>> time_of("103500.5"), time_of("1035"), time_of("noon")
    (Decimal('38100.5'), Decimal('38100'), None)
    """
    match = re.fullmatch(r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(\.\d{1,6})?)?)?", text.replace(":", ""))
    if match is None:
        return None
    hours, minutes, seconds, fraction = (part or "0" for part in match.groups())
    return Decimal(3600 * int(hours) + 60 * int(minutes) + int(seconds)) + Decimal(fraction)


def uptake_of(pharmaceutical: Elements, acquired: tuple[dt.date, Decimal] | None) -> Decimal | None:
    """Minutes from the injection to the earliest acquisition of the series (PS3.3 C.8.9.2).

    The start date counts where the date-time is given and agrees with the acquisition; de-identified files often
    shift only one of the two, so otherwise the clock times are compared, past midnight where need be. A result that
    is negative or above six hours is an error in the file: None.
    """
    if acquired is None:
        return None
    date, clock = acquired
    stamp = pharmaceutical.text("RadiopharmaceuticalStartDateTime")
    started = time_of(pharmaceutical.text("RadiopharmaceuticalStartTime"))
    started = time_of(re.sub(r"[+-]\d{4}$", "", stamp[8:])) if started is None else started
    if started is None or (started == 0 and clock == 0):
        return None  # both at midnight: clock times were blanked
    start_date = date_of(stamp)
    days = (date - start_date).days if start_date else -1
    seconds = clock - started + (86400 * days if days in (0, 1) else 86400 * (clock < started))
    minutes = (seconds / 60).quantize(Decimal("0.01"))
    return minutes if 0 <= minutes <= LONGEST_UPTAKE else None
