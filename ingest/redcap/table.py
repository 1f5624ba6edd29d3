"""A project's records as one table, whichever export they come from.

Columns bear field names; cells of choices are labels, of checkboxes 1 and 0; events are unique names and repeating
instruments form names; codes for missing data are empty. So one table map reads them all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ingest.redcap.boxes import SWITCHED, box_cells, spread
from ingest.redcap.dictionary import Dictionary, RedcapField, shown_text
from ingest.redcap.events import name_reader, visit_numbers
from ingest.table.file import TableError, TableFile
from mappings.shape import Entry, Part, Ref, plain, template
from ontology.records import Extent

__all__ = ["INSTANCE", "INSTRUMENT", "SHOWN", "ProjectTable"]

EVENT, INSTRUMENT, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
SHOWN = {
    "Event Name": EVENT,
    "Repeat Instrument": INSTRUMENT,
    "Repeat Instance": INSTANCE,
    "Data Access Group": "redcap_data_access_group",
    "Survey Identifier": "redcap_survey_identifier",
}
"""What label exports call the columns that REDCap adds on its own."""

TOLD_APART = (
    "StudyEventRepeatKey",
    "FormOID",
    "FormRepeatKey",
    "ItemGroupOID",
    "ItemGroupRepeatKey",
    INSTRUMENT,
    INSTANCE,
)
"""The columns that, beside record and event, tell rows apart."""

STATUS = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
NOT_COMPLETED = "[not completed]"
DATED = "date of {}"
"""The name of the column that this table adds for the date of an instrument's records."""

Cell = Callable[[str], str]


class ProjectTable(TableFile):
    """The records of a project in the layout of a raw export."""

    def __init__(self, path: Path, dictionary: Dictionary) -> None:
        super().__init__(path)
        self.dictionary = dictionary
        self._dates: dict[str, str] = {}
        self._kept: dict[str, frozenset[str]] = {}

    def raw(self) -> Iterator[Sequence[str]]:
        """The rows as they stand in the source, the first being the column names."""
        return super().rows()

    def names(self) -> list[str]:
        """The field names of the columns; `TableError` where the source cannot be read."""
        return list(next(self.rows(), []))

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:  # noqa: ARG002 - a project is one table
        """The rows, the first being the field names."""
        rows = self.raw()
        first = [plain(cell) for cell in next(rows, [])]
        labelled = bool(first) and first[0] != self.dictionary.subject
        named = _by_label(self.dictionary, first) if labelled else first
        names, rows = spread(self.dictionary, named, rows)
        dated = self._dated(names)
        yield [*names, *(DATED.format(form) for form in dated)]
        cells = self._cells(names, labelled=labelled)
        days = _Days(names, dated, self.dictionary)
        for row in rows:
            read = [meaning(cell.strip()) if meaning else cell for meaning, cell in zip(cells, row, strict=False)]
            if len(row) > len(names):
                read.extend(row[len(names) :])  # more cells than columns: for the engine to refuse
            elif dated:
                read.extend([""] * (len(names) - len(read)))
                read.extend(days.of(read))
            yield read

    # what cells say

    def _cells(self, names: Sequence[str], *, labelled: bool) -> list[Cell | None]:
        """What the cells of each column stand for; None where they are as they read."""
        return [self._cell(name, labelled=labelled) for name in names]

    def _cell(self, name: str, *, labelled: bool) -> Cell | None:
        found = self.dictionary.field_of(name)
        if found is None:
            return self._added(name)
        lacking = self._lacking(found, name)
        if found.type == "checkbox":
            return _translated({**box_cells(found, name), **dict.fromkeys(lacking, "")})
        if found.ontology:
            return _without_address
        if labelled or not found.choices:
            # in a label export a label may look like another choice's code
            return _translated(dict.fromkeys(lacking, "")) if lacking else None
        table = dict(found.choices)
        if set(table) == {"0", "1"}:
            table.update({text: table[code] for text, code in SWITCHED.items() if text not in table.values()})
        return _translated({**dict.fromkeys(lacking, ""), **table})

    def _added(self, name: str) -> Cell | None:
        """The cells of columns that REDCap adds to those of the dictionary."""
        if name == self.dictionary.event_column:
            return name_reader(self.dictionary.events) if name == EVENT else None
        if name == INSTRUMENT:
            known = {_slug(form): form for form in self.dictionary.forms}
            return lambda cell: known.get(_slug(cell), cell)
        if name.endswith("_complete") and self.dictionary.form_of(name):
            return _translated(STATUS)
        if name.endswith("_timestamp"):
            return _translated({NOT_COMPLETED: ""})
        return None

    def _lacking(self, found: RedcapField, column: str) -> set[str]:
        """The cells of a column that are the project's codes for missing data."""
        if "@NOMISSING" in found.annotation:
            return set()
        texts = {text for pair in self.dictionary.missing_codes.items() for text in pair}
        own = {*found.choices, *found.choices.values()}
        return texts - own - self._kept.get(column, frozenset())

    # what of the project it holds

    def extent(self, part: Part, mark: Callable[[str], str]) -> Extent | None:
        """What of the project the export holds; rows in which nothing is said are none."""
        try:
            return self._extent(part, mark)
        except TableError:
            return None  # which is told where the rows are read

    def _extent(self, part: Part, mark: Callable[[str], str]) -> Extent:
        known = {name: item for item in self.dictionary.fields.values() for name in item.columns()}
        key = self.dictionary.subject
        rows = self.rows()
        names = next(rows, [])
        places = [
            (at, name) for at, name in enumerate(names) if name in {key, self.dictionary.event_column, *TOLD_APART}
        ]
        unticked = {at: "0" for at, name in enumerate(names) if name in known and known[name].type == "checkbox"}
        said = [at for at, name in enumerate(names) if name in known and name != key]
        told = {
            "\x1f".join(sorted(f"{name}={row[at].strip()}" for at, name in places if at < len(row) and row[at].strip()))
            for row in rows
            if any(row[at].strip() not in {"", unticked.get(at, "")} for at in said if at < len(row))
        }
        return Extent(
            fields=frozenset(self.dictionary.fields),
            columns=frozenset(known).intersection(names) - {key},
            rows=frozenset(bytes.fromhex(mark(place)[:16]) for place in told),
            wanted=frozenset(filter(part.stores, known)) - {key},
        )

    # what a table map need not say

    def completed(self, part: Part) -> Part:
        """The part with dates by instrument and event, and with visits from the events' names."""
        self._kept = {
            name: frozenset(cell for entry in entries for cell in entry.absent)
            for name, entries in part.columns.items()
        }
        self._dates = {}
        self._heads.clear()
        header = self.headers(part)
        self._dates = self._checked(part.dates, header)
        self._heads.clear()
        visits = self._visits(part.visits)
        events = self.dictionary.event_column in header
        columns = {
            name: tuple(self._entry(entry, self._form(name, header), visits, events=events) for entry in entries)
            for name, entries in part.columns.items()
        }
        return part.model_copy(update={"columns": columns, "visits": visits})

    def _checked(self, given: Mapping[str, str], header: Sequence[str]) -> dict[str, str]:
        """Date columns by instrument or unique event name; `TableError` where there is no such thing."""
        known = {event.name for event in self.dictionary.events}
        read = name_reader(self.dictionary.events)
        dates: dict[str, str] = {}
        for name, column in given.items():
            if column not in header or column in self.dictionary.closed:
                what = "is closed" if column in self.dictionary.closed else "is not in the export"
                raise TableError("map", f"dates: {column!r} {what}", "a date field that may be read")
            event = name if name in self.dictionary.forms else read(name)
            if event not in self.dictionary.forms and known and event not in known:
                wanted = ", ".join([*self.dictionary.forms, *sorted(known)])
                raise TableError("map", f"dates: {name!r} is neither an instrument nor an event", f"one of {wanted}")
            dates[event] = column
        return dates

    def _visits(self, given: Mapping[str, int]) -> dict[str, int]:
        """Visit numbers by unique event name: as the map says, by unique name or label, else by the events' order."""
        events = self.dictionary.events
        read = name_reader(events)
        by_name = {read(name): number for name, number in given.items()}
        by_label = {event.name: given[event.label] for event in events if event.label in given}
        return {**visit_numbers(events), **by_name, **by_label, **given}

    def _form(self, written: str, header: Sequence[str]) -> str | None:
        """The instrument of a column, or of the first that fits a pattern."""
        pattern = template(written)
        named = [written] if pattern is None else [name for name in header if pattern.fullmatch(name)]
        return next((form for name in named if (form := self.dictionary.form_of(name))), None)

    def _entry(self, entry: Entry, form: str | None, visits: Mapping[str, int], *, events: bool) -> Entry:
        added: dict[str, Ref] = {}
        if form and form in self._dated_forms() and entry.takes("when"):
            added["when"] = Ref(column=DATED.format(form))
        if events and entry.takes("visit") and entry.takes("visit_label"):
            event = self.dictionary.event_column
            added |= {"visit": Ref(column=event)} if visits else {"visit_label": Ref(column=event, as_written=True)}
        return entry.giving(**added) if added else entry

    def _dated_forms(self) -> list[str]:
        """The instruments whose records have a date: by their own field, or all by that of an event."""
        by_event = set(self._dates) - set(self.dictionary.forms)
        return [form for form in self.dictionary.forms if by_event or form in self._dates]

    def _dated(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """For each dated instrument, the index of its date field (by its name), and of those of events."""
        index = {name: number for number, name in enumerate(names)}
        return {
            form: {
                name: index[column]
                for name, column in self._dates.items()
                if column in index and (name == form or name not in self.dictionary.forms)
            }
            for form in self._dated_forms()
        }


class _Days:
    """The dates of a row's instruments; a repetition without its own is dated by the row that it belongs to."""

    def __init__(self, names: Sequence[str], dated: Mapping[str, Mapping[str, int]], dictionary: Dictionary) -> None:
        self._dated = dated
        index = {name: number for number, name in enumerate(names)}
        self._subject = _Cells(index, (dictionary.subject,))
        self._event = _Cells(index, (dictionary.event_column,))
        self._visit = _Cells(index, (dictionary.event_column, "StudyEventRepeatKey"))
        self._form = _Cells(index, (dictionary.event_column, "StudyEventRepeatKey", "FormOID", "FormRepeatKey"))
        self._repeat = _Cells(index, (INSTRUMENT, INSTANCE, "ItemGroupRepeatKey"))
        columns = {index: names[index] for places in dated.values() for index in places.values()}
        self._forms = {index: dictionary.form_of(name) for index, name in columns.items()}
        self._record: tuple[str, ...] = ()
        self._held: dict[tuple[int, tuple[str, ...]], str] = {}

    def of(self, row: Sequence[str]) -> list[str]:
        """The date of each dated instrument."""
        if (record := self._subject.of(row)) != self._record:
            self._held.clear()
            self._record = record
        if not any(self._repeat.of(row)):
            for index in self._forms:
                if row[index]:
                    self._held[index, self._visit.of(row)] = self._held[index, self._form.of(row)] = row[index]
        return [self._day(form, places, row) for form, places in self._dated.items()]

    def _day(self, form: str, places: Mapping[str, int], row: Sequence[str]) -> str:
        (event,) = self._event.of(row) or ("",)
        for index in [places[name] for name in (form, event) if name in places]:
            # a date of the instrument itself stands in the same repetition of it, another anywhere in the event
            whole = self._form if self._forms[index] == form else self._visit
            if text := row[index] or self._held.get((index, whole.of(row)), ""):
                return text
        return ""


class _Cells:
    """Some cells of a row, of those columns that there are."""

    def __init__(self, index: Mapping[str, int], names: Sequence[str]) -> None:
        self._places = [index[name] for name in names if name in index]

    def of(self, row: Sequence[str]) -> tuple[str, ...]:
        """Their texts."""
        return tuple(row[place].strip() for place in self._places)


def _without_address(cell: str) -> str:
    """The code of a concept that is given by its IRI."""
    return re.split("[/#]", cell)[-1] if "://" in cell else cell


def _translated(table: Mapping[str, str]) -> Cell:
    return lambda cell: table.get(cell, cell)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _by_label(dictionary: Dictionary, header: Sequence[str]) -> list[str]:
    """Field names for the column names of a label export; what cannot be told is left as it reads.

    Several fields may bear one label; exports keep the order of the dictionary, so where as many columns bear it as
    there are fields, they are told apart by their order.
    """
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for name, label in _labelled(dictionary):
        fields[label].append(name)
    shown: defaultdict[str, list[int]] = defaultdict(list)
    for number, label in enumerate(header):
        shown[shown_text(label)].append(number)
    names = list(header)
    for label, places in shown.items():
        found = fields.get(label, [])
        if len(found) == len(places):
            for number, name in zip(places, found, strict=True):
                names[number] = name
    return names


def _labelled(dictionary: Dictionary) -> Iterator[tuple[str, str]]:
    """Every column that an export may have, with its label, in the order of exports."""
    yield from ((name, label) for label, name in SHOWN.items())
    for form in dictionary.forms:
        yield f"{form}_timestamp", "Survey Timestamp"
        for item in dictionary.fields.values():
            if item.form == form:
                yield from item.columns().items()
                if item.type == "checkbox":
                    yield item.name, shown_text(item.label)
        yield f"{form}_complete", "Complete?"
