"""What a table map can say: conditions, facets, joined names, repeated rows, dates of forms, wide and long tables."""

import datetime as dt
from decimal import Decimal

import pytest

from ingest.base import Context
from ingest.table import SOURCE
from mappings.tables import MappingError, table_map
from ontology.records import Finding, Lesion, Measurement, Outcome, Reject, Treatment
from ontology.terms import ncit

TERMS = {
    "column:Sex": "ncit:C28421",
    "column:Age": "ncit:C25150",
    "column:LD": "ncit:C96684",
    "column:LD%7Bvisit%7D": "ncit:C96684",
    "column:OS": "ncit:C125201",
    "column:Place": "radlex:RID3",
    "value:Sex/m": "ncit:C20197",
    "value:Sex/f": "ncit:C16576",
}


def read(tmp_path, table, shape, terms=(), name="t.csv"):
    """The items of a table (its text) through a map (its YAML without name) and these decisions."""
    folder = tmp_path / "own"
    folder.mkdir(exist_ok=True)
    (folder / "map.yaml").write_text(f"name: own\ntitle: A map\nsubject: ID\n{shape}", encoding="utf-8")
    rows = [
        f"{subject}\tskos:exactMatch\t{term}\tsemapv:ManualMappingCuration"
        for subject, term in {**TERMS, **dict(terms)}.items()
    ]
    head = "subject_id\tpredicate_id\tobject_id\tmapping_justification"
    (folder / "mapping.sssom.tsv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    path = tmp_path / name
    path.write_text(table, encoding="utf-8")
    return list(SOURCE.read(iter([str(path)]), Context(collection="c", mapping=str(folder))))


def of(items, kind):
    return [item for item in items if isinstance(item, kind)]


def problems(items):
    return [(item.place, item.problem) for item in of(items, Reject)]


@pytest.mark.parametrize(
    ("switch", "kept"),
    [
        ("where: {Status: [Alive]}", ["A"]),
        ("where: {Status: [Alive, Dead]}", ["A", "B"]),
        ("unless: {Status: [Dead]}", ["A", "C", "D"]),
        ('where: {Status: ""}', ["C", "D"]),
        ('unless: {Status: ["", Dead]}', ["A"]),
        ("where: {Status: [Alive, Dead], Arm: 2}", ["B"]),
        ("where: {Status: [NA]}", ["D"]),
    ],
)
def test_a_record_may_depend_on_other_columns(tmp_path, switch, kept):
    table = "ID,Status,Arm,Age\nA,Alive,1,10\nB,Dead,2,20\nC,,1,30\nD,NA,2,40\n"
    items = read(tmp_path, table, f"missing: NA\ncolumns: {{Age: {{record: measurement, unit: a, {switch}}}}}\n")
    assert [item.subject for item in of(items, Measurement)] == kept
    assert not of(items, Reject)


def test_a_condition_on_a_column_that_is_lacking_is_told(tmp_path):
    items = read(tmp_path, "ID,Age\nA,1\n", "columns: {Age: {record: measurement, unit: a, where: {Arm: 1}}}\n")
    assert problems(items) == [("header", "no column 'Arm'")]


def test_rows_may_be_skipped_and_counted_by_the_identifier(tmp_path):
    table = "ID,Kind,Age\npt1,a,10\nPT1,a,11\nX-2,b,12\nX-3,test,13\n"
    shape = (
        "one_row_per: ID\nrepeats: first\nskip: {Kind: test}\ncolumns: {Age: {record: measurement, unit: a}}\n"
    ).replace("one_row_per", "subject: {column: ID, strip_prefix: [pt, PT, X-], prefix: S}\none_row_per")
    folder = tmp_path / "again"
    folder.mkdir()
    items = read(folder, table, shape)
    assert [(item.subject, item.value) for item in of(items, Measurement)] == [("S1", 10), ("S2", 12)]


@pytest.mark.parametrize(
    ("repeats", "kept", "rejected"),
    [("reject", [1, 3], 2), ("first", [1, 3], 0), ("last", [4, 5], 0), ("all", [1, 2, 3, 4, 5], 0)],
)
def test_repeated_rows_mean_what_the_map_says(tmp_path, repeats, kept, rejected):
    table = "ID,Visit,Age\nA,1,1\nA,1,2\nB,1,3\nA,1,4\nB,1,5\n"
    shape = f"one_row_per: [ID, Visit]\nrepeats: {repeats}\ncolumns: {{Age: {{record: measurement, unit: a}}}}\n"
    items = read(tmp_path, table, shape)
    assert [item.value for item in of(items, Measurement)] == kept
    assert bool(problems(items)) == bool(rejected)
    if rejected:
        assert problems(items) == [("R3, R5, R6", "a second row for the same ID, Visit")]


def test_one_cell_gives_site_and_laterality(tmp_path):
    table = "ID,Place\nA,left lung\nB,liver\nC,somewhere\n"
    terms = {
        "value:Place/left%20lung": "ncit:C12468",
        "value:Place/liver": "ncit:C12392",
        "value:Place%23laterality/liver": "ncit:C25228",  # of a column that is really called so
        "value:Place#laterality/left%20lung": "ncit:C25229",
    }
    items = read(tmp_path, table, "columns: {Place: {record: finding, laterality: {column: Place}}}\n", terms)
    found = {item.subject: (item.value_concept, item.laterality) for item in of(items, Finding)}
    assert found == {"A": (ncit.LUNG, ncit.LEFT), "B": (ncit.LIVER, None)}
    assert problems(items) == [("R4C2", "value without a decision")]


def test_one_code_gives_a_record_for_each_facet(tmp_path):
    table = "ID,TNM\nA,T1N0\nB,T1\nC,N0\nD,T9\n"
    terms = {
        "column:TNM#t": "ncit:C48885",
        "column:TNM#n": "ncit:C48884",
        "value:TNM#t/T1N0": "ncit:C48720",
        "value:TNM#n/T1N0": "ncit:C48705",
        "value:TNM#t/T1": "ncit:C48720",
        "value:TNM#n/N0": "ncit:C48705",
    }
    shape = "columns: {TNM: [{record: finding, facet: t}, {record: finding, facet: n}]}\n"
    items = read(tmp_path, table, shape, terms)
    found = [(item.subject, item.variable, item.value_concept) for item in of(items, Finding)]
    t, n = ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING, ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING
    assert found == [
        ("A", t, ncit.T1_STAGE_FINDING),
        ("A", n, ncit.N0_STAGE_FINDING),
        ("B", t, ncit.T1_STAGE_FINDING),
        ("C", n, ncit.N0_STAGE_FINDING),
    ]
    assert problems(items) == [("R5C2", "value without a decision")]


def test_a_lesion_is_named_by_several_columns(tmp_path):
    table = "ID,Side,Nr,LD\nA,L,1,10\nA,R,1,20\nA,,2,30\nA,<b>,3,40\n"
    shape = "columns: {LD: {record: measurement, unit: mm, lesion: {columns: [Side, Nr], join: /}}}\n"
    items = read(tmp_path, table, shape)
    assert [(item.lesion, item.value) for item in of(items, Measurement)] == [("L/1", 10), ("R/1", 20), (None, 30)]
    assert [item.key for item in of(items, Lesion)] == ["L/1", "R/1"]
    assert problems(items) == [("R5", "not of the expected form")]


def test_a_form_is_dated_by_its_own_column(tmp_path):
    table = "ID,Seen,Sampled,Age,LD,Agent\nA,2020-01-02,03.02.2020,40,12,x\n"
    shape = (
        "dated_by:\n  - {column: Sampled, format: '%d.%m.%Y', of: ['L*', Agent]}\n"
        "common: {when: {column: Seen}}\n"
        "columns:\n  Age: {record: measurement, unit: a}\n  LD: {record: measurement, unit: mm}\n"
        "  Agent: {record: treatment, fills: kind, only_if: x}\n"
    )
    items = read(tmp_path, table, shape, {"column:Agent": "ncit:C15632"})
    assert [item.when.first for item in of(items, Measurement)] == [dt.date(2020, 1, 2), dt.date(2020, 2, 3)]
    assert [item.start.first for item in of(items, Treatment)] == [dt.date(2020, 2, 3)]


def test_the_date_of_an_event_may_stand_in_another_row(tmp_path):
    of_a = "A,v1,,11\nA,v1,2020-01-02,\nA,v2,2020-03-04,12\nA,v3,,13\n"
    table = f"ID,Event,Seen,LD\n{of_a}B,v1,2021-01-01,\nB,v1,2022-01-01,14\n"
    shape = "columns: {LD: {record: measurement, unit: mm, when: {column: Seen, per: [Event]}}}\n"
    items = read(tmp_path, table, shape)
    dates = {item.value: item.when and item.when.first for item in of(items, Measurement)}
    # B's first visit has two dates: which is meant is not guessed
    assert dates == {11: dt.date(2020, 1, 2), 12: dt.date(2020, 3, 4), 13: None, 14: None}


def test_a_wide_table_takes_its_companions_by_the_same_piece(tmp_path):
    table = "ID,LD1,Day1,LD2,Day2\nA,10,2020-01-01,20,2020-02-01\n"
    when = 'when: {column: "Day{visit}"}'
    shape = f'columns: {{"LD{{visit}}": {{record: measurement, unit: mm, visit: {{header: visit}}, {when}}}}}\n'
    items = read(tmp_path, table, shape)
    found = [(item.visit, item.value, item.when.first) for item in of(items, Measurement)]
    assert found == [(1, 10, dt.date(2020, 1, 1)), (2, 20, dt.date(2020, 2, 1))]


def test_a_piece_of_a_name_may_be_a_concept(tmp_path):
    terms = {"column:LD%20%7Bsite%7D": "ncit:C96684", "value:LD%20%7Bsite%7D#site/liver": "ncit:C12392"}
    shape = 'columns: {"LD {site}": {record: measurement, unit: mm, site: {header: site}}}\n'
    items = read(tmp_path, "ID,LD liver,LD heel\nA,1,2\n", shape, terms)
    assert [(item.value, item.site) for item in of(items, Measurement)] == [(1, ncit.LIVER)]
    assert problems(items) == [("column LD heel", "site: value without a decision")]


def test_a_long_table_may_hold_numbers_and_concepts(tmp_path):
    table = "ID,Test,Result\nA,sex,m\nA,age,40\nA,age,m\n"
    shape = (
        "columns:\n  Result:\n    - {record: finding, variable: ncit:C28421, where: {Test: sex}}\n"
        "    - {record: measurement, unit: a, variable: ncit:C25150, where: {Test: age}}\n"
    )
    items = read(tmp_path, table, shape, {"value:Result/m": "ncit:C20197"})
    assert [item.value_concept for item in of(items, Finding)] == [ncit.MALE]
    assert [item.value for item in of(items, Measurement)] == [40]
    assert problems(items) == [("R4C3", "not a number")]


def test_mixed_dates_are_read_by_several_forms_and_never_guessed(tmp_path):
    table = (
        "ID,Seen,Age\nA,2020-05-06,1\nB,13/05/2020,2\nC,05/13/2020,3\nD,05/06/2020,4\nE,05/05/2020,5\nF,May 2020,6\n"
    )
    shape = "columns: {Age: {record: measurement, unit: a, when: {column: Seen, format: ['%d/%m/%Y', '%m/%d/%Y']}}}\n"
    items = read(tmp_path, table, shape)
    dates = {item.subject: item.when.first for item in of(items, Measurement)}
    assert dates == {
        "A": dt.date(2020, 5, 6),
        "B": dt.date(2020, 5, 13),
        "C": dt.date(2020, 5, 13),
        "E": dt.date(2020, 5, 5),
    }
    assert problems(items) == [("R5C2", "a date that can be read in two ways"), ("R7C2", "not a date")]


@pytest.mark.parametrize(("form", "day"), [("excel", dt.date(2014, 2, 3)), ("excel-1904", dt.date(2018, 2, 4))])
def test_the_day_counts_of_workbooks(tmp_path, form, day):
    shape = f"columns: {{Age: {{record: measurement, unit: a, when: {{column: Seen, format: {form}}}}}}}\n"
    items = read(tmp_path, "ID,Seen,Age\nA,41673,1\nB,41673.75,2\nC,7,3\n", shape)
    assert [item.when.first for item in of(items, Measurement)] == [day, day]
    assert problems(items) == [("R4C2", "not a date")]


@pytest.mark.parametrize(
    ("cell", "value", "low", "high"),
    [
        (">=90", None, 90, None),
        ("<0,2", None, None, Decimal("0.2")),
        ("51-60", None, 51, 60),
        ("10\N{EN DASH}20", None, 10, 20),
        ("2 to 3", None, 2, 3),
        ("~5", 5, None, None),
        (">30mm", None, 30, None),
        ("1.234,5", Decimal("1234.5"), None, None),
    ],
)
def test_censored_numbers_and_ranges_are_bounds(tmp_path, cell, value, low, high):
    shape = 'decimal: ","\nthousands: "."\ncolumns: {LD: {record: measurement, unit: mm}}\n'
    (found,) = of(read(tmp_path, f"ID;LD\nA;{cell}\n", shape), Measurement)
    assert (found.value, found.low, found.high, found.raw) == (
        value,
        low,
        high,
        cell if cell.endswith("mm") else f"{cell} mm",
    )


@pytest.mark.parametrize("cell", ["1,234", "60-51", "5-", "3 miles", "1.2.3", "9" * 100, "2020-05", "1e999"])
def test_what_is_no_number_is_rejected(tmp_path, cell):
    items = read(tmp_path, f'ID,LD\nA,"{cell}"\n', "columns: {LD: {record: measurement, unit: mm}}\n")
    assert not of(items, Measurement)
    assert [place for place, _ in problems(items)] == ["R2C2"]


@pytest.mark.parametrize(("cells", "missing", "told"), [("1,2,99", "", 1), ("1,2,99", "99", 0), ("90,95,99", "", 0)])
def test_numbers_that_may_be_codes_for_missing_are_told_and_kept(tmp_path, caplog, cells, missing, told):
    lines = "".join(f"S{number},{cell}\n" for number, cell in enumerate(cells.split(",")))
    shape = f'missing: "{missing}"\ncolumns: {{LD: {{record: measurement, unit: mm}}}}\n'
    items = read(tmp_path, f"ID,LD\n{lines}", shape)
    assert len(of(items, Measurement)) == (2 if missing else 3)
    assert len([line for line in caplog.messages if "column 'LD' holds numbers that may stand" in line]) == told
    assert "99" not in caplog.text.replace("t.csv", "")


def test_survival_ends_by_status(tmp_path):
    shape = (
        "columns:\n  OS:\n    - {record: outcome, unit: d, event: true, where: {Status: Dead}}\n"
        "    - {record: outcome, unit: d, event: false, unless: {Status: Dead}}\n"
    )
    items = read(tmp_path, "ID,Status,OS\nA,Dead,10\nB,Alive,20\n", shape)
    assert [(item.value, item.event, item.key) for item in of(items, Outcome)] == [
        (10, True, "R2C3"),
        (20, False, "R3C3.2"),
    ]


@pytest.mark.parametrize(
    "switch",
    ["lesion: {columns: [A], column: B}", "lesion: {join: x}", "where: [A]", "repeats: maybe", "format: {a: 1}"],
)
def test_faulty_switches_say_where(tmp_path, switch):
    folder = tmp_path / "own"
    folder.mkdir()
    text = f"name: own\ntitle: x\nsubject: ID\ncolumns: {{LD: {{record: measurement, {switch}}}}}\n"
    (folder / "map.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match=r"own/map\.yaml: "):
        table_map(str(folder))
