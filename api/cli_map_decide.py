"""``qilin map decide``: say what a column, a cell or a code means; what was read through it follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from api.cli_options import Json
from api.console import err, out, print_json
from api.map_following import as_json, author_of, rederived, tell
from ingest.report import places
from store.decided import DecisionRecord, Verdict
from store.warehouse import Warehouse

__all__ = ["decide"]


def decide(
    name: Annotated[str, typer.Argument(help="The map; or codes, or a code set such as codes/srt.")],
    subject: Annotated[
        str, typer.Argument(help="A column, or COLUMN=CELL; of a code set CODE, CODE=MEANING or CODE|SCHEME|MEANING.")
    ],
    term: Annotated[
        str | None,
        typer.Argument(metavar="[OBJECT]", help="What it means, such as ncit:C28421; else the best proposal."),
    ] = None,
    *,
    accept: Annotated[bool, typer.Option("--accept", help="It means OBJECT (as where nothing is said).")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It does not mean OBJECT.")] = False,
    no_term: Annotated[bool, typer.Option("--no-term", help="There is no term: the cell is kept as written.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="What was decided holds no longer.")] = False,
    author: Annotated[str, typer.Option(envvar="QILIN_AUTHOR", help="Who decides: an ORCID, or a name.")] = "",
    reviewer: Annotated[str, typer.Option(help="Who has looked at it too.")] = "",
    variable: Annotated[
        str | None, typer.Option(help="Of a data element: the variable, where it is not that of the element.")
    ] = None,
    predicate: Annotated[str | None, typer.Option(help="skos:exactMatch, closeMatch, broadMatch …")] = None,
    confidence: Annotated[float | None, typer.Option(help="From 0 to 1.", min=0, max=1)] = None,
    reason: Annotated[str, typer.Option(help="Why; that of the proposal where nothing is said.")] = "",
    cells: Annotated[
        bool, typer.Option("--cells", help="With a column: its cells too, each as proposed, where that is likely.")
    ] = False,
    later: Annotated[bool, typer.Option("--later", help="Do not read the sources again yet.")] = False,
    json: Json = False,
) -> None:
    """Decide what a column or a cell means; what was read through the map then follows at once.

    A column means a data element, which brings its variable (else name it with --variable), or a variable alone. The
    exit status is 1 where this decision left something rejected that was not, or needs a file that is gone.

    Examples:

    qilin map decide trial_x Sex cadsr:2200604 --author orcid:0000-0002-1825-0097 --reason "see protocol"

    qilin map decide trial_x "Overall stage" cadsr:3440332 --variable ncit:C28108 --reason "clinical or pathologic"

    qilin map decide trial_x Sex --cells

    qilin map decide trial_x "Overall stage=IIIb" ncit:C27978 --reason "same stage, other spelling"

    qilin map decide trial_x "Overall stage=5" --no-term --reason "no stage of this name"

    qilin map decide trial_x "Overall stage=IIIb" --withdraw --reason "the site says it means IIIa"

    qilin map decide codes "S71|99EPAD|target" ncit:C94520 --reason "a target lesion of RECIST"
    """
    from ingest.steward import Steward, Wish  # noqa: PLC0415 - the term index is slow to import
    from ingest.steward_cells import cells_as_proposed  # noqa: PLC0415

    wish = Wish(
        mapping=name,
        subject=subject,
        verdict=_verdict(accept=accept, reject=reject, no_term=no_term, withdraw=withdraw),
        term=term,
        variable=variable,
        predicate=_predicate(predicate),
        author=author_of(author),
        reviewer=reviewer,
        confidence=confidence,
        reason=reason,
    )
    warehouse = Warehouse.open()
    steward = Steward(warehouse)
    further = cells_as_proposed(steward, wish) if cells else []
    made = steward.decide(wish)
    decided = [made.record, *made.brought, *(steward.decide(item).record for item in further)]
    if not json:
        for record in decided:
            out.print(_sentence(record), highlight=False, markup=False)
    if not made.is_read:
        err.print(f"{name} does not read that column: name it below columns: in map.yaml", highlight=False)
    if made.needs_variable:
        err.print(f"{made.record.object} brings no variable; name one with --variable", highlight=False)
    before = _standing(warehouse)
    result = None if later else rederived(warehouse, name, None)
    as_before = _leave_out(result, before) if result else 0
    if json:
        brought = [asdict(record) for record in decided[1:]]
        applied = result and {**as_json(result), "rejected_as_before": as_before}
        print_json({**asdict(made.record), "brought": brought, "is_read": made.is_read, "applied": applied})
    elif result is not None:
        tell(result)
        if as_before:
            err.print(f"{as_before:,} places wait as before: see `qilin map pending {name}`", highlight=False)
    raise typer.Exit(result.exit_status if result else 0)


Problem = tuple[str, str, str]
"""What a reject is about: file, problem, and what is wanted."""


def _standing(warehouse: Warehouse) -> Counter[Problem]:
    """At how many places each problem stands so far."""
    entries = warehouse.control.quarantine()
    return Counter({(item.name, item.problem, item.wanted): places(item.place) for item in entries})


def _leave_out(result: Any, before: Counter[Problem]) -> int:
    """Leave out of a report the problems that stood before, at as many places or more; how many places that are."""
    new, old = [], 0
    for item in result.report.rejects:
        count = places(item.place)
        if count <= before[item.name, item.problem, item.wanted]:
            old += count
        else:
            new.append(item)
    result.report.rejects = new
    return old


def _verdict(*, accept: bool, reject: bool, no_term: bool, withdraw: bool) -> Verdict:
    chosen = {
        Verdict.ACCEPTED: accept,
        Verdict.REJECTED: reject,
        Verdict.NO_TERM: no_term,
        Verdict.WITHDRAWN: withdraw,
    }
    given = [verdict for verdict, said in chosen.items() if said]
    if len(given) > 1:
        raise typer.BadParameter("only one of --accept, --reject, --no-term and --withdraw")
    return given[0] if given else Verdict.ACCEPTED


def _predicate(text: str | None) -> str | None:
    """A predicate with its prefix, which may be left out."""
    return f"skos:{text}" if text and ":" not in text else text


def _sentence(record: DecisionRecord) -> str:
    """A decision for people."""
    said = {
        Verdict.ACCEPTED: f"means {record.object} {record.object_label!r} ({record.predicate.removeprefix('skos:')})",
        Verdict.REJECTED: f"does not mean {record.object} {record.object_label!r}",
        Verdict.NO_TERM: "has no term and is kept as written",
        Verdict.WITHDRAWN: f"is undecided again (was: {record.object} {record.object_label!r})",
    }
    before = f"; in place of {record.replaces}" if record.replaces else ""
    return f"decision {record.id}: {record.subject} {said[record.verdict]}, by {record.author}{before}"
