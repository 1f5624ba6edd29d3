"""What records say, so that those of a document written here can be compared with those that it was written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from analysis.measurement_set import MeasurementSet, gathered
from analysis.writing import FORMATS, Written, write_documents
from ingest.aim import reader as aim
from ingest.base import Context, Yield
from ingest.sr import reader as sr
from mappings.codes import bundled
from ontology.records import Observation, Procedure, Record, Reject, SourceRecord

CONTEXT = Context(collection="golden", secret=b"a secret of the tests", attested=True)
READERS = {"aim": aim.read, "sr": sr.read}

SHARED = [
    "subject",
    "variable",
    "value_concept",
    "statistic",
    "unit",
    "site",
    "laterality",
    "site_modifier",
    "reader",
    "visit",
    "visit_label",
    "absent_reason",
    "method",
]
OF_AIM = ["study", "series", "document", "lesion", "low", "high", "certainty", "derived"]
"""What AIM says and TID 1500 does not, or only of images whose classes are known."""


def number(value: object) -> object:
    return value if value is None or isinstance(value, str) else float(f"{float(value):.12g}")  # type: ignore[arg-type]


def sources(found: Iterable[Yield]) -> Iterator[list[Record]]:
    """The records of each source: keys are unique within it."""
    held: list[Record] = []
    for item in found:
        if isinstance(item, SourceRecord):
            yield held
            held = []
        elif isinstance(item, Record):
            held.append(item)
    yield held


def said(found: Iterable[Yield], *more: str) -> Counter[tuple[object, ...]]:
    """How often each thing is said, whatever it is called; with ``more`` fields also what it is part of."""
    total: Counter[tuple[object, ...]] = Counter()
    for records in sources(found):
        made = {
            item.key: (item.software, item.version, item.automation) for item in records if isinstance(item, Procedure)
        }
        whole = {item.key: item for item in records if isinstance(item, Observation)}
        for item in whole.values():
            part_of = whole[item.part_of].variable if more and item.part_of in whole else None
            fields = (getattr(item, name) for name in (*SHARED, *more))
            total[type(item).__name__, number(item.value), made.get(item.procedure or ""), part_of, *fields] += 1
    return total


def lesions(found: Iterable[Yield]) -> set[frozenset[tuple[object, ...]]]:
    """Which numbers are of one lesion, whatever it is called."""
    groups: dict[object, set[tuple[object, ...]]] = {}
    for item in found:
        if isinstance(item, Observation) and item.value is not None:
            groups.setdefault((item.subject, item.lesion), set()).add((item.variable, number(item.value)))
    return {frozenset(group) for group in groups.values()}


def set_of(found: Iterable[Yield], collection: str = "golden") -> MeasurementSet:
    return gathered(collection, [item for item in found if isinstance(item, Record)], deidentified=True)


def written(given: MeasurementSet, form: str, folder: Path) -> Written:
    return write_documents(given, form, bundled(), folder)


def read_again(form: str, folder: Path, context: Context = CONTEXT) -> list[Yield]:
    files = sorted(map(str, folder.glob(f"*{FORMATS[form].suffix}")))
    found = list(READERS[form](iter(files), context))
    assert not [item for item in found if isinstance(item, Reject)]
    return found
