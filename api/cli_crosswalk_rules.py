"""``qilin crosswalk rule``: rules that say how ids of a namespace are written as subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from api.cli_options import Author, Json, Reason
from api.console import err, out, print_json, print_rows
from store.crosswalk import Decision, Method
from store.crosswalk_rules import IdRule, Rule
from store.identity import OWN
from store.matching import Foreseen, foreseen, live_ids
from store.warehouse import Warehouse

__all__ = ["rule"]

Number = Annotated[int, typer.Argument(metavar="RULE", help="The number of the rule.")]

rule = typer.Typer(
    help="Rules that say how ids are written as subjects: proposed, approved, then followed at every ingest.",
    no_args_is_help=True,
)


@rule.command()
def propose(
    collection: Annotated[str, typer.Argument(help="The collection.")],
    author: Author,
    reason: Reason,
    namespace: Annotated[str, typer.Option(help="The namespace of the ids; else the collection's own.")] = OWN,
    pattern: Annotated[str, typer.Option(help="A regular expression of the whole id; its one group is kept.")] = "",
    strip_prefix: Annotated[str, typer.Option(help="Taken off the beginning; ids without it do not fit.")] = "",
    strip_suffix: Annotated[str, typer.Option(help="Taken off the end; ids without it do not fit.")] = "",
    case: Annotated[Literal["", "upper", "lower"], typer.Option(help="Letters made large or small.")] = "",
    pad: Annotated[int, typer.Option(help="Zeros put before a number up to so many digits.")] = 0,
    prefix: Annotated[str, typer.Option(help="Put before.")] = "",
    suffix: Annotated[str, typer.Option(help="Put after.")] = "",
    json: Json = False,
) -> None:
    """Record a rule and say what it would match; it is followed once it is approved.

    Example: qilin crosswalk rule propose acrin_flt_breast --namespace acrin-case --pad 3 --prefix ACRIN-FLT-Breast_
    """
    steps = IdRule(pattern, strip_prefix, strip_suffix, case, pad, prefix, suffix)
    warehouse = Warehouse.open()
    warehouse.control.collection(collection)
    with warehouse.home.writing():
        proposed = warehouse.rules.propose(collection, namespace, steps, Decision(author, reason))
    live = [source for source in warehouse.generations.current().sources if source.collection == collection]
    would = foreseen(warehouse.rules, proposed, live_ids(warehouse.home.log, live))
    if json:
        print_json({"rule": asdict(proposed), "would": asdict(would)})
    else:
        _tell(proposed, would)
    if not would.fit:
        known = ", ".join(sorted({item.namespace or "the collection's own" for item in would.before})) or "none"
        err.print(f"no id of a source that is served fits; namespaces in use: {known}", highlight=False, markup=False)


def _tell(proposed: Rule, would: Foreseen) -> None:
    out.print(f"rule {proposed.id}: {proposed.steps}", highlight=False, markup=False)
    out.print(
        f"fits {would.fit:,} ids; would link {would.new:,} of them to {would.subjects:,} subjects", highlight=False
    )
    before = {(item.namespace, item.side): item for item in would.before}
    columns = ("namespace", "side", "ids", "matched now", "then", "unmatched now", "then", "ambiguous now", "then")
    rows = []
    for then in would.after:
        now = before[then.namespace, then.side]
        pairs = (now.matched, then.matched, now.unmatched, then.unmatched, now.ambiguous, then.ambiguous)
        rows.append((then.namespace or "-", then.side, then.ids, *pairs))
    print_rows("What it would match", columns, rows)
    err.print(f"to have it followed: qilin crosswalk rule approve {proposed.id}", highlight=False)


@rule.command()
def approve(number: Number, author: Author, reason: Reason) -> None:
    """Have a rule followed, now and at every ingest, and publish."""
    _decide(lambda warehouse: warehouse.rules.approve(number, Decision(author, reason)))


@rule.command()
def withdraw(number: Number, author: Author, reason: Reason) -> None:
    """Follow a rule no longer, withdraw the links that stand by it, and publish."""
    _decide(lambda warehouse: warehouse.rules.withdraw(number, Decision(author, reason)))


def _decide(decide: Callable[[Warehouse], Rule]) -> None:
    warehouse = Warehouse.open()
    with warehouse.writing() as writing:
        decided = decide(warehouse)
        manifest = writing.publish()
    standing = warehouse.crosswalk.standing(decided.collection).values()
    links = sum(entry.rule == decided.id and entry.subject is not None for entry in standing)
    err.print(
        f"rule {decided.id} is {decided.verdict}: {links:,} links stand by it; "
        f"generation {manifest.number} holds {manifest.quads:,} quads",
        highlight=False,
    )


@rule.command("list")
def list_rules(
    collection: Annotated[str | None, typer.Argument(help="Only of this collection.")] = None, json: Json = False
) -> None:
    """List the rules with their last verdict, and how many links stand by each."""
    warehouse = Warehouse.open()
    rules = warehouse.rules.all(collection)
    links: Counter[int | None] = Counter()
    for name in {item.collection for item in rules}:
        standing = warehouse.crosswalk.standing(name).values()
        links.update(entry.rule for entry in standing if entry.subject and entry.method is Method.RULE)
    if json:
        print_json([{**asdict(item), "links": links[item.id]} for item in rules])
        return
    columns = ("rule", "collection", "namespace", "steps", "verdict", "links", "author", "at", "reason")
    rows = [
        (r.id, r.collection, r.namespace or "-", str(r.steps), r.verdict, links[r.id], r.author, r.at, r.reason)
        for r in rules
    ]
    print_rows("Rules", columns, rows)
