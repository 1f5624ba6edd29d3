"""``qilin lesions``: which lesions of a subject are one; suggested, decided, withdrawn, and listed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli_options import Author, InCollection, Json, Reason, opened
from api.console import err, print_json, print_rows
from queries.lesion_suggestions import measured, suggestions
from store.crosswalk import Decision
from store.lesion_pairs import LesionEntry, LesionPair, LesionPairError, NamedLesion, Verdict, by_id, subject_of
from store.same_lesions import named_lesions
from store.warehouse import OPERATOR, Warehouse

__all__ = ["LESION_REFUSALS", "lesions_commands"]

LESION_REFUSALS = (LesionPairError,)
"""Errors of these commands that a person can mend."""

Subject = Annotated[str, typer.Argument(help="The subject.")]
Lesion = Annotated[str, typer.Argument(help="The key of a lesion, as `qilin lesions suggest` lists it.")]
OtherLesion = Annotated[str, typer.Argument(help="The key of the other lesion.")]

lesions = typer.Typer(
    help="Which lesions of a subject are one: a person links what two readers name. Every decision is kept.",
    no_args_is_help=True,
)


def lesions_commands(app: typer.Typer) -> None:
    """Add the commands of this module, as ``qilin lesions …``."""
    app.add_typer(lesions, name="lesions")


def _decided(warehouse: Warehouse, collection: str) -> dict[frozenset[tuple[str, str]], LesionEntry]:
    """What stands, by the subjects and keys of the lesions."""
    links = by_id(warehouse.generations.current().links)
    return {
        frozenset((subject_of(collection, end, links), end.key) for end in (pair.a, pair.b)): entry
        for pair, entry in warehouse.lesions.standing(collection).items()
    }


@lesions.command()
def suggest(
    collection: InCollection,
    subject: Annotated[str, typer.Option(help="Only this subject.")] = "",
    json: Json = False,
) -> None:
    """Suggest lesions of two readers that may be one: same study or day, same site, similar size. Nothing is linked."""
    warehouse = opened(collection)
    found = measured(warehouse, OPERATOR, collection, subject)
    rows = [
        {
            "subject": item.a.subject,
            "lesion": item.a.key,
            "other": item.b.key,
            "names": f"{item.a.label}, {item.b.label}",
            "readers": f"{', '.join(sorted(item.a.readers))} and {', '.join(sorted(item.b.readers))}",
            "site": ", ".join(sorted({*item.a.sites.values(), *item.b.sites.values()})),
            "times": item.times,
            "score": item.score,
            "note": "another fits as well" if item.ambiguous else "",
        }
        for item in suggestions(found, set(_decided(warehouse, collection)))
    ]
    columns = ("subject", "lesion", "other", "names", "readers", "site", "times", "score", "note")
    if json:
        print_json(rows)
    else:
        print_rows("May be one lesion", columns, [tuple(row[name] for name in columns) for row in rows])


@lesions.command()
def review(collection: InCollection, json: Json = False) -> None:
    """List what documents leave open of lesions and nobody has decided: link, apart or confirm them."""
    rows = open_items(opened(collection), collection)
    if json:
        print_json([dict(zip(REVIEWED, row, strict=True)) for row in rows])
    else:
        print_rows("To decide", REVIEWED, rows)


REVIEWED = ("collection", "subject", "lesion", "other", "problem")


def open_items(warehouse: Warehouse, collection: str | None = None) -> list[tuple[str, ...]]:
    """What documents leave open of lesions and nobody has decided, by collection and subject."""
    found = [item for item in warehouse.generations.current().ambiguous if collection in (None, item.collection)]
    known = {name: set(_decided(warehouse, name)) for name in {item.collection for item in found}}
    return [
        (item.collection, item.subject, item.lesion, item.other, item.problem)
        for item in found
        if frozenset({(item.subject, item.lesion), (item.subject, item.other or item.lesion)})
        not in known[item.collection]
    ]


@lesions.command("list")
def list_links(
    collection: InCollection,
    history: Annotated[bool, typer.Option("--history", help="Every decision, withdrawn ones too.")] = False,
    json: Json = False,
) -> None:
    """List what was decided of lesions: who, when, why; with --history, every decision there ever was."""
    pairs = opened(collection).lesions
    entries = pairs.history(collection) if history else list(pairs.standing(collection).values())
    if json:
        print_json([asdict(entry) for entry in entries])
        return
    rows = [
        (_named(e.pair.a), e.pair.a.key, e.pair.b.key, str(e.verdict), e.author, e.at, e.reason)
        for e in sorted(entries, key=lambda entry: entry.id)
    ]
    print_rows("Decisions", ("subject", "lesion", "other", "they are", "author", "at", "reason"), rows)


def _named(lesion: NamedLesion) -> str:
    return f"{lesion.namespace}|{lesion.source_id}" if lesion.namespace else lesion.source_id


@lesions.command()
def link(
    collection: InCollection, subject: Subject, lesion: Lesion, other: OtherLesion, author: Author, reason: Reason
) -> None:
    """Say that two lesions of a subject are one, and publish.

    Example: qilin lesions link trial7 S-012 reader-0a1b2c3d.lesion1 1.2.840.99999.30.1 --reason "seen on series 4"
    """
    _decide(collection, subject, (lesion, other), Verdict.SAME, Decision(author, reason))


@lesions.command()
def apart(
    collection: InCollection, subject: Subject, lesion: Lesion, other: OtherLesion, author: Author, reason: Reason
) -> None:
    """Say that two lesions of a subject are not one: they are no longer suggested, and no link makes them one."""
    _decide(collection, subject, (lesion, other), Verdict.DIFFERENT, Decision(author, reason))


@lesions.command()
def confirm(collection: InCollection, subject: Subject, lesion: Lesion, author: Author, reason: Reason) -> None:
    """Say that one lesion is one, though documents place it in two sites or subjects."""
    _decide(collection, subject, (lesion, lesion), Verdict.SAME, Decision(author, reason))


@lesions.command()
def unlink(
    collection: InCollection, subject: Subject, lesion: Lesion, other: OtherLesion, author: Author, reason: Reason
) -> None:
    """Withdraw what stands of two lesions, and publish; of a confirmed lesion, name it twice."""
    _decide(collection, subject, (lesion, other), Verdict.WITHDRAWN, Decision(author, reason))


def _decide(collection: str, subject: str, keys: tuple[str, str], verdict: Verdict, decision: Decision) -> None:
    warehouse = opened(collection)
    known = named_lesions(warehouse.home.log, warehouse.generations.current(), collection)
    stands = {
        (whose, end.key): end
        for pair in warehouse.lesions.standing(collection)
        for end in (pair.a, pair.b)
        for whose in {_named(end), subject_of(collection, end, by_id(warehouse.generations.current().links))}
    }
    ends = []
    for key in keys:
        if (end := known.get((subject, key)) or stands.get((subject, key))) is None:
            raise LesionPairError("no such lesion of that subject; `qilin lesions suggest` and `review` list keys")
        ends.append(end)
    with warehouse.writing() as writing:
        if not warehouse.lesions.decide(LesionPair.of(collection, *ends), verdict, decision):
            err.print("that stands already", highlight=False)
        manifest = writing.publish()
    err.print(f"generation {manifest.number} holds {manifest.quads:,} quads", highlight=False)
