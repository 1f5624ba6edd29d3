"""Concepts by the words of their names: in any order, with other endings, and with a word that goes without saying.

A cell such as ``left.upper.lobe`` has the words of *Upper Lobe of the Left Lung* but for *lung*; ``IDC of breast``
those of *Invasive Ductal Breast Carcinoma* with its abbreviation written out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

from mappings.words import words
from ontology.prefixes import Curie
from ontology.terminology import terms

__all__ = ["DISEASE", "NEGATIONS", "SIDES", "bag", "by_words", "named_so"]

CODES = ("ncit:", "radlex:", "dcm:", "sct:")
NEGATIONS = frozenset({"not", "non", "no", "never", "without", "negative", "un", "absent"})
"""Words that turn what the others say into its opposite."""
SIDES = frozenset({"left", "right", "bilateral", "midline", "paramedian"})
DISEASE = frozenset(
    {"carcinoma", "neoplasm", "adenocarcinoma", "sarcoma", "lymphoma", "melanoma", "tumor", "cancer", "metastasis"}
)
"""Words of diseases, which name no place of the body."""
EXTRA = 1
"""Words that a label may have beside those of a cell."""
SAME: Mapping[str, str] = {"cancer": "carcinoma"}
"""Words that name the same in names of diseases."""
ADJECTIVES: Mapping[str, str] = {
    "esophageal": "esophagus",
    "gastric": "stomach",
    "hepatic": "liver",
    "mammary": "breast",
    "ovarian": "ovary",
    "pancreatic": "pancreas",
    "prostatic": "prostate",
    "pulmonary": "lung",
    "rectal": "rectum",
    "renal": "kidney",
    "uterine": "uterus",
    "vesical": "bladder",
}
"""Adjectives of organs, which stand for them in names of diseases."""


@lru_cache(maxsize=1 << 16)
def bag(text: str) -> frozenset[str]:
    """The words of a cell or label without order: abbreviations written out, one word for cancer and carcinoma.

    >>> sorted(bag("left.upper.lobe")), sorted(bag("Ewing`s Sarcoma")) == sorted(bag("Ewing Sarcoma"))
    (['left', 'lobe', 'upper'], True)
    """
    plain = text.replace("`", "'").replace("\u2019", "'").replace(".", " ")
    return frozenset(SAME.get(word, ADJECTIVES.get(word, word)) for word in words(plain))


@cache
def _index() -> tuple[Mapping[frozenset[str], tuple[tuple[Curie, str], ...]], Mapping[str, tuple[frozenset[str], ...]]]:
    """The bundled concepts by their bags, those of labels first, and the bags by word."""
    found: defaultdict[frozenset[str], list[tuple[Curie, str]]] = defaultdict(list)
    held: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    concepts = [item for item in terms().values() if item.curie.startswith(CODES)]
    named = [(item.label, item) for item in concepts] + [(text, item) for item in concepts for text in item.synonyms]
    for text, item in named:
        if said := bag(text):
            found[said].append((item.curie, item.label))
    for said in found:
        for word in said:
            held[word].append(said)
    return (
        {said: tuple(dict.fromkeys(items)) for said, items in found.items()},
        {word: tuple(bags) for word, bags in held.items()},
    )


def named_so(text: str) -> tuple[Curie, ...]:
    """The concepts of which label or synonym has just the words of a text, in any order."""
    said = bag(text)
    return tuple(term for term, _ in _index()[0].get(said, ())) if any(len(word) > 2 for word in said) else ()


def by_words(text: str, context: Iterable[str] = ()) -> Iterator[tuple[Curie, str, float, str]]:
    """Concepts with the words of a text: term, label, score and reason. Words of ``context`` go without saying.

    >>> [label for _, label, _, _ in by_words("right lower lobe", ["lung"])][:1]
    ['Lower Lobe of the Right Lung']
    """
    said = bag(text)
    if not said or all(len(word) < 3 for word in said):
        return
    index, held = _index()
    for term, label in index.get(said, ()):
        yield term, label, 0.78, "its label or synonym in other order"
    given = frozenset(context)
    rarest = min(said, key=lambda word: len(held.get(word, ())))
    wider = [other for other in held.get(rarest, ()) if said < other and not (other - said) & NEGATIONS]
    for other in wider:
        if other - said <= given:
            for term, label in index[other]:
                yield term, label, 0.74, f"its label with {', '.join(sorted(other - said))}, which the table is about"
    near = [other for other in wider if len(other - said) <= EXTRA and not other - said <= given]
    found = list(dict.fromkeys(item for other in near for item in index[other]))
    if 0 < len(found) <= 3:
        for term, label in found:
            yield term, label, 0.66 if len(found) == 1 else 0.56, f"one word less than {label!r}"
