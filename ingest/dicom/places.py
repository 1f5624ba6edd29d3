"""Where attributes stand other than at the top of a header, by ``places.tsv``, and the images of a file.

An enhanced multi-frame object (PS3.3 section C.7.6.16) says in functional groups, shared or per frame, what a single
image says at its top: read so, each of its frames is one image with the attributes of old.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from ingest.dicom.header import Elements
from ingest.gate.private import private_rows
from ontology.fields import Kind, dicom_attributes
from ontology.records import Scalar

__all__ = ["GROUPS", "PLACE_SEQUENCES", "Place", "found_in", "images_in", "nested", "places"]

GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
REGION: Final = "AnatomicRegionSequence"
ANY: Final = "*"
"""Every attribute of an item: what a conversion of single images to frames took over as it was."""

PRIVATE: Final = frozenset(row.keyword for row in private_rows() if row.vr != "LO")
"""The attributes as which private elements are read that hold no text."""

Items = Mapping[str, tuple[Elements, ...]]


class Place(NamedTuple):
    """A row of ``places.tsv``: an attribute within sequences, and the attribute as which it is summed."""

    sequences: tuple[str, ...]
    within: str
    keyword: str


@cache
def places() -> tuple[Place, ...]:
    """The rows of the table."""
    with files("ingest").joinpath("dicom/places.tsv").open(encoding="utf-8") as table:
        rows = [(row["path"].split("/"), row["keyword"]) for row in csv.DictReader(table, delimiter="\t")]
    return tuple(Place(tuple(path[:-1]), path[-1], keyword) for path, keyword in rows)


@cache
def _by_sequence() -> dict[str, tuple[Place, ...]]:
    """The rows by the outermost sequence, so that only those of what a header has are looked at."""
    names = dict.fromkeys(place.sequences[0] for place in places())
    return {name: tuple(place for place in places() if place.sequences[0] == name) for name in names}


PLACE_SEQUENCES: Final = frozenset(place.sequences[0] for place in places())
"""The outermost sequences of the table."""


def images_in(header: Elements) -> Iterator[Elements]:
    """The images of a file, each with its own and the shared attributes at its top; one where there are no frames.

    A functional group has nothing beside its sequences but private elements.
    """
    shared, single = (header.items.get(name, ()) for name in GROUPS)
    values = {**header.values, **found_in(header)}
    items = dict(header.items)
    for group in shared:
        values |= {**_own(group), **found_in(group)}
        items |= _regions(group)
    if not single:
        yield Elements(values, items)
    for group in single:
        yield Elements({**values, **_own(group), **found_in(group)}, {**items, **_regions(group)})


def _own(group: Elements) -> dict[str, tuple[Scalar, ...]]:
    """The numbers that private elements of a functional group say."""
    return {keyword: values for keyword, values in group.values.items() if keyword in PRIVATE}


def found_in(root: Elements) -> dict[str, tuple[Scalar, ...]]:
    """What the table finds below a header or functional group, by the keyword as which it is summed."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for name in root.items:
        for place in _by_sequence().get(name, ()):
            held = [item for item in _items((root,), place.sequences) if item.values]
            if place.within == ANY:
                for item in held:
                    found |= item.values
                continue
            told = list(dict.fromkeys(item.values[place.within] for item in held if place.within in item.values))
            if told:
                values = told[0] if len(told) == 1 else tuple(dict.fromkeys(one for many in told for one in many))
                found[place.keyword] = _as_kind(place.keyword, values)
    return found


def nested(items: Items, keywords: frozenset[str]) -> dict[str, tuple[Scalar, ...]]:
    """Every value that some attributes have within the sequences of a header, in all functional groups."""
    wanted = _leading_to(keywords)
    found: dict[str, tuple[Scalar, ...]] = {}
    for root in (items, *(group.items for name in GROUPS for group in items.get(name, ()))):
        for name in root.keys() & wanted.keys():
            for place in wanted[name]:
                for item in _items((Elements({}, root),), place.sequences):
                    told = item.values if place.within == ANY else {place.keyword: item.values.get(place.within, ())}
                    for keyword in told.keys() & keywords:
                        found[keyword] = tuple(dict.fromkeys((*found.get(keyword, ()), *told[keyword])))
    return {keyword: values for keyword, values in found.items() if values}


@cache
def _leading_to(keywords: frozenset[str]) -> dict[str, tuple[Place, ...]]:
    """The rows that may give one of some attributes, by their outermost sequence."""
    rows = [place for place in places() if place.keyword in keywords or place.within == ANY]
    return {name: tuple(row for row in rows if row.sequences[0] == name) for name in {row.sequences[0] for row in rows}}


def _items(roots: Iterable[Elements], sequences: tuple[str, ...]) -> Iterable[Elements]:
    for name in sequences:
        roots = [item for root in roots for item in root.items.get(name, ())]
    return roots


def _as_kind(keyword: str, values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """Values as the attribute holds them: some are of another value representation in enhanced objects."""
    attribute = dicom_attributes().get(keyword)
    if attribute is None or attribute.kind is not Kind.INTEGER:
        return values
    return tuple(round(value) if isinstance(value, Decimal | float) else value for value in values)


def _regions(group: Elements) -> Items:
    """The anatomic region of a functional group (PS3.3 section C.7.6.16.2.8)."""
    regions = [frame.items.get(REGION, ()) for frame in group.items.get("FrameAnatomySequence", ())]
    return {REGION: regions[0]} if regions and regions[0] else {}
