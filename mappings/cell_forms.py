"""The forms in which a cell may be written: simplified texts, and the usual ways of stages and grades."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mappings.words import words
from ontology.terms import ncit, radlex

__all__ = ["forms", "numbered", "polar", "squeezed", "stage_label"]


def squeezed(text: str) -> str:
    """The letters, digits and signs of a text.

    >>> squeezed("pre-menopausal"), squeezed("hr + / her2 -")
    ('premenopausal', 'hr+her2-')
    """
    if re.search(r"[a-z]\s*[+-](?![a-z])|^[+-]", text):
        return re.sub(r"[^a-z0-9+-]", "", text)
    return re.sub(r"[^a-z0-9]", "", text)


def forms(text: str) -> list[str]:
    """A text in simpler forms, the nearest first: without brackets, without *NOS*, with abbreviations written out.

    >>> forms("chronic lymphocytic leukemia (cll)")
    ['chronic lymphocytic leukemia (cll)', 'chronic lymphocytic leukemia', 'cll']
    """
    bare = " ".join(re.sub(r"[(\[].*?(?:[)\]]|$)", " ", text).split())
    found = [text, bare, re.sub(r",?\s*(?:nos|not otherwise specified)\b", "", bare).strip()]
    found += [part.strip() for part in re.findall(r"\(([^()]*)\)", text)]
    found.append(re.sub(r"^\S{1,3}\s*[:=.]\s*", "", bare))
    found.append(" ".join(re.sub(r"[_.`\u2019]+", " ", bare).split()))
    if len(text) < 60:
        found.append(" ".join(words(bare)))
    return [form for form in dict.fromkeys(found) if form]


POSITIVE = frozenset({"pos", "positive", "+", "yes", "y", "true", "amplified", "1"})
NEGATIVE = frozenset({"neg", "negative", "-", "no", "n", "false", "not amplified", "0"})
STATUS = re.compile(r"\s*(?:status|measurement|gene|assessment)\b.*$", re.IGNORECASE)


def polar(target: str, text: str) -> tuple[str, ...]:
    """The labels of what a positive or negative answer says of a status; none where it is no such answer.

    >>> polar("Estrogen Receptor Status", "pos"), polar("Sex", "male")
    (('Estrogen Receptor Positive',), ())
    """
    about = STATUS.sub("", target)
    if not target.casefold().endswith("status") or not about:
        return ()
    return (f"{about} Positive",) if text in POSITIVE else (f"{about} Negative",) if text in NEGATIVE else ()


ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
STAGED: Mapping[str, tuple[re.Pattern[str], str]] = {
    ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING: (re.compile(r"[ypc]*\s*t?\s*([0-4][a-d]?|x|is)"), "t{} stage finding"),
    ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING: (re.compile(r"[ypc]*\s*n?\s*([0-3][a-d]?|x)"), "n{} stage finding"),
    ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING: (re.compile(r"[ypc]*\s*m?\s*([01][a-d]?|x)"), "m{} stage finding"),
    ncit.HISTOLOGIC_GRADE: (re.compile(r"(?:g|grade|isup|who)?\s*([1-4]|i{1,3}|iv)(?:\s*\(.*)?"), "grade {}"),
    ncit.DISEASE_STAGE_QUALIFIER: (re.compile(r"(?:stage)?\s*(0|i{1,3}v?|iv|i{1,3}[abc]\d?|iv[abc])"), "stage {}"),
    ncit.ECOG_PERFORMANCE_STATUS: (
        re.compile(r"(?:ecog|ps|grade)?\s*([0-5])(?:\s*[:=(-].*)?"),
        "ecog performance status {}",
    ),
    radlex.BI_RADS_ASSESSMENT: (re.compile(r"(?:bi-?rads)?\s*([0-6])(?:\s*:.*)?"), "bi-rads {}"),
}
"""The ways in which stages and grades are written, and the label of the concept."""


def numbered(key: str, texts: Mapping[str, str]) -> bool:
    """Whether the codes of a column count a scale's grades: from 0 on, and what they mean tells no grade itself.

    >>> numbered("ncit:C105721", {"0": "asymptomatic", "1": "fully ambulatory"}), numbered("ncit:C18000", {"1": "ii"})
    (True, False)
    """
    return key in STAGED and "0" in texts and not any(stage_label(key, text) for text in texts.values())


def stage_label(key: str, text: str) -> str | None:
    """The label of a stage, grade or category as it is commonly written; None where it is none.

    >>> stage_label("ncit:C48885", "pt2"), stage_label("ncit:C18000", "iii (high)")
    ('t2 stage finding', 'grade 3')
    """
    pattern, label = STAGED.get(key, (None, ""))
    hit = pattern.fullmatch(text) if pattern else None
    if hit is None:
        return None
    return label.format(ROMAN.get(hit[1], hit[1]) if label.startswith("grade") else hit[1])
