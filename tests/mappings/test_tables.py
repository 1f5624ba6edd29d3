"""Table maps as data and as code: every shipped set is sound, and a faulty one says where."""

import csv
import warnings
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from mappings.sssom import NO_TERM, MappingError, column_id, read_decisions, value_id
from mappings.tables import Library, UnknownMapError, table_map, table_maps
from ontology.terms import ncit
from ontology.variables import canonical

MAPS = sorted(table_maps())
HEAD = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"


@cache
def labels():
    found = {}
    for vocabulary in ("cadsr", "dcm", "ncit", "radlex", "sct"):
        with files("ontology").joinpath("bundled", f"{vocabulary}.tsv").open(encoding="utf-8") as table:
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
                found[f"{vocabulary}:{row['code']}"] = row["label"]
    return found


@pytest.mark.parametrize("name", MAPS)
def test_every_term_of_a_shipped_set_exists_with_its_label(name):
    for row in table_map(name).decisions.rows:
        if row.term != NO_TERM and not row.term.startswith("q:"):
            assert labels().get(row.term) == row.label, f"{name}/mapping.sssom.tsv:{row.line}: {row.term}"


@pytest.mark.parametrize("name", MAPS)
def test_every_shipped_set_is_sorted_without_repeats_and_states_who_and_when(name):
    lines = table_map(name).decisions.path.read_text(encoding="utf-8").splitlines()
    table = list(csv.DictReader([line for line in lines if not line.startswith("#")], delimiter="\t"))
    subjects = [row["subject_id"] for row in table]
    assert subjects == sorted(subjects)
    assert len({(row["subject_id"], row["object_id"]) for row in table}) == len(table)
    for row in table:
        assert row["mapping_justification"] == "semapv:ManualMappingCuration"
        assert row["mapping_date"]
        assert row.get("author_label") or row.get("author_id")


@pytest.mark.parametrize("name", MAPS)
def test_every_shipped_set_is_sssom(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sssom_pydantic

    decisions = table_map(name).decisions
    read, _, _, errors = sssom_pydantic.read(decisions.path, return_errors=True)
    assert not errors
    assert len(read) == len(decisions.rows)


@pytest.mark.parametrize("name", MAPS)
def test_every_shipped_map_decides_only_what_its_shape_reads(name):
    mapping = table_map(name)
    read = {column for part in mapping.parts for column in (*part.named, *part.columns)}
    assert {row.column.split("!", 1)[-1] for row in mapping.decisions.rows} <= read


@pytest.mark.parametrize("name", MAPS)
def test_every_shipped_observation_has_a_variable_of_the_registry(name):
    mapping = table_map(name)
    for part in mapping.parts:
        for column, entries in part.columns.items():
            for entry in entries:
                if entry.record not in {"treatment", "event"} and "variable" not in entry.fields:
                    names = (f"{part.sheet}!{column}", column)
                    term = mapping.decisions.variable(*names)
                    assert term is not None, f"{name}: column {column}"
                    assert canonical(term) is not None, f"{name}: {term} of column {column}"


def test_lung1_keeps_what_does_not_exist_visible():
    decisions = table_map("nsclc_radiomics_lung1").decisions
    assert decisions.values("clinical.T.Stage")["5"] is None
    assert decisions.values("Clinical.N.Stage")["4"] is None
    assert decisions.values("Overall.Stage")["IIIb"] == ncit.STAGE_IIIB
    assert "IIIB" not in decisions.values("Overall.Stage")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("age\tskos:exactMatch\tncit:C25150\tx\n", "decisions.tsv:2: subject 'age'"),
        ("column:a/b\tskos:exactMatch\tncit:C25150\tx\n", "decisions.tsv:2: subject"),
        ("value:a\tskos:exactMatch\tncit:C25150\tx\n", "decisions.tsv:2: subject"),
        ("column:a\towl:sameAs\tncit:C25150\tx\n", "decisions.tsv:2: predicate"),
        ("column:a\tskos:exactMatch\tnci:C25150\tx\n", "decisions.tsv:2: 'nci:C25150'"),
        (
            "value:a/1\tskos:exactMatch\tncit:C1\tx\nvalue:a/1\tskos:exactMatch\tncit:C2\tx\n",
            "decisions.tsv:3: a second skos:exactMatch beside decisions.tsv:2",
        ),
    ],
)
def test_a_faulty_decision_says_where(tmp_path, rows, says):
    path = tmp_path / "decisions.tsv"
    path.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(MappingError) as raised:
        read_decisions(path)
    assert str(raised.value).startswith(says)


def test_a_rejected_match_may_not_be_accepted_too(tmp_path):
    path = tmp_path / "decisions.tsv"
    head = HEAD.replace("predicate_id", "predicate_modifier\tpredicate_id")
    rows = "value:a/1\tNot\tskos:exactMatch\tncit:C1\tx\nvalue:a/1\t\tskos:exactMatch\tncit:C1\tx\n"
    path.write_text(head + rows, encoding="utf-8")
    with pytest.raises(MappingError, match=r"decisions\.tsv:3: accepts what decisions\.tsv:2 rejects"):
        read_decisions(path)


def test_the_best_predicate_wins_and_narrow_matches_are_not_applied(tmp_path):
    path = tmp_path / "decisions.tsv"
    path.write_text(
        HEAD + "value:a/1\tskos:broadMatch\tncit:C1\tx\nvalue:a/1\tskos:closeMatch\tncit:C2\tx\n"
        "value:a/2\tskos:narrowMatch\tncit:C3\tx\ncolumn:a\tskos:exactMatch\tcadsr:9\tx\ncolumn:a\tskos:closeMatch\tncit:C4\tx\n",
        encoding="utf-8",
    )
    decisions = read_decisions(path)
    assert decisions.values("a") == {"1": "ncit:C2"}
    assert decisions.element("a") == "cadsr:9"
    assert decisions.variable("a") == "ncit:C4"


@pytest.mark.parametrize("text", ["T stage", "a/b", "100%", "Größe", "x:y", "{visit}"])
def test_names_and_cells_survive_their_encoding(tmp_path, text):
    path = tmp_path / "decisions.tsv"
    path.write_text(
        HEAD + f"{column_id(text)}\tskos:exactMatch\tncit:C1\tx\n{value_id(text, text)}\tskos:exactMatch\tncit:C2\tx\n",
        encoding="utf-8",
    )
    decisions = read_decisions(path)
    assert decisions.variable(text) == "ncit:C1"
    assert decisions.values(text) == {text: "ncit:C2"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("columns: [", "own/map.yaml:"),
        ("title: x\nsubject: ID\n", "columns"),
        ("title: x\ncolumns: {A: {record: finding}}\n", "subject"),
        ("title: x\nsubject: ID\ncolumns: {A: {record: observation}}\n", "columns.A.0.record"),
        ("title: x\nsubject: ID\ncolumns: {A: {record: finding, colour: red}}\n", "columns.A.0.colour"),
        ("title: x\nsubject: ID\ncolumns: {A: {record: finding, site: lung}}\n", "columns.A.0"),
        ("title: x\nsubject: ID\ncolumns: {A: {record: finding, lesion: {row: 1}}}\n", "columns.A.0.fields.lesion"),
        ("title: x\nsubject: ID\ncolumns: {A: {record: finding, series: {column: S}}}\n", "study"),
        ("title: x\nsubject: ID\nencoding: utf-9\ncolumns: {A: {record: finding}}\n", "utf-9"),
        ("title: x\nsubject: ID\ncolumns: {A: {record: treatment, fills: value}}\n", "treatment has no field 'value'"),
    ],
)
def test_a_faulty_map_says_where(tmp_path, text, says):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "map.yaml").write_text(f"name: own\n{text}", encoding="utf-8")
    with pytest.raises(MappingError) as raised:
        table_map(str(folder))
    assert str(raised.value).startswith("own/map.yaml")
    assert says in str(raised.value)


def test_an_unknown_map_names_those_like_it():
    with pytest.raises(UnknownMapError, match="nsclc_radiomics_lung1"):
        table_map("radiomics_lung1")
    with pytest.raises(UnknownMapError, match="qilin map list"):
        table_map("xyz")


def test_matching_goes_by_columns_whatever_the_files_name():
    lung1 = table_map("nsclc_radiomics_lung1")
    headers = list(lung1.shape.matches.headers)
    assert Library().match("renamed.csv", lambda _part: headers) == [lung1]
    assert Library().match("renamed.csv", lambda _part: headers[1:]) == []


def test_the_format_as_documented_is_the_format():
    text = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")
    from mappings.shape import Entry, Part, Ref, Shape

    switches = {name for model in (Shape, Part, Entry, Ref) for name in model.model_fields} - {
        "fields",
        "day_clock",
        "day_unit",
    }
    assert not [name for name in sorted(switches) if name not in text]
