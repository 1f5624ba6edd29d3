"""Rules of the cross-walk: how an id of a namespace is written as a subject, proposed, approved, and then followed.

A rule looks at the id alone, never at what else the warehouse holds: whether an id is linked must not depend on data
that the reader of its records may not see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from shlex import quote
from typing import Literal

import sqlalchemy as sa

from store.control import now
from store.crosswalk import Crosswalk, CrosswalkError, Decision, Entry, Id, Links, Method
from store.identity import NAMESPACE, OWN

__all__ = ["IdRule", "Rule", "Rules", "UnknownRuleError", "Verdict"]

metadata = sa.MetaData()

rule_table = sa.Table(
    "crosswalk_rule",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("collection", sa.String, nullable=False),
    sa.Column("namespace", sa.String, nullable=False),
    sa.Column("steps", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
)
verdict_table = sa.Table(
    "crosswalk_rule_verdict",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rule", sa.Integer, nullable=False, index=True),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
)

Verdict = Literal["proposed", "approved", "withdrawn"]


class UnknownRuleError(CrosswalkError):
    """A number that is no rule's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"no rule {number}; see `qilin crosswalk rule list`")


@dataclass(frozen=True)
class IdRule:
    """How an id is written as a subject: a pattern's group, what is stripped, case, zeros, what is added, in order.

    An id that does not fit, by the pattern, by the prefix or suffix to strip, or by being no number where zeros are to
    be added, is none of the rule's. Without any step the id is the subject as it stands.

    >>> IdRule(pad=3, prefix="LUNG-").subject("17"), IdRule(pattern="(P_[0-9]+)_.*").subject("P_00001_LEFT_CC")
    ('LUNG-017', 'P_00001')
    """

    pattern: str = ""
    strip_prefix: str = ""
    strip_suffix: str = ""
    case: Literal["", "upper", "lower"] = ""
    pad: int = 0
    prefix: str = ""
    suffix: str = ""

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise CrosswalkError(f"the pattern is no regular expression: {error}") from error
        if self.pattern and groups != 1:
            raise CrosswalkError("the pattern has one group, which is what is kept of the id: 'case ([0-9]+)'")
        if not 0 <= self.pad <= 64:
            raise CrosswalkError("zeros are added up to 64 digits at most")

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def subject(self, source_id: str) -> str | None:
        """The subject of an id, or None where the id does not fit."""
        text = source_id
        if self.pattern:
            found = self._compiled.fullmatch(text)
            text = (found[1] or "") if found else ""
        if not (text.startswith(self.strip_prefix) and text.endswith(self.strip_suffix)):
            return None
        text = text.removeprefix(self.strip_prefix).removesuffix(self.strip_suffix)
        if not text or (self.pad and not (text.isascii() and text.isdigit())):
            return None
        text = {"upper": text.upper(), "lower": text.lower()}.get(self.case, text)
        return f"{self.prefix}{text.zfill(self.pad)}{self.suffix}"

    def __str__(self) -> str:
        """The steps, as options of ``qilin crosswalk rule propose``."""
        given = {name: value for name, value in asdict(self).items() if value}
        return " ".join(f"--{name.replace('_', '-')} {quote(str(value))}" for name, value in given.items()) or "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is recorded: of a collection and namespace, with its last verdict, by whom, when and why."""

    id: int
    collection: str
    namespace: str
    steps: IdRule
    verdict: Verdict
    author: str
    at: str
    reason: str


class Rules:
    """The rules of a warehouse, beside its cross-walk; writers hold the warehouse's write lock."""

    def __init__(self, crosswalk: Crosswalk) -> None:
        self.crosswalk = crosswalk
        self.engine = crosswalk.engine
        metadata.create_all(self.engine)

    def all(self, collection: str | None = None) -> list[Rule]:
        """Every rule with its last verdict, by number."""
        query = sa.select(rule_table).order_by(rule_table.c.id)
        if collection is not None:
            query = query.where(rule_table.c.collection == collection)
        verdicts = sa.select(verdict_table).order_by(verdict_table.c.id)
        with self.engine.begin() as connection:
            last = {row["rule"]: row for row in connection.execute(verdicts).mappings()}
            return [_rule(row, last) for row in connection.execute(query).mappings()]

    def approved(self, collection: str) -> list[Rule]:
        """The rules that are followed."""
        return [rule for rule in self.all(collection) if rule.verdict == "approved"]

    def collections(self) -> set[str]:
        """The collections that have approved rules."""
        return {rule.collection for rule in self.all() if rule.verdict == "approved"}

    def get(self, number: int) -> Rule:
        """A rule by its number; `UnknownRuleError`."""
        for rule in self.all():
            if rule.id == number:
                return rule
        raise UnknownRuleError(number)

    def propose(self, collection: str, namespace: str, steps: IdRule, decision: Decision) -> Rule:
        """Record a rule that is not followed yet."""
        if namespace != OWN and not NAMESPACE.fullmatch(namespace):
            raise CrosswalkError("a namespace has small letters, digits, '.', '-' and '_' only")
        if namespace == OWN and steps == IdRule():
            raise CrosswalkError("in the collection's own namespace an id is its subject already: give a step")
        row = {"collection": collection, "namespace": namespace, "steps": json.dumps(asdict(steps)), "at": now()}
        with self.engine.begin() as connection:
            result = connection.execute(sa.insert(rule_table), {**row, **asdict(decision)})
            assert result.inserted_primary_key is not None
            number = int(result.inserted_primary_key[0])
        return self.get(number)

    def approve(self, number: int, decision: Decision) -> Rule:
        """Have a rule followed from the next publication on."""
        rule = self.get(number)
        if rule.verdict != "proposed":
            raise CrosswalkError(f"rule {number} is {rule.verdict} already; propose it again")
        targets = {entry.subject for entry in self.crosswalk.standing(rule.collection).values() if entry.subject}
        if rule.namespace == OWN and any(rule.steps.subject(target) not in {None, target} for target in targets):
            raise CrosswalkError(f"rule {number} would link on what ids are linked to; withdraw those links first")
        return self._enter(number, "approved", decision)

    def withdraw(self, number: int, decision: Decision) -> Rule:
        """Follow a rule no longer, and withdraw the links that stand by it."""
        rule = self.get(number)
        if rule.verdict == "withdrawn":
            raise CrosswalkError(f"rule {number} is withdrawn already")
        standing = self.crosswalk.standing(rule.collection)
        gone = [(of, None) for of, entry in standing.items() if entry.subject and _stands_by(entry, number)]
        # the links first: cut off between the two, the rule is followed still, and can be withdrawn again
        self.crosswalk.enter(rule.collection, gone, Method.RULE, decision, number)
        return self._enter(number, "withdrawn", decision)

    def _enter(self, number: int, verdict: Verdict, decision: Decision) -> Rule:
        row = {"rule": number, "verdict": verdict, "at": now(), **asdict(decision)}
        with self.engine.begin() as connection:
            connection.execute(sa.insert(verdict_table), row)
        return self.get(number)

    # following

    def follow(self, collection: str, ids: Iterable[Id]) -> None:
        """Link the ids that nobody has decided; those on which the rules do not agree are left as they are."""
        rules = self.approved(collection)
        if not rules:
            return
        standing = self.crosswalk.standing(collection)
        links = Links({of: entry.subject for of, entry in standing.items() if entry.subject})
        new, _ = followed(rules, links, open_ids(standing, ids))
        for rule, found in new.items():
            self.crosswalk.enter(collection, found, Method.RULE, Decision(rule.author, rule.reason), rule.id)


def open_ids(standing: Mapping[Id, Entry], ids: Iterable[Id]) -> list[Id]:
    """The ids that rules may link: without a link, and without a decision that they have none."""
    return [of for of in ids if of not in standing or (standing[of].subject is None and standing[of].rule is not None)]


def followed(
    rules: Iterable[Rule], links: Links, ids: Iterable[Id]
) -> tuple[dict[Rule, list[tuple[Id, str | None]]], set[Id]]:
    """What rules make of ids, by rule, added to ``links`` too; and the ids on which they do not agree.

    They do not agree where two name different subjects, or where the subject named is itself linked elsewhere, now or
    by a rule.
    """
    by_namespace: dict[str, list[Rule]] = {}
    for rule in rules:
        by_namespace.setdefault(rule.namespace, []).append(rule)

    def named(of: Id) -> dict[str, Rule]:
        """The subjects that rules name, other than the id itself, each with the first rule that does."""
        found: dict[str, Rule] = {}
        for rule in by_namespace.get(of[0], ()):
            subject = rule.steps.subject(of[1])
            if subject is not None and of != (OWN, subject):
                found.setdefault(subject, rule)
        return found

    new: dict[Rule, list[tuple[Id, str | None]]] = {}
    ambiguous: set[Id] = set()
    for of in sorted(ids):
        found = named(of)
        if not found:
            continue
        subject, rule = next(iter(found.items()))
        if len(found) > 1 or named((OWN, subject)) or links.problem(of, subject):
            ambiguous.add(of)
        else:
            links.put(of, subject)
            new.setdefault(rule, []).append((of, subject))
    return new, ambiguous


def _stands_by(entry: Entry, rule: int) -> bool:
    return entry.method is Method.RULE and entry.rule == rule


def _rule(row: sa.RowMapping, verdicts: Mapping[int, sa.RowMapping]) -> Rule:
    last = verdicts.get(row["id"], {**row, "verdict": "proposed"})
    said = {name: last[name] for name in ("verdict", "author", "at", "reason")}
    steps = IdRule(**json.loads(row["steps"]))
    return Rule(id=row["id"], collection=row["collection"], namespace=row["namespace"], steps=steps, **said)
