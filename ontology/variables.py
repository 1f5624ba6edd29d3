"""The registry of canonical variables: one concept per quantity, whatever the source calls it.

The table is ``ontology/variables.tsv``, in this order of preference of codes: NCIt, DCM, IBSI, RadLex, our own.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from importlib.resources import files

from ontology.prefixes import Curie

__all__ = ["UnknownVariableError", "Variable", "VariableKind", "canonical", "variable", "variables"]


class VariableKind(StrEnum):
    """Which of the four classes of observations a variable takes."""

    MEASUREMENT = "measurement"
    FINDING = "finding"
    RESPONSE = "response"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Variable:
    """A canonical variable.

    ``unit`` is the UCUM code in which its values are kept, None where it has none or that of the source is kept.
    ``codes`` are the other concepts that mean it; ``composed`` the pairs of a variable and a statistic that do.
    """

    curie: Curie
    label: str
    kind: VariableKind
    unit: str | None
    codes: tuple[Curie, ...]
    composed: tuple[tuple[Curie, Curie], ...]
    definition: str


class UnknownVariableError(KeyError):
    """A CURIE that is no variable of the registry; the message lists those whose name comes near."""

    def __init__(self, curie: str) -> None:
        self.curie = curie
        self.near = _near(curie)
        super().__init__(curie)

    def __str__(self) -> str:
        known = f"near: {', '.join(self.near)}" if self.near else f"the registry has {len(variables())} variables"
        return f"{self.curie!r} is no variable of ontology/variables.tsv; {known}"


def _near(name: str) -> list[str]:
    """Up to five CURIEs with labels that come near to a CURIE or label."""
    named = {f"{item.curie} ({item.label})": item for item in variables().values()}
    spelled = {text.casefold(): shown for shown, item in named.items() for text in (item.curie, item.label)}
    # of one vocabulary nearly all codes look alike, so a CURIE has to come nearer than a label
    close = get_close_matches(name.casefold(), spelled, n=5, cutoff=0.8 if ":" in name else 0.6)
    return list(dict.fromkeys(spelled[text] for text in close))


def _pair(text: str) -> tuple[Curie, Curie]:
    """``variable+statistic`` as the table writes it."""
    base, _, statistic = text.partition("+")
    return Curie(base), Curie(statistic)


@cache
def variables() -> dict[Curie, Variable]:
    """Every variable by CURIE, in the order of the table: by kind, then by vocabulary and code."""
    with files("ontology").joinpath("variables.tsv").open(encoding="utf-8") as table:
        return {
            Curie(row["curie"]): Variable(
                curie=Curie(row["curie"]),
                label=row["label"],
                kind=VariableKind(row["kind"]),
                unit=row["unit"] or None,
                codes=tuple(Curie(code) for code in row["codes"].split("|") if code),
                composed=tuple(_pair(pair) for pair in row["composed"].split("|") if pair),
                definition=row["definition"],
            )
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def variable(curie: str) -> Variable:
    """The variable of a CURIE; `UnknownVariableError` where the registry has none.

    >>> variable("ncit:C96684").unit
    'mm'
    """
    found = variables().get(Curie(curie))
    if found is None:
        raise UnknownVariableError(curie)
    return found


@cache
def _by_code() -> dict[Curie, Variable]:
    """Every variable by each of its codes, its own CURIE among them."""
    return {code: item for item in variables().values() for code in (item.curie, *item.codes)}


@cache
def _by_pair() -> dict[tuple[Curie, Curie], Variable]:
    """Variables that are another variable with a statistic, by that pair."""
    return {pair: item for item in variables().values() for pair in item.composed}


def canonical(code: Curie, statistic: Curie | None = None) -> Variable | None:
    """The variable that a code means, None where no variable claims it.

    With a statistic, the more particular variable where there is one: the standardized uptake value with *maximum* is
    SUVmax. Where there is none, the variable of the code itself, and the statistic has to be kept beside it.

    >>> canonical(Curie("sct:103339001")).label
    'Longest Diameter'
    >>> canonical(Curie("dcm:126401"), Curie("sct:56851009")).curie
    'ncit:C95012'
    """
    found = _by_code().get(code)
    if found is None or statistic is None:
        return found
    return _by_pair().get((found.curie, statistic), found)
