"""The first mapping, which needs no typing: a table map made of what a project's own dictionary says.

A field whose annotation names a common data element comes in under that element: the element says what kind of record
it makes, its variable and its unit, and a choice means the permissible value whose text it has. A field whose
annotation names a concept comes in under that concept. Nothing is guessed: what is not the same text or the same code
waits for the steward, and every field that is left out is listed with the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.base import Context
from ingest.redcap.dictionary import Dictionary, RedcapField
from ingest.redcap.table import INSTANCE, INSTRUMENT, ProjectTable
from ingest.redcap.values import Meaning, Waits, unit_of_field
from ingest.table.file import TableError
from ingest.table.reader import Input
from mappings.shape import Entry, Shape
from mappings.sssom import NO_TERM, Decision, Decisions
from mappings.tables import TableMap
from ontology.elements import Element, Makes, fullest
from ontology.prefixes import Curie
from ontology.variables import VariableKind, canonical

__all__ = ["Elements", "project_input", "propose"]

Elements = Mapping[tuple[Curie, str], Element]

NAME = "data-dictionary"
"""Of the rules below: a change of theirs makes records anew."""

LISTED = 60
"""Fields named in one line of what waits."""

YES_NO = {"is_true": ["Yes", "True"], "is_false": ["No", "False"]}
MANY_DATES = "several fields would date its instrument"
UNKNOWN_ELEMENT = "the data element is not known here (qilin terms import brings it in)"
NO_CHOICE = "no choice has the text or the code of a permissible value that has a concept"
NO_BOX = "the box is of no permissible value that has a concept"
WANTED = "a decision of the steward in a table map, or an annotation of the field"


@dataclass
class _Proposal:
    """What is proposed so far."""

    columns: dict[str, list[Entry]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    dates: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The fields that would date an instrument; where there are several, none does."""
    left: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def decide(self, column: str, value: str, term: str) -> None:
        """Note what a cell of a column means."""
        self.decisions.append(Decision(column, value, "skos:exactMatch", term, line=len(self.decisions) + 1))


def project_input(
    kind: str, table: ProjectTable, digest: str, context: Context, *, name: str = "", locator: str = ""
) -> Input:
    """A project on its way in, with the map that follows from its dictionary; name and locator as `Input` has them."""
    dictionary = table.dictionary
    try:
        header = table.names()
    except TableError:
        header = []  # the engine says what is wrong with the file
    boxes = {name for name in header if name.split("___", 1)[0] in dictionary.closed}
    proposed: TableMap | None = None
    left: dict[str, list[str]] = {}
    annotated = any(item.named or item.concept for item in dictionary.fields.values())
    if annotated and not context.mapping:
        proposed, left = propose(dictionary, header, context.elements())
    given = Input(
        kind=kind,
        path=table.path,
        table=table,
        digest=digest,
        elements=dictionary.elements,
        labels=dictionary.labels,
        closed=dictionary.closed | boxes,
        codes=dictionary.codes,
        decimals=dictionary.decimals,
        proposed=proposed,
        name=name,
        locator=locator,
    )
    waiting = [given.reject(_listed(names), reason, WANTED) for reason, names in left.items()]
    return replace(given, waiting=tuple(waiting))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"fields {', '.join(names[:LISTED])}{more}"


def propose(
    dictionary: Dictionary, header: Iterable[str], elements: Elements
) -> tuple[TableMap | None, dict[str, list[str]]]:
    """The map that follows from a dictionary for an export with these columns, and the fields left, by reason.

    None where no field is annotated, or the export lacks the subject's column. Fields that identify a person are
    neither mapped nor listed.
    """
    present = list(header)
    proposal = _Proposal()
    by_field: defaultdict[str, list[str]] = defaultdict(list)
    for name in present:
        if (found := dictionary.field_of(name)) is not None:
            by_field[found.name].append(name)
    for item in dictionary.fields.values():
        columns = by_field[item.name]
        if not columns or item.closed or item.name == dictionary.subject or item.type == "descriptive":
            continue
        try:
            _propose(proposal, item, columns, elements)
        except Waits as reason:
            proposal.left[str(reason)].append(item.name)
    if not proposal.columns or dictionary.subject not in present:
        return None, {}
    undated = [name for names in proposal.dates.values() if len(names) > 1 for name in names]
    if undated:
        proposal.left[MANY_DATES] = undated
    return _as_map(dictionary, proposal, present), proposal.left


def _as_map(dictionary: Dictionary, proposal: _Proposal, present: list[str]) -> TableMap:
    repeat = {"replicate": {"column": INSTANCE}} if INSTANCE in present and INSTRUMENT in present else {}
    shape = Shape.model_validate(
        {
            "name": NAME,
            "title": "What the data dictionary says",
            "subject": dictionary.subject,
            "dates": {form: names[0] for form, names in proposal.dates.items() if len(names) == 1},
            "common": repeat,
            "columns": {name: list(entries) for name, entries in proposal.columns.items()},
        }
    )
    rows = tuple(proposal.decisions)
    return TableMap(Path(NAME), shape, shape.parts(), Decisions(Path("a table map of your own"), rows))


def _propose(proposal: _Proposal, item: RedcapField, columns: list[str], elements: Elements) -> None:
    """Propose what a field makes; `Waits` where it is left to the steward."""
    element = _element(item, elements)
    if element is None and item.concept is None:
        named = item.named
        raise Waits(UNKNOWN_ELEMENT if named else "no annotation names a data element or a concept")
    if element is not None:
        makes = ELEMENTS.get(element.makes)
        if makes is None:
            raise Waits(REFUSED.get(element.makes, "the data element makes no record of its own"))
        makes(proposal, item, columns, element)
        return
    assert item.concept is not None
    registered = canonical(item.concept)
    meant = registered.curie if registered else item.concept
    same = [found for found in elements.values() if found.variable == meant]
    _observation(proposal, item, columns, item.concept, None, Meaning.by(item, same))


def _element(item: RedcapField, elements: Elements) -> Element | None:
    """The element that a field names: in the version that it names, else in the newest whose values are known."""
    if item.named is None:
        return None
    known = [found for (curie, _), found in elements.items() if curie == item.named.curie]
    exact = [found for found in known if found.version == item.named.version]
    return exact[0] if exact else fullest(known) if known else None


# what each kind of element makes

REFUSED = {
    Makes.IDENTIFYING: "the data element identifies a person, and the dictionary does not flag the field",
    Makes.ADMINISTRATIVE: "the data element says something of the study, not of the subject",
    Makes.SUBJECT: "the data element names the subject, whom the record's identifier names",
    Makes.OUTCOME: "an outcome needs its event and its start, which only a table map can say",
    Makes.TREATMENT: "a treatment is made of several fields, which only a table map can join",
}


def _observed(proposal: _Proposal, item: RedcapField, columns: list[str], element: Element) -> None:
    variable = element.variable or item.concept or element.curie
    _observation(proposal, item, columns, variable, element, Meaning.by(item, [element]))


def _response(proposal: _Proposal, item: RedcapField, columns: list[str], element: Element) -> None:
    if not item.choices or item.type == "checkbox":
        raise Waits("a response is one of several choices, and the field has none")
    variable = element.variable or item.concept or element.curie
    _coded(proposal, item, columns[0], _entry("response", variable=variable), Meaning.by(item, [element]))


def _event(proposal: _Proposal, item: RedcapField, columns: list[str], element: Element) -> None:
    kind = element.variable or item.concept
    if kind is None or not item.validation.startswith("date"):
        raise Waits("nothing says which event the field dates, or it holds no date")
    proposal.columns[columns[0]] = [_entry("event", kind=kind)]


def _dating(proposal: _Proposal, item: RedcapField, columns: list[str], element: Element) -> None:  # noqa: ARG001
    if not item.validation.startswith("date"):
        raise Waits("the data element counts days, and nothing says from which event")
    proposal.dates[item.form].append(columns[0])


ELEMENTS: Mapping[Makes, Callable[[_Proposal, RedcapField, list[str], Element], None]] = {
    Makes.FINDING: _observed,
    Makes.MEASUREMENT: _observed,
    Makes.RESPONSE: _response,
    Makes.EVENT: _event,
    Makes.DATE: _dating,
}
"""What the fields of an element are proposed as; those of other kinds wait, for the reasons in `REFUSED`."""


def _observation(
    proposal: _Proposal,
    item: RedcapField,
    columns: list[str],
    variable: Curie,
    element: Element | None,
    meaning: Meaning,
) -> None:
    """A finding or measurement, by the type of the field."""
    registered = canonical(variable)
    if registered is not None and registered.kind not in {VariableKind.FINDING, VariableKind.MEASUREMENT}:
        raise Waits(f"an annotation of {registered.kind} needs more than one field, which only a table map can join")
    if item.type == "checkbox":
        _ticked(proposal, item, columns, variable, meaning)
        return
    counted = registered is not None and registered.kind is VariableKind.MEASUREMENT
    if (item.choices or item.ontology) and not counted:
        _coded(proposal, item, columns[0], _entry("finding", variable=variable), meaning)
    elif _numeric(item, element):
        unit = unit_of_field(item, element, registered)
        # beside the numbers of a score stand choices such as "not reported"
        reasons = {label: term for label, term in meaning.of_choices() if not _is_number(label) and term != NO_TERM}
        said = {"variable": variable, "absent": reasons, **({"unit": unit} if unit else {})}
        proposal.columns[columns[0]] = [_entry("measurement", **said)]
    else:
        raise Waits("text or choices that are neither numbers nor a list of values that could be matched")


def _entry(record: str, **said: object) -> Entry:
    return Entry.model_validate({"record": record, **said})


def _numeric(item: RedcapField, element: Element | None) -> bool:
    if item.choices:
        return any(map(_is_number, item.choices.values()))
    if item.validation.startswith(("number", "integer")) or item.type in {"calc", "slider"}:
        return True
    return item.type == "text" and not item.validation and element is not None and element.makes is Makes.MEASUREMENT


def _is_number(label: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", label) is not None


def _coded(proposal: _Proposal, item: RedcapField, column: str, entry: Entry, meaning: Meaning) -> None:
    """A field with one choice of several: each choice with the term that it means."""
    decided = dict(meaning.of_choices())
    if item.type in {"yesno", "truefalse"} and not decided:
        proposal.columns[column] = [_entry(entry.record, type="boolean", **YES_NO, **entry.fields)]
        return
    if not decided and not item.ontology:
        raise Waits(NO_CHOICE)
    proposal.columns[column] = [entry]
    for label, term in decided.items():
        proposal.decide(column, label, term)


def _ticked(proposal: _Proposal, item: RedcapField, columns: list[str], variable: Curie, meaning: Meaning) -> None:
    """Each ticked box is a finding; one that is not ticked may not have been asked, and says nothing."""
    decided = dict(meaning.of_choices())
    left: list[str] = []
    by_column = dict(zip(item.columns(), item.choices.values(), strict=False))
    for column in columns:
        label = by_column.get(column)
        if label is None or decided.get(label, NO_TERM) == NO_TERM:
            left.append(column)
            continue
        proposal.columns[column] = [_entry("finding", only_if=["1"], variable=variable, value_concept=decided[label])]
    if left == columns:
        raise Waits(NO_CHOICE)
    if left:
        proposal.left[NO_BOX].extend(left)
