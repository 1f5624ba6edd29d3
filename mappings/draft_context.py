"""What dates, numbers and ends the records of a table: its columns of dates, visits, lesions, readers and outcomes.

Each piece of evidence has a score and a reason. From `STATED` on a draft says it in its map, where a steward sees it
and strikes it out if it is wrong; below, it stands there as a comment. It takes effect with the decisions about the
columns that it serves, as all of a draft does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member

from mappings.profile import Column, ValueKind
from mappings.suggest import Advice
from mappings.words import shifting_words, words
from ontology.terms import ncit
from ontology.units import usual

__all__ = ["STATED", "Context", "Dated", "Served", "clock_of", "context_of", "of_lesions", "start_of"]

STATED = 0.6
"""The score from which a draft states what a column serves others for."""

ANCHORS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(rf"\b(?:{form})\b"), clock, anchor)
    for form, clock, anchor in (
        (r"randomi[sz]ation|randomi[sz]ed", "from-randomization", "q:RandomizationAnchor"),
        (r"registration|enrol\w*|registered|study entry", "from-registration", "q:RegistrationAnchor"),
        (r"diagnosis|diagnosed|dx", "from-diagnosis", "q:DiagnosisAnchor"),
        (r"surgery|operation|nephrectomy|mastectomy|resection|prostatectomy|surg", "from-surgery", "q:SurgeryAnchor"),
        (
            r"(?:first |start of |initial )?(?:treatment|therapy|radiotherapy|chemotherapy|rt|tx)(?: start)?",
            "from-first-treatment",
            "q:FirstTreatmentAnchor",
        ),
        (r"(?:baseline|first|initial) (?:scan|imaging|ct|mri?|pet)", "from-baseline-scan", "q:BaselineScanAnchor"),
        (r"base(?:line)?(?: ?d(?:ate|t))?|(?:index|reference) ?date", "from-base", ""),
    )
)
"""Words for the events from which days are counted, the name of the clock and the individual of the event."""
SINCE = re.compile(r"\b(?:from|since|after|post|relative to|following|based on)\b (.+)")
COUNTED = re.compile(r"\bdays? (?:from|since|after) .*? to ")
"""What stands before the day itself in *days from A to B*."""
BETWEEN = re.compile(r"\b(.+) to (.+)")
EVENTS = frozenset(
    {"birth", "death", "diagnosis", "surgery", "consent", "registration", "randomization", "enrollment", "contact"}
    | {"follow", "recurrence", "progression", "relapse", "treatment", "chemotherapy", "radiation", "therapy", "dead"}
    | {"menstrual", "menopause", "biopsy", "operation", "entry", "entered", "signed", "submitted", "received"}
    | {"form", "completed", "interpretation", "read", "due", "granted", "calendar", "scheduled", "prior", "override"}
    | {"report", "reported", "metastasis", "hospital", "discharge", "admission", "last", "onset"}
)
"""Words of dates that say when one event was, or when a form was filled in, and not when the rest of a row was seen."""
OBSERVED = frozenset(
    {"visit", "scan", "examination", "exam", "imaging", "image", "study", "assessment", "evaluation", "collection"}
    | {"sample", "specimen", "lab", "laboratory", "test", "measurement", "procedure", "mammogram", "mri", "ct", "pet"}
    | {"observation", "draw", "drawn"}
)
"""Words of dates that say when something was observed."""
FIXED = frozenset({ncit.SEX, ncit.RACE, ncit.ETHNIC_GROUP})
"""What is observed on no day."""
NUMBER = re.compile(r"\d+")
FIRST = frozenset({"baseline", "screening", "pre", "pretreatment", "pre-treatment", "initial", "start", "before"})
BY_NAME, ALONE, OBSERVES, ONCE = 0.9, 0.85, 0.75, 0.65


@dataclass(frozen=True)
class Served:
    """A field of other columns' records: the reference as YAML has it, with score and reason."""

    field: str
    column: Column
    ref: Mapping[str, str]
    score: float
    reason: str
    visits: Mapping[str, int] = member(default_factory=dict)
    """Of a visit: the texts and their numbers."""

    @property
    def stated(self) -> bool:
        """Whether the evidence suffices to say it in the map."""
        return self.score >= STATED


@dataclass(frozen=True)
class Dated(Served):
    """A date, or a count of days, with the columns that it dates."""

    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """All that serves the columns of a table."""

    dates: tuple[Dated, ...] = ()
    visit: Served | None = None
    lesion: Served | None = None
    reader: Served | None = None


def clock_of(text: str) -> tuple[str, str] | None:
    """The clock and anchor from which a count of days runs, by the words of a name; None where it names none.

    >>> clock_of("Days_from_diagnosis"), clock_of("days since surgery"), clock_of("LabDay")
    (('from-diagnosis', 'q:DiagnosisAnchor'), ('from-surgery', 'q:SurgeryAnchor'), None)
    """
    plain = _plain(text)
    if since := SINCE.search(plain):
        return _anchor(since[1].partition(" to ")[0])
    if between := BETWEEN.search(plain):
        # "diagnosis to death": the days are counted from what stands first
        return _anchor(between[1])
    return None


def _plain(text: str) -> str:
    """A name as words: folded, cut at signs and at capitals."""
    return " ".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold()))


def _anchor(text: str) -> tuple[str, str] | None:
    hits = [(hit.start(), clock, anchor) for pattern, clock, anchor in ANCHORS if (hit := pattern.search(text))]
    return min(hits)[1:] if hits else None


def start_of(column: Column) -> tuple[str, float, str] | None:
    """The event from which the time of an outcome is counted, with score and reason."""
    for text, score in ((column.header.text, 0.9), (column.described.label if column.described else "", 0.8)):
        if text and (found := clock_of(text)) and found[1]:
            return found[1], score, f"{text[:60]!r} says from when"
    return None


def context_of(advice: Sequence[Advice], subject: str | None, read: Sequence[Advice]) -> Context:
    """What serves the columns that are read, of a table whose subject is known."""
    key = next((item.column for item in advice if item.column.name == subject), None)
    many = key is not None and key.exact and key.distinct < 0.9 * key.filled
    reads = {item.column.name for item in read}
    others = [item for item in advice if item.column.name not in {subject, *reads} and item.proposed is None]
    return Context(
        dates=tuple(_dates(others, read, many=many)),
        visit=_visit(others, many=many),
        lesion=_lesion(others, many=many),
        reader=_reader(others, many=many),
    )


def _label(column: Column) -> str:
    return column.described.label if column.described else ""


def _telling(column: Column, *, labelled: bool = True) -> frozenset[str]:
    """The words of name and label that tell what a column is about, apart from that it is a date."""
    dull = {"date", "day", "dt", "year", "number", "value", "patient", "unit", "result", "time", "month", "week"}
    texts = (column.header.name, _label(column) if labelled else "")
    said = {word for text in texts for word in words(SINCE.sub("", COUNTED.sub("", _plain(text))))}
    return frozenset(said) - dull - (shifting_words() - {"visit", "test"})


def _day(column: Column) -> tuple[dict[str, str], str] | None:
    """How a column tells a day, and in which words; None where it does not."""
    if column.kind is ValueKind.DATE:
        return ({"format": column.form} if column.form else {}), "its dates"
    if not column.numeric or column.meanings or column.years:
        return None
    unit = usual(column.unit) if column.unit else None
    named = set(words(f"{column.header.name} {_label(column)}")) & {"day", "week"}
    said = clock_of(column.header.text) or clock_of(_label(column))
    if said is None or not (unit in {"d", "wk"} or named):
        return None
    weeks = unit == "wk" or (unit is None and "week" in named)
    return {"clock": said[0], **({"unit": "wk"} if weeks else {})}, f"its days {said[0].replace('-', ' ')}"


def _dates(others: Sequence[Advice], read: Sequence[Advice], *, many: bool) -> Iterator[Dated]:
    """The dates with what they date: columns of the same words, else all where a date is the only one."""
    days = [(item.column, *found) for item in others if (found := _day(item.column))]
    taken: dict[str, str] = {}
    for column, _, _ in days:
        kin = [item for item in read if _kin(column, item.column)]
        for item in kin:
            taken.setdefault(item.column.name, column.name)
    observing = [found[0] for found in days if _observed(found[0])] or [
        found[0] for found in days if not _telling(found[0]) & EVENTS
    ]
    for column, how, what in days:
        own = tuple(name for name, by in taken.items() if by == column.name)
        ref = {"column": column.name, **how}
        if own:
            yield Dated("when", column, ref, BY_NAME, f"{what} and these are called alike", of=own)
            continue
        rest = tuple(item.column.name for item in read if _dateable(item) and item.column.name not in taken)
        alone = [item.index for item in observing] == [column.index]
        score, reason = _for_all(column, alone=alone, many=many)
        if rest and (score >= STATED or not _telling(column) & EVENTS):
            yield Dated("when", column, ref, score, f"{what}: {reason}", of=rest)


def _for_all(column: Column, *, alone: bool, many: bool) -> tuple[float, str]:
    """How likely a date is that of the whole row."""
    if not alone:
        return 0.4, "it may be that of one event, or one of several"
    if _observed(column):
        return (ALONE if many else OBSERVES), "the only date of an observation in the table"
    if many:
        return ONCE + 0.05, "the only date of a table with several rows a subject"
    return 0.4, "it may be that of one event"


def _observed(column: Column) -> bool:
    return bool(_telling(column) & OBSERVED) and not _telling(column) & (EVENTS - {"biopsy", "procedure"})


def _dateable(item: Advice) -> bool:
    if item.proposed is None:
        return True  # the values of a long table
    target = item.proposed.target
    return target.record in {"measurement", "finding", "response"} and target.key not in FIXED


def _kin(date: Column, other: Column) -> bool:
    """Whether a date is that of another column, by their names: ``psa_date`` and ``psa``."""
    said = _telling(date, labelled=False)
    return (
        bool(said) and said <= _telling(other, labelled=False) | set(words(other.header.name)) and not said & OBSERVED
    )


def _role(others: Sequence[Advice], role: str) -> Advice | None:
    found = [item for item in others if item.role == f"role:{role}" and item.column.kind is not ValueKind.EMPTY]
    return max(found, key=lambda item: (item.role_score, -item.column.index), default=None)


def _visit(others: Sequence[Advice], *, many: bool) -> Served | None:
    """The column that names the visit, where its cells are numbers or have one each."""
    item = _role(others, "visit")
    if item is None:
        return None
    column = item.column
    numbers = visit_numbers(column)
    score = min(item.role_score, 0.95) * (1.0 if many else 0.7)
    reason = item.leave or "names the visit"
    if numbers is None:
        short = column.exact and len(column.values) <= 60 and all(len(cell) <= 32 for cell in column.values)
        ref = {"column": column.name, "as_written": "true", "lenient": "true"}
        reason = f"{reason}; its cells have no numbers of their own"
        return Served("visit_label", column, ref, score if short else min(score, 0.5), reason)
    listed = {cell: number for cell, number in numbers.items() if cell != str(number)}
    return Served("visit", column, {"column": column.name}, score, reason, listed)


def visit_numbers(column: Column) -> dict[str, int] | None:
    """A number for each visit of a column: the one in its text, 0 for the baseline; None where two would share one.

    >>> from mappings.profile import Profiler
    >>> profiler = Profiler(["visit"])
    >>> profiler.add([["baseline"], ["Visit 1"], ["Visit 2"]])
    >>> visit_numbers(profiler.columns()[0])
    {'Visit 1': 1, 'Visit 2': 2, 'baseline': 0}
    """
    if not column.exact or not 0 < len(column.values) <= 60:
        return None
    found: dict[str, int] = {}
    for cell in column.values:
        digits = NUMBER.findall(cell)
        if len(digits) == 1 and len(digits[0]) < 5 and not re.search(r"\d[.,]\d", cell):
            found[cell] = int(digits[0])
        elif not digits and set(re.findall(r"[a-z-]+", cell.casefold())) & FIRST:
            found[cell] = 0
        else:
            return None
    return dict(sorted(found.items())) if len(set(found.values())) == len(found) else None


def _lesion(others: Sequence[Advice], *, many: bool) -> Served | None:
    item = _role(others, "lesion") or next(
        (item for item in others if INDEXED.fullmatch(item.column.header.name)), None
    )
    if item is None or item.column.kind is ValueKind.EMPTY:
        return None
    short = item.column.exact and all(len(cell) <= 24 for cell in item.column.values)
    numbered = item.role != "role:lesion"
    score = min(0.85 if numbered else item.role_score, 0.95) * (1.0 if many else 0.75) * (1.0 if short else 0.5)
    reason = f"{item.column.name[:60]!r} numbers the lesions" if numbered else item.leave
    return Served("lesion", item.column, {"column": item.column.name}, score, reason)


def of_lesions(item: Advice) -> bool:
    """Whether what a column holds is said of a lesion: a size, an uptake, or something that its name says is one's."""
    if item.proposed is None or item.proposed.target.record not in {"measurement", "finding"}:
        return False
    target = item.proposed.target
    sized = target.record == "measurement" and target.unit in SIZES and target.key not in OF_PERSONS
    return sized or bool(set(words(f"{item.column.header.name} {target.label}")) & LESIONS)


INDEXED = re.compile(
    r"(?:\w+ )?(?:lesion|nodule|tumou?r|target|finding|roi|mass)[ _.]*"
    r"(?:no\.?|nr\.?|num|number|id|index|idx|#|name|label)",
    re.IGNORECASE,
)
"""Names of columns that number or name lesions; *number of lesions* counts them."""
SIZES = frozenset({"mm", "cm", "mm2", "cm2", "mm3", "cm3", "ml", "g/ml", "[hnsf'U]", "um2/s", "mm2/s", "/min"})
"""Units of what is measured of a lesion: sizes, uptake, density, diffusion, perfusion."""
OF_PERSONS = frozenset({ncit.HEIGHT})
LESIONS = frozenset({"lesion", "nodule", "tumor", "mass", "finding", "target"})


def _reader(others: Sequence[Advice], *, many: bool) -> Served | None:
    item = _role(others, "reader")
    if item is None:
        return None
    score = min(item.role_score, 0.95) * (1.0 if many else 0.8)
    return Served("reader", item.column, {"column": item.column.name}, score, item.leave or "names the reader")
