"""The words of a column's name: cut apart, abbreviations written out, folded, so that names can be compared.

Abbreviations that clinical tables commonly use are in ``mappings/abbreviations.tsv``, words that tell little in
``mappings/words.tsv``.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Collection
from functools import cache
from importlib.resources import files

__all__ = ["KEPT", "abbreviations", "fold", "pieces", "shifting_words", "stop_words", "weak_words", "words"]


@cache
def _table(name: str) -> list[dict[str, str]]:
    with files("mappings").joinpath(name).open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def _of_kind(kind: str) -> frozenset[str]:
    return frozenset(row["word"] for row in _table("words.tsv") if row["kind"] == kind)


@cache
def stop_words() -> frozenset[str]:
    """Words that say nothing of what a column holds."""
    return _of_kind("stop")


@cache
def weak_words() -> frozenset[str]:
    """Words that stand in names of every kind of column, so that they tell little apart."""
    return _of_kind("weak")


@cache
def shifting_words() -> frozenset[str]:
    """Words that make a column speak of something beside what the others name: how, when, whether, why."""
    return _of_kind("shifting")


BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z]{3})")
KEPT = re.compile(r"\b(her2|ki67|p16|p53|tp53|idh[12]|fev1|pdl1|1p19q|brca[12]|ca125|ca19)(?![a-z])", re.IGNORECASE)
"""Names of genes, markers and tests whose digits belong to them."""
CATEGORY = re.compile(r"(y?[pc])([TNM])")
"""A TNM category with its prefix as it is always written: *pT* is no patient."""
GLUED = re.compile(r"\b(ki|pd|ca|her|bi)[\s_-]+(67|l1|125|2|rads)\b", re.IGNORECASE)
MIXED = re.compile(r"([A-Z]{2,})([a-z]{3,})")
SHORTEST = 3
"""Letters of the shortest word that is looked for within a compound."""


@cache
def abbreviations() -> dict[str, str]:
    """Words by abbreviation or other spelling."""
    return {row["short"]: row["words"] for row in _table("abbreviations.tsv")}


def fold(text: str) -> str:
    """A cell or name for comparison: compatible characters made one, no case, single blanks.

    >>> fold("\\uff2d-Stage "), fold("Not\\u00a0 Hispanic")
    ('m-stage', 'not hispanic')
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def pieces(text: str, known: Collection[str] = ()) -> list[str]:
    """The pieces of a name as it is written, folded: cut at signs, at capitals and where digits begin.

    >>> pieces("Survival_from_surgery_days"), pieces("PatientSex"), pieces("Ki-67 index"), pieces("LD_T0")
    (['survival', 'from', 'surgery', 'days'], ['patient', 'sex'], ['ki67', 'index'], ['ld', 't', '0'])
    """
    text = unicodedata.normalize("NFKC", text).replace("_", " ")
    text = GLUED.sub(r"\1\2", text)
    found: list[str] = []
    for token in re.findall(r"[A-Za-z0-9]+|%", text.replace("'s", "")):
        if category := CATEGORY.fullmatch(token):
            found.append(f"{category[1]}-{category[2].lower()}")
            continue
        whole = token.casefold()
        kept = KEPT.fullmatch(token) or whole in abbreviations() or whole in known
        found += [whole] if kept else [piece.casefold() for piece in _cut(token, known)]
    return found


def _cut(token: str, known: Collection[str]) -> list[str]:
    """A token at its capitals and digits; ``SBRgrade`` before its small letters where those are a known word."""
    mixed = MIXED.fullmatch(token)
    if mixed and (mixed[2] in known or mixed[2] in abbreviations()):
        return [mixed[1], mixed[2]]
    return BOUNDARY.split(token)


def words(text: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """The words that a name means: abbreviations written out, compounds of ``known`` words cut, no stop words.

    >>> words("pt_wt"), words("pT"), words("dx_date"), words("maximumdiameter", {"maximum", "diameter"})
    (('patient', 'weight'), ('p-t',), ('diagnosis', 'date'), ('maximum', 'diameter'))
    """
    meant: list[str] = []
    for piece in pieces(text, known):
        for part in _parts(piece, known):
            for word in abbreviations().get(part, part).split():
                single = _singular(word)
                if single not in stop_words():
                    meant.append(single)
    return tuple(meant)


def _parts(piece: str, known: Collection[str]) -> list[str]:
    """A piece, or the two known words of which it is made."""
    if len(piece) < 4 or piece in known or piece in abbreviations() or _singular(piece) in known:
        return [piece]
    short = abbreviations()
    for at in range(2, len(piece) - 1):
        left, right = piece[:at], piece[at:]
        whole = min(len(left), len(right)) >= SHORTEST
        if whole and all(part in known or part in short for part in (left, right)):
            return [left, right]
        if not whole and left in short and right in short and len(piece) <= 6:
            return [left, right]
    return [piece]


def _singular(word: str) -> str:
    """A word without the s of its plural.

    >>> _singular("lesions"), _singular("status"), _singular("diagnosis"), _singular("days")
    ('lesion', 'status', 'diagnosis', 'day')
    """
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word
