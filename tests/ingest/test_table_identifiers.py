"""The eighteen kinds of identifiers of the HIPAA safe harbor, planted in tables: none is kept or said."""

import csv
import logging
import re
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.base import Context
from ingest.gate.forms import GIVEN_NAMES
from ingest.gate.tables import IDENTIFIERS, Watch, header_kind, value_kind
from ingest.run import Job, run
from ingest.table.reader import SOURCE
from ontology.records import Finding, Measurement, Reject
from store.warehouse import Warehouse

# paragraph of 45 CFR 164.514(b)(2)(i): a header of the kind, a cell of the kind, and its part that must not be found
PLANTED = {
    "A": ("Patient name", "Quitzendorf^Mary", "Quitzendorf"),
    "B": ("Zip code", "4711 Birkenstock Avenue", "Birkenstock"),
    "C": ("Date of birth", "1931-07-19", "1931-07-19"),
    "D": ("Phone", "(555) 867-5309", "867-5309"),
    "E": ("Fax", "fax: 5558675311", "5558675311"),
    "F": ("E-Mail", "m.quitz@example.org", "m.quitz"),
    "G": ("SSN", "219-09-9999", "219-09-9999"),
    "H": ("MRN", "MRN 00471198", "00471198"),
    "I": ("Insurance number", "member no. QX4711887", "QX4711887"),
    "J": ("Account no", "DE44 5001 0517 5407 3249 31", "5001 0517"),
    "K": ("Driver's licence", "license D47118877", "D47118877"),
    "L": ("VIN", "1HGBH41JXMN109186", "1HGBH41JXMN109186"),
    "M": ("Device serial", "serial no. PM-77123-X9", "PM-77123-X9"),
    "N": ("URL", "https://mary.example.org/me", "mary.example"),
    "O": ("IP address", "203.0.113.77", "203.0.113.77"),
    "P": ("Fingerprint", "fingerprint " + "aB3+" * 30, "aB3+aB3+"),
    "Q": ("Photo", "mary_face.jpg", "mary_face"),
    "R": ("National ID", "national id 8847119921", "8847119921"),
}
HARMLESS = [
    "42 mm",
    "T1N0",
    "51-60",
    "lung, left",
    "IIIB",
    "2.16.840.1.113883.6",
    "Stage 2",
    "[Not Available]",
    "3.5e-4",
]
SHAPE = "name: own\ntitle: A map\nsubject: ID\ncolumns:\n  Age: {record: measurement, unit: a}\n"
KEEP = "{record: finding, keep_unmapped: true, variable: ncit:C28421}"


def seen(number):
    """A mapped date, which becomes a day; only the control data knows the date that it counts from."""
    return f"2015-03-{number + 1:02}"


def folder_of(tmp_path, columns, extra=""):
    folder = tmp_path / "own"
    folder.mkdir(exist_ok=True)
    lines = "".join(f'  "{name}": {KEEP}\n' for name in columns)
    (folder / "map.yaml").write_text(f"{SHAPE}{lines}{extra}", encoding="utf-8")
    head = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    rows = "column:Age\tskos:exactMatch\tncit:C25150\tx\ncolumn:LD%20%7Bsite%7D\tskos:exactMatch\tncit:C96684\tx\n"
    (folder / "mapping.sssom.tsv").write_text(head + rows, encoding="utf-8")
    return str(folder)


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def test_every_paragraph_of_the_regulation_has_a_rule_and_a_planted_identifier():
    assert {rule.paragraph for rule in IDENTIFIERS} == set(PLANTED) == set("ABCDEFGHIJKLMNOPQR")


@pytest.mark.parametrize("paragraph", PLANTED)
def test_headers_and_cells_of_each_kind_are_recognised(paragraph):
    header, cell, _ = PLANTED[paragraph]
    called = {rule.called for rule in IDENTIFIERS if rule.paragraph == paragraph}
    assert header_kind(header) in called
    assert value_kind(cell) in called
    assert value_kind(f"as said: {cell}") is not None


@pytest.mark.parametrize("text", HARMLESS)
def test_what_tables_are_full_of_is_no_identifier(text):
    assert value_kind(text) is None


@pytest.mark.parametrize(
    "header",
    [
        *("PatientID", "Ethnicity", "Toxicity", "sample.name", "Case Name", "Scan Number", "T stage", "Agent", "Race"),
        *("StudyDate", "Age at diagnosis", "Last contact (days)", "Treatment name", "IP", "Facility", "birth_days_to"),
    ],
)
def test_clinical_headers_are_not_taken_for_identifiers(header):
    assert header_kind(header) is None


@given(st.text(max_size=300))
def test_any_cell_is_judged_without_fail(text):
    assert value_kind(text) is None or isinstance(value_kind(text), str)


@pytest.mark.parametrize("text", ["a" * 100_000, "1 " * 50_000, "(" * 50_000, "A^" * 50_000, "5 Aa " * 20_000])
def test_huge_cells_are_judged_at_once(text):
    value_kind(text)


def test_a_watch_counts_cells_and_names_no_value():
    watch = Watch([0, 2])
    watch.look([("a", "b"), ("x@y.org", ""), ("x@y.org", "x@y.org")])
    watch.look([("c",), ("",), ("1.2.3.4",)])
    assert list(watch.kinds()) == [(2, "1 cells look like an IP address, 2 cells look like an e-mail address")]


def test_a_mapped_column_that_holds_identifiers_is_kept_out_and_the_rest_goes_in(tmp_path):
    path = write(tmp_path / "t.csv", [["ID", "Note", "Age"], ["A", "fine", 40], ["B", "call (555) 867-5309", 50]])
    items = list(SOURCE.read(iter([str(path)]), Context(collection="c", mapping=folder_of(tmp_path, ["Note"]))))
    assert [item.value for item in items if isinstance(item, Measurement)] == [40, 50]
    assert not [item for item in items if isinstance(item, Finding)]
    (reject,) = (item for item in items if isinstance(item, Reject))
    assert (reject.place, reject.quarantine) == ("column 'Note'", True)
    assert reject.problem == "1 cells look like a telephone number"


def test_a_table_whose_key_column_holds_identifiers_is_kept_out(tmp_path):
    path = write(tmp_path / "t.csv", [["ID", "Age"], ["Mary Quitzendorf", 40], ["B", 50]])
    items = list(SOURCE.read(iter([str(path)]), Context(collection="c", mapping=folder_of(tmp_path, []))))
    assert not [item for item in items if isinstance(item, Measurement)]
    assert [item.place for item in items if isinstance(item, Reject)] == ["column 'ID'"]


@pytest.mark.parametrize("header", [header for header, *_ in PLANTED.values()])
def test_a_key_column_named_after_an_identifier_is_refused(tmp_path, header):
    path = write(tmp_path / "t.csv", [[header, "Age"], ["X1", 40]])
    folder = Path(folder_of(tmp_path, []))
    (folder / "map.yaml").write_text(SHAPE.replace("subject: ID", f'subject: "{header}"'), encoding="utf-8")
    (reject,) = SOURCE.read(iter([str(path)]), Context(collection="c", mapping=str(folder)))
    assert "key column" in reject.problem


def test_ages_of_ninety_and_more_are_one(tmp_path):
    path = write(tmp_path / "t.csv", [["ID", "Age"], ["A", 89], ["B", 90], ["C", 104]])
    warehouse = Warehouse.open(tmp_path / "home")
    run(warehouse, [Job(locators=(str(path),), collection="c", mapping=folder_of(tmp_path, []), audience="public")])
    store = ox.Store.read_only(str(tmp_path / "home" / "current" / "store"))
    said = " ".join(str(quad.object) for quad in store)
    assert '"89"' in said
    assert "104" not in re.findall(r'"(\d+)"', said)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A warehouse that was offered every kind of identifier, wherever a table can hold one; and all that was said."""
    tmp_path = tmp_path_factory.mktemp("planted")
    cells = [cell for _, cell, _ in PLANTED.values()]
    named = [header for header, *_ in PLANTED.values()]
    notes = [f"note{letter}" for letter in PLANTED]
    free = [f"free {letter.lower()}" for letter in PLANTED]
    # headers that are identifiers themselves: of columns that no map reads, and of one that a pattern reads
    wild = [*cells, *(f"LD {cell}" for cell in cells)]
    header = ["ID", "Age", *named, *notes, *free, "Lesion", "Reader", "Visit", "Undecided", "Seen", *wild]
    rows = []
    for number, cell in enumerate(cells):
        row = [
            f"S{number}",
            40 + number,
            *cells,
            *cells,
            *cells,
            cell,
            cell,
            cell,
            cell,
            seen(number),
            *["7"] * len(wild),
        ]
        rows.append(row)
    path = write(tmp_path / "people.csv", [header, *rows])
    extra = (
        "  Undecided: {record: finding, variable: ncit:C28421}\n"
        "  Age.2: {record: finding, optional: true, variable: ncit:C28421}\n"
        '  "LD {site}": {record: measurement, unit: mm, lesion: {header: site}, optional: true}\n'
    )
    folder = folder_of(tmp_path, [*named, *notes], extra)
    text = (Path(folder) / "map.yaml").read_text(encoding="utf-8")
    age = "  Age:\n    - {record: measurement, unit: a}\n"
    for field in (
        "lesion: {column: Lesion}",
        "reader: {column: Reader}",
        "visit: {column: Visit}",
        "when: {column: Seen}",
    ):
        age += f"    - {{record: measurement, unit: a, {field}}}\n"
    text = text.replace("  Age: {record: measurement, unit: a}\n", age)
    (Path(folder) / "map.yaml").write_text(text, encoding="utf-8")
    warehouse = Warehouse.open(tmp_path / "home")
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record):
            said.append(self.format(record))

    listener = Listener()
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        report = run(warehouse, [Job(locators=(str(path),), collection="c", mapping=folder, audience="public")])
        # the same identifiers in the key column, and in a file without a header
        for name, content in (
            ("keys.csv", [["ID", "Age"], *([cell, 50] for cell in cells)]),
            ("bare.csv", [[cell, 50] for cell in cells]),
        ):
            other = write(tmp_path / name, content)
            found = run(warehouse, [Job(locators=(str(other),), collection="c", mapping=folder, audience="public")])
            report.rejects.extend(found.rejects)
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    said += [f"{item.name} {item.place} {item.problem} {item.wanted}" for item in report.rejects]
    said += [str(entry) for entry in warehouse.control.quarantine(None)]
    return everything_kept(tmp_path / "home"), said, report


def everything_kept(home):
    """The bytes of every file of a data folder, those of Parquet files unpacked, and the triples as text."""
    kept = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    unpacked = {f"{path} unpacked": str(pq.read_table(path).to_pydict()).encode() for path in home.rglob("*.parquet")}
    triples = ox.Store.read_only(str(home / "current" / "store")).dump(format=ox.RdfFormat.N_QUADS)
    assert unpacked
    assert triples
    return {**kept, **unpacked, "triples": triples}


def test_what_identifies_nobody_came_in(planted):
    _, _, report = planted
    assert report.records["Measurement"] >= len(PLANTED)
    quarantined = [item for item in report.rejects if item.quarantine]
    assert len(quarantined) >= 2 * len(PLANTED)


@pytest.mark.parametrize("paragraph", PLANTED)
def test_no_planted_identifier_is_kept_or_said(planted, paragraph):
    kept, said, _ = planted
    secret = PLANTED[paragraph][2]
    assert not [line for line in said if secret in line]
    assert not [name for name, content in kept.items() if secret.encode() in content]


def test_mapped_dates_are_days_from_an_origin_that_only_the_control_data_knows(planted):
    kept, said, _ = planted
    named = {name for name, content in kept.items() if b"2015-03-" in content}
    assert named <= {"control.db", "control.db-wal"}
    assert not [line for line in said if "2015-03-" in line]


def test_the_documentation_lists_every_rule():
    text = (Path(__file__).parents[2] / "docs" / "deidentification.md").read_text(encoding="utf-8")
    for rule in IDENTIFIERS:
        assert re.search(rf"^\| \({rule.paragraph}\) \| {rule.called} \|", text, re.MULTILINE), rule.called


def test_given_names_are_words():
    assert len(GIVEN_NAMES) == len(set(GIVEN_NAMES)) > 150
    assert all(name.isalpha() and name.istitle() for name in GIVEN_NAMES)
