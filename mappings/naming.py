"""How well texts of a column fit the known names: words weighed by how much they tell apart, misspellings allowed."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from mappings.knowledge import Knowledge, Name
from mappings.words import KEPT, abbreviations, shifting_words, weak_words, words
from ontology.prefixes import Curie

__all__ = ["Fit", "Naming"]

ALIKE = 86.0
"""The similarity of two words, in percent, from which one may be a misspelling of the other."""
SHORT = 5
"""Words of fewer letters are compared exactly."""
UNKNOWN = 0.9
"""The weight of a word that stands in no known name: the column speaks of something else too."""
COMMON = 0.35
"""The weight left to a word that stands in many columns of the table."""
FEW = 6
"""Tables of fewer columns have no common words."""

OPAQUE = re.compile(r"[A-Za-z]{1,3}\d{0,2}[A-Za-z]?\d{1,3}[A-Za-z]{0,2}")
"""The form of a form's numbering, such as ``a0e11`` or ``F1e5d``."""
MOMENT = re.compile(
    r"(?<=[A-Za-z0-9)\]])[\s_.,-]+(?:at|after|before|since|during|following|prior to|from|of|among)[\s_.-]+",
    re.IGNORECASE,
)
"""What precedes the moment at which something holds: *age at surgery*."""
MOMENT_WEIGHT = 0.4
SECTION = re.compile(r"(?<=\S)\s+[-\u2013\u2014]\s+(?=\S)|(?<=\S):\s+(?=\S)")
"""What parts the sections of a label, from the form's heading to what is asked: *Assessment 1 - Lung - SUV peak*."""
SECTION_WEIGHT = 0.4
"""The weight of a word of the headings: they say where and in what part, the last section says what."""
WEAKEST = 0.3
"""The weight up to which a word tells too little to name anything alone."""
SHIFT = 1.1
"""The weight of a word that shifts what the others mean."""


def _numbering(text: str) -> bool:
    """Whether a name is a form's numbering; a marker's name such as IDH1 is not."""
    return bool(OPAQUE.fullmatch(text)) and not (
        KEPT.fullmatch(text) or re.sub(r"\d+$", "", text).casefold() in abbreviations()
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a name fits, from 0 to 1, and what was compared."""

    score: float
    name: Name
    text: str


class Naming:
    """The known names, ready to be compared with texts."""

    def __init__(self, knowledge: Knowledge) -> None:
        plain_words = {word for name in knowledge.names for word in words(name.text)}
        self.known = {word for word in plain_words if len(word) > 2}
        self._names: list[tuple[Name, tuple[str, ...]]] = []
        seen: set[tuple[str, Curie | None, tuple[str, ...]]] = set()
        for name in knowledge.names:
            said = tuple(dict.fromkeys(words(name.text, self.known)))
            if said and not _numbering(name.text) and (key := (name.target, name.element, said)) not in seen:
                seen.add(key)
                self._names.append((name, said))
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, (_, said) in enumerate(self._names):
            for word in said:
                self._holders[word].append(number)
        self._weights = self._weighed()
        self._held: dict[str, float] = {}
        self._long = [word for word in self._holders if len(word) >= SHORT]
        self._begun: defaultdict[str, list[str]] = defaultdict(list)
        for word in self._long:
            self._begun[word[:SHORT]].append(word)
        self._near: dict[str, dict[str, float]] = {}
        self._whole = [sum(map(self.weight, said)) for _, said in self._names]

    def _weighed(self) -> dict[str, float]:
        """The weight of each word: rare ones tell more. Targets count, not names."""
        targets: defaultdict[str, set[str]] = defaultdict(set)
        for name, said in self._names:
            for word in said:
                targets[word].add(name.target)
        total = math.log(1 + len({name.target for name, _ in self._names}))
        return {word: 0.35 + 0.65 * (1 - math.log(1 + len(holders)) / total) for word, holders in targets.items()}

    def weight(self, word: str) -> float:
        """How much a word tells."""
        held = self._held.get(word)
        if held is None:
            held = self._held[word] = self._weight(word)
        return held

    def _weight(self, word: str) -> float:
        if word.isdigit():
            return 0.1
        if word in weak_words():
            return 0.25
        told = self._weights.get(word, UNKNOWN if len(word) > 1 else 0.3)
        return max(told, SHIFT) if word in shifting_words() else told

    def common(self, texts: Sequence[str]) -> frozenset[str]:
        """The words that stand in many of the columns' names, so that they tell little within the table."""
        counted = Counter(word for text in texts for word in set(words(text, self.known)))
        few = len(texts) < FEW
        return frozenset(word for word, count in counted.items() if not few and count > 0.4 * len(texts))

    def fits(
        self, text: str, common: frozenset[str] = frozenset(), *, answered: bool = False
    ) -> dict[tuple[str, Curie | None], Fit]:
        """The best fit of each target, and of each data element below it, by a text; ``answered`` as in `_asked`."""
        if _numbering(text):
            return {}
        said = tuple(dict.fromkeys(words(text, self.known)))
        if not said:
            return {}
        weights = self._within(text, said, common, answered=answered)
        hits: defaultdict[int, dict[str, tuple[str, float]]] = defaultdict(dict)
        for word in said:
            for near, similarity in self._alike(word).items():
                for number in self._holders[near]:
                    held = hits[number].get(near)
                    if held is None or held[1] < similarity:
                        hits[number][near] = (word, similarity)
        total = sum(weights.values())
        best: dict[tuple[str, Curie | None], Fit] = {}
        for number, matched in hits.items():
            name, _ = self._names[number]
            score = self._score(self._whole[number], weights, total, matched)
            for key in {(name.target, None), (name.target, name.element)}:
                if key not in best or best[key].score < score:
                    best[key] = Fit(score, name, text)
        return best

    def _within(self, text: str, said: Sequence[str], common: frozenset[str], *, answered: bool) -> dict[str, float]:
        """The weight of each word in its text: less for what is common to the table, a moment or a heading."""
        before = set(words(MOMENT.split(text, maxsplit=1)[0], self.known))
        asked = set(words(self._asked(text, answered=answered), self.known)) | shifting_words()
        return {
            word: self.weight(word)
            * (COMMON if word in common else 1.0)
            * (1.0 if word in before else MOMENT_WEIGHT)
            * (1.0 if word in asked else SECTION_WEIGHT)
            for word in said
        }

    def _asked(self, text: str, *, answered: bool) -> str:
        """The section that says what is asked: the last that tells anything, *lab value* does not.

        Where the cells are yes and no (``answered``) the last section is one answer of a list, and those before ask.
        """
        sections = SECTION.split(text)
        if answered and len(sections) > 1:
            return text
        telling = [part for part in sections if any(self.weight(word) > WEAKEST for word in words(part, self.known))]
        return telling[-1] if telling else text

    def _score(
        self, whole: float, weights: Mapping[str, float], total: float, matched: Mapping[str, tuple[str, float]]
    ) -> float:
        """The geometric mean of the share of the name that is in the text, and of the text that is in the name."""
        covered = sum(self.weight(near) * similarity for near, (_, similarity) in matched.items())
        used: dict[str, float] = {}
        for word, similarity in matched.values():
            used[word] = max(used.get(word, 0.0), similarity)
        said = sum(weights[word] * similarity for word, similarity in used.items())
        return math.sqrt(covered / whole * said / total) if whole and total else 0.0

    def _alike(self, word: str) -> dict[str, float]:
        """The known words that a word may be, with similarity from 0 to 1."""
        found = self._near.get(word)
        if found is None:
            found = self._near[word] = self._looked_up(word)
        return found

    def _looked_up(self, word: str) -> dict[str, float]:
        found = {word: 1.0} if word in self._holders else {}
        if len(word) < SHORT or word.isdigit():
            return found
        for near, ratio, _ in process.extract(word, self._long, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=3):
            found.setdefault(near, ratio / 100)
        for near in self._begun.get(word[:SHORT], ()):
            shared = _shared(word, near)
            if near not in found and shared >= 0.6 * max(len(word), len(near)):
                found[near] = 0.85
        return found


def _shared(one: str, other: str) -> int:
    """How many letters two words begin with in common."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
