"""Which column says whether an outcome happened: pairs of a survival time and a status, by their names and cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mappings.profile import Column
from mappings.suggest import Advice
from mappings.words import abbreviations, fold, pieces, words
from ontology.terms import ncit

__all__ = ["Event", "event_of"]

DEATH = re.compile(r"dead|deceased|died|death|expired|dod|died of disease")
LIVING = re.compile(
    r"alive|living|censored|ned|awd|no evidence of disease|alive with(?:out)? disease|lost to follow-?up"
)
PROGRESSED = re.compile(
    r"pd|progress(?:ed|ion|ive disease)|recurred|recurrence|relapsed?|recurred/progressed|failure|failed|metastasis"
)
FREE = re.compile(
    r"not yet pd|censored|disease[ -]?free|no (?:progression|recurrence|relapse)|progression[ -]free|controlled|ned"
)
YES = frozenset({"1", "yes", "y", "true", "event"})
NO = frozenset({"0", "no", "n", "false", "no event"})
HAPPENS = frozenset(
    {"death", "dead", "died", "event", "progression", "recurrence", "relapse", "failure", "progressed", "metastasis"}
)
"""Words of names of columns in which yes, or 1, says that something happened."""
REVERSED = frozenset({"censor", "censored", "censoring", "cens", "alive", "living"})
"""Words of names of columns in which 1 may say that nothing happened."""
OTHERS = frozenset({"cause", "date", "days", "day", "months", "month", "time", "years", "age", "interval", "type"})
"""Words of names of columns that say something else of an outcome."""
PLACES = frozenset({"local", "locoregional", "regional", "distant", "metastasis", "liver", "brain", "bone", "lung"})
"""Words that narrow a return of the disease to one of several."""
DULL = frozenset({"time", "status", "survival", "free", "interval", "month", "day", "week", "year", "event", "last"})
SHORT = frozenset({"os", "pfs", "dfs", "rfs", "efs", "mfs", "ttp", "dss", "lrc", "dfi", "pfi"})
"""Abbreviations of outcomes."""


@dataclass(frozen=True)
class Event:
    """The column that says whether an outcome happened, the cells of both answers, a score and the reason."""

    column: Column
    true: tuple[str, ...]
    false: tuple[str, ...]
    score: float
    reason: str


@dataclass(frozen=True)
class _Answers:
    """The cells of a status: ``about`` is ``death``, ``return``, or empty where they are yes and no."""

    true: tuple[str, ...]
    false: tuple[str, ...]
    about: str
    sure: float


def event_of(outcome: Advice, advice: Sequence[Advice]) -> Event | None:
    """The likeliest status of an outcome; None where no column may say it."""
    found = [event for item in advice if item is not outcome for event in _paired(outcome, item.column)]
    return max(found, key=lambda event: (event.score, -event.column.index), default=None)


def _paired(outcome: Advice, column: Column) -> Iterator[Event]:
    answers = _answers(column)
    if answers is None or outcome.proposed is None:
        return
    named = _about(_name(outcome.column))
    about = "death" if outcome.proposed.target.variable == ncit.OVERALL_SURVIVAL else "return"
    spoken = _about(_name(column))
    shared = named & spoken & SHORT
    said = f"its cells say {'/'.join(answers.true[:2])} or {'/'.join(answers.false[:2])}"
    common = _content(outcome.column) & _content(column)
    worth = 0.85 if common or not (_content(column) & PLACES) else 0.55
    worth += 0.1 * len(common) / max(1, len(_content(column)))
    if shared:
        yield Event(column, answers.true, answers.false, 0.95 * answers.sure, f"both names say {min(shared)}; {said}")
    elif spoken & SHORT:
        return  # it speaks of another outcome by name
    elif answers.about == about or (not answers.about and about in spoken):
        yield Event(column, answers.true, answers.false, worth * answers.sure, f"it speaks of {WHAT[about]}; {said}")
    elif not answers.about and spoken & {"event"}:
        yield Event(column, answers.true, answers.false, 0.75 * answers.sure, f"it is called an event; {said}")
    elif answers.about == "death" and about == "return":
        yield Event(
            column, answers.true, answers.false, 0.4 * answers.sure, f"it speaks of death, not of a return; {said}"
        )


WHAT: Mapping[str, str] = {"death": "death", "return": "progression or recurrence"}


def _name(column: Column) -> str:
    label = column.described.label if column.described else ""
    return f"{column.header.text} {label}"


def _content(column: Column) -> frozenset[str]:
    """The words that tell which outcome it is."""
    return frozenset(word for word in words(column.header.name) if len(word) > 1) - DULL


def _about(text: str) -> frozenset[str]:
    """What a name speaks of: abbreviations of outcomes, ``death``, ``return``, ``event``."""
    short = {piece for piece in pieces(text) if piece in SHORT}
    said = set(words(text))
    long = {name for name in SHORT if name in abbreviations() and set(abbreviations()[name].split()) <= said}
    glued = re.search(r"dead|death|deceas", text, re.IGNORECASE)
    kinds = {"death"} if glued or said & {"death", "dead", "died", "vital", "alive", "mortality"} else set()
    kinds |= (
        {"return"}
        if said & {"progression", "recurrence", "relapse", "progressed", "recurred", "failure", "metastasis"}
        else set()
    )
    return frozenset({*short, *long, *kinds, *({"event"} if "event" in said else ())})


def _answers(column: Column) -> _Answers | None:
    """The cells that say that something happened and that it did not; None where they do not say it."""
    if not column.exact or not 1 < len(column.values) <= 8:
        return None
    meant = {cell: _plain(column.meanings.get(cell, cell)) for cell in column.values}
    for yes, no, about in ((DEATH, LIVING, "death"), (PROGRESSED, FREE, "return")):
        true = tuple(cell for cell, text in meant.items() if yes.fullmatch(text))
        false = tuple(cell for cell, text in meant.items() if no.fullmatch(text))
        if true and false:
            covered = sum(column.values[cell] for cell in (*true, *false)) / sum(column.values.values())
            return _Answers(true, false, about, min(1.0, 0.6 + 0.4 * covered))
    return _bare(column, meant)


def _plain(text: str) -> str:
    """A cell without the number before it: ``1:DECEASED``."""
    return re.sub(r"^\d\s*[:=.-]\s*", "", fold(text))


def _bare(column: Column, meant: Mapping[str, str]) -> _Answers | None:
    """Yes and no, or 1 and 0, under a name that says what happens; not under one that may mean the opposite."""
    true = tuple(cell for cell, text in meant.items() if text in YES)
    false = tuple(cell for cell, text in meant.items() if text in NO)
    said = set(pieces(column.header.text)) | set(words(column.header.text))
    if not (true and false) or len(true) + len(false) < len(meant) or said & OTHERS:
        return None
    numbered = {*true, *false} <= {"0", "1"}
    if said & HAPPENS and not said & REVERSED:
        return _Answers(true, false, "", 0.95 if not numbered else 0.85)
    if said & (REVERSED | {"status", "vital"}) or said & SHORT:
        return _Answers(true, false, "", 0.5 if numbered else 0.6)
    return None
