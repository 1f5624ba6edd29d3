"""What a draft states of dates, visits, lesions and ends of outcomes, with score and reason, and what it only asks."""

import pytest
import yaml

from mappings.draft import draft
from mappings.draft_context import clock_of
from mappings.draft_sets import Sheet
from mappings.knowledge import gather
from mappings.layout import Layout
from mappings.profile import Profiler, Table
from mappings.shape import Shape
from mappings.suggest import Suggester
from mappings.suggest_values import values_of


@pytest.fixture(scope="module")
def suggester():
    return Suggester(gather([]))


@pytest.fixture
def drafted(suggester):
    """The draft of a table: its text and its part."""

    def made(*rows):
        profiler = Profiler(rows[0])
        profiler.add(rows[1:])
        table = Table("t.csv", "table", None, True, Layout((1,), 2), profiler.rows, tuple(profiler.columns()))
        advice = suggester.table(table)
        values = {i.column.name: values_of(suggester, i.column, i.proposed.target) for i in advice if i.proposed}
        text = draft("x", "X", None, [Sheet(table, advice, values)], "2026-11-24").shape
        return text, Shape.model_validate(yaml.safe_load(text)).parts()[0]

    return made


LABS = [
    ["Patient ID", "Visit", "Scan date", "Lesion number", "Longest diameter (mm)", "Sex"],
    ["P1", "baseline", "2014-02-03", "1", "12", "male"],
    ["P1", "Visit 1", "2014-04-03", "1", "10.5", "male"],
    ["P1", "Visit 2", "2014-06-03", "2", "9", "male"],
    ["P2", "baseline", "2014-02-07", "1", "31", "female"],
    ["P2", "Visit 1", "2014-04-09", "1", "33", "female"],
    ["P2", "Visit 2", "2014-07-09", "2", "35", "female"],
]


def test_dates_visits_and_lesions_of_repeated_rows(drafted):
    text, part = drafted(*LABS)
    size = part.columns["Longest diameter (mm)"][0]
    assert size.fields["when"].column == "Scan date"
    assert size.fields["visit"].column == "Visit"
    assert size.fields["lesion"].column == "Lesion number"
    assert part.visits == {"baseline": 0, "Visit 1": 1, "Visit 2": 2}
    sex = part.columns["Sex"][0]
    assert not {"when", "lesion"} & sex.fields.keys(), "a person's sex is seen on no day and of no lesion"
    for said in ("# when, 0.85", "# visit, 0.", "lesion, 0."):
        assert said in text


def test_a_date_dates_what_is_called_as_it_is(drafted):
    _, part = drafted(
        ["id", "psa_date", "psa (ng/ml)", "weight_date", "weight (kg)", "date_of_birth"],
        ["1", "03.02.2014", "4.5", "01.02.2014", "70", "01.02.1960"],
        ["2", "13.02.2014", "5.5", "11.02.2014", "80.5", "21.02.1950"],
    )
    assert part.columns["psa (ng/ml)"][0].fields["when"].column == "psa_date"
    assert part.columns["psa (ng/ml)"][0].fields["when"].format == ("%d.%m.%Y",)
    assert part.columns["weight (kg)"][0].fields["when"].column == "weight_date"


def test_days_from_an_event_are_a_clock(drafted):
    _, part = drafted(
        ["id", "scan_days_from_diagnosis", "Longest diameter (mm)"],
        ["1", "3", "12.5"],
        ["1", "40", "10"],
        ["2", "5", "9"],
    )
    when = part.columns["Longest diameter (mm)"][0].fields["when"]
    assert (when.column, when.clock) == ("scan_days_from_diagnosis", "from-diagnosis")


def test_a_date_of_an_event_dates_nothing_else(drafted):
    text, part = drafted(["id", "date_of_surgery", "weight (kg)"], ["1", "2014-02-03", "70"], ["2", "2014-05-03", "81"])
    assert "when" not in part.columns["weight (kg)"][0].fields
    assert "dated_by" not in text


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        ("OS_STATUS", ["1:DECEASED", "0:LIVING"], (("1:DECEASED",), ("0:LIVING",))),
        ("Vital status", ["Dead", "Alive"], (("Dead",), ("Alive",))),
        ("Vital status (0=alive, 1=dead)", ["1", "0"], (("1",), ("0",))),
        ("death_event", ["1", "0"], (("1",), ("0",))),
        ("vital_status", ["1", "0"], None),
        ("censored", ["1", "0"], None),
        ("PFS_STATUS", ["1:PROGRESSION", "0:CENSORED"], None),
        ("cause_of_death", ["yes", "no"], None),
    ],
)
def test_the_status_of_survival(drafted, header, cells, said):
    rows = [["id", "OS_days_from_surgery", header], *([str(n), str(90 * n + 7), cells[n % 2]] for n in range(1, 9))]
    text, part = drafted(*rows)
    entry = part.columns["OS_days_from_surgery"][0]
    assert entry.fields["start_event"] == "q:SurgeryAnchor"
    event = entry.fields.get("event")
    assert (event and (event.is_true, event.is_false)) == said
    assert ("# ? event, 0." in text) == (said is not None)


def test_each_outcome_has_its_own_status(drafted):
    _, part = drafted(
        ["id", "OS_days", "PFS_days", "death", "progression"],
        *([str(n), str(90 * n), str(40 * n), "yes" if n % 2 else "no", "no" if n % 3 else "yes"] for n in range(1, 9)),
    )
    assert part.columns["OS_days"][0].fields["event"].column == "death"
    assert part.columns["PFS_days"][0].fields["event"].column == "progression"


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("Days from Base_dt to date of procedure", "from-base"),
        ("days_since_randomization", "from-randomization"),
        ("diagnosis to death (days)", "from-diagnosis"),
        ("weeks after start of treatment", "from-first-treatment"),
        ("days to last contact", None),
    ],
)
def test_clocks(text, clock):
    assert (clock_of(text) or (None,))[0] == clock
