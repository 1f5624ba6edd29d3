"""Lesions of two readers that may be one, for a person to decide: nothing is done with a suggestion by itself.

Two lesions of a subject are suggested where different readers measured them on the same study or day, at sites and
sides that do not contradict each other, and alike in size. A lesion that has two suggestions of nearly the same score
is marked, since a person has to look at the images then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode

from queries.catalogue import query
from queries.results import run
from store.warehouse import Caller, Warehouse

__all__ = ["Measured", "Suggestion", "measured", "suggestions"]

SIZES = ("ncit:C96684", "ncit:C96685")
"""The variables whose values are held against each other: longest diameter and short axis."""

LEAST = 0.5
"""The least ratio of two sizes that are called alike; readers differ by 20 % and more on small lesions."""

DAY, VISIT = "day", "visit"
"""How a time begins that is a day of a clock, or a visit; all others are studies."""

CLOSE = 0.8
"""A second suggestion with so much of the score of the first makes it ambiguous."""


@dataclass(slots=True)
class Measured:
    """A lesion as its readers measured it."""

    subject: str
    key: str
    one: str
    """The IRI that lesions share which were decided to be one."""
    label: str = ""
    readers: set[str] = field(default_factory=set)
    sites: dict[str, str] = field(default_factory=dict)
    """IRIs of sites, with their labels."""
    sides: set[str] = field(default_factory=set)
    sizes: dict[tuple[str, str], float] = field(default_factory=dict)
    """The greatest size in mm by variable, and by study or day of a clock."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two lesions that may be one, and why."""

    a: Measured
    b: Measured
    score: float
    """From 0 to 1: how alike they are in size, halved where no site is known of one of them."""
    times: int
    """How many studies or days both were measured on."""
    ambiguous: bool = False


def measured(warehouse: Warehouse, caller: Caller, collection: str, subject: str = "") -> list[Measured]:
    """The measured lesions of a collection or subject, as a caller sees them."""
    found: dict[tuple[str, str], Measured] = {}
    places = _places(warehouse, caller, collection, subject)
    for variable in SIZES:
        values = {"collection": collection, "subject": subject, "variable": variable}
        for row in run(warehouse, query("lesion-diameters"), values, caller).dicts():
            name, key = str(row["subject"]), unquote(str(row["lesionIri"]).rpartition("/")[2])
            lesion = found.setdefault((name, key), Measured(name, key, str(row["one"])))
            lesion.label = lesion.label or str(row["lesion"])
            if row["reader"]:
                lesion.readers.add(str(row["reader"]))
            if row["site"]:
                lesion.sites[str(row["site"])] = str(row["siteLabel"])
            else:
                lesion.sites.update(places.get(str(row["lesionIri"]), {}))
            if row["sideLabel"]:
                lesion.sides.add(str(row["sideLabel"]))
            if row["value"] is not None and row["unit"] == "mm":
                size = float(str(row["value"]))
                for time in _times(row):
                    lesion.sizes[variable, time] = max(size, lesion.sizes.get((variable, time), size))
    return list(found.values())


PLACES = """PREFIX q: <https://w3id.org/qilin/ns#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?about ?site ?label {{
  ?c q:identifier {collection} . ?s q:collection ?c ; q:identifier ?subject . {narrowed}
  ?said q:subject ?s ; q:site ?site ; q:about ?about .
  OPTIONAL {{ ?site skos:prefLabel ?label }}
}}"""
"""The sites that anything said of a lesion places it at: SDTM says where a lesion is, and elsewhere how large."""


def _places(warehouse: Warehouse, caller: Caller, collection: str, subject: str) -> dict[str, dict[str, str]]:
    """The sites of each lesion with their labels, by IRIs."""
    narrowed = f"FILTER(?subject = {Literal(subject)})" if subject else ""
    asked = PLACES.format(collection=Literal(collection), narrowed=narrowed)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for about, site, label in warehouse.select(asked, caller).rows:
        if isinstance(about, NamedNode) and isinstance(site, NamedNode):
            found[about.value][site.value] = label.value if isinstance(label, Literal) else site.value
    return found


def _times(row: Mapping[str, object]) -> Iterator[str]:
    """When a size was taken: by study and by day, since an annotation names its study and a table a day.

    A visit counts where nothing else is known: two documents may number visits in two ways.
    """
    day = None if row["day"] is None else f"{DAY} {row['day']} of {row['clock']}"
    known = [str(time) for time in (row["study"], day) if time]
    yield from known
    if not known and row["visit"] is not None:
        yield f"{VISIT} {row['visit']}"


def suggestions(lesions: Iterable[Measured], decided: set[frozenset[tuple[str, str]]]) -> Iterator[Suggestion]:
    """Suggestions among lesions, the most alike of each subject first; none for what was decided (subject and key)."""
    by_subject: dict[str, list[Measured]] = defaultdict(list)
    for lesion in lesions:
        by_subject[lesion.subject].append(lesion)
    for _, mine in sorted(by_subject.items()):
        pairs = combinations(sorted(mine, key=lambda lesion: lesion.key), 2)
        found = [
            suggestion
            for a, b in pairs
            if frozenset({(a.subject, a.key), (b.subject, b.key)}) not in decided and (suggestion := _suggested(a, b))
        ]
        found.sort(key=lambda item: (-item.score, item.a.key, item.b.key))
        for item in found:
            yield Suggestion(item.a, item.b, item.score, item.times, ambiguous=_rivalled(item, found))


def _suggested(a: Measured, b: Measured) -> Suggestion | None:
    if a.one == b.one or not a.readers or not b.readers or a.readers & b.readers:
        return None
    if (a.sites and b.sites and not a.sites.keys() & b.sites.keys()) or (a.sides and b.sides and not a.sides & b.sides):
        return None
    shared = a.sizes.keys() & b.sizes.keys()
    ratios = [min(a.sizes[at], b.sizes[at]) / (max(a.sizes[at], b.sizes[at]) or 1.0) for at in shared]
    ratios = [1.0 if a.sizes[at] == b.sizes[at] else ratio for at, ratio in zip(shared, ratios, strict=True)]
    if not ratios or (mean := sum(ratios) / len(ratios)) < LEAST:
        return None
    known = bool(a.sites and b.sites)
    days = Counter(time.startswith((DAY, VISIT)) for time in {time for _, time in shared})
    return Suggestion(a, b, round(mean if known else mean / 2, 3), max(days.values()))


def _rivalled(item: Suggestion, found: list[Suggestion]) -> bool:
    """Whether another lesion of the same reader fits one of the two nearly as well."""
    for mine, theirs in ((item.a, item.b), (item.b, item.a)):
        for other in found:
            rival = other.b if other.a is mine else other.a if other.b is mine else None
            if (
                rival is not None
                and rival is not theirs
                and other.score >= CLOSE * item.score
                and rival.readers & theirs.readers
            ):
                return True
    return False
