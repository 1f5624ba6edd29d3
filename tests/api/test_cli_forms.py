"""`qilin forms` as a person uses it: files, standard output, and errors of one line."""

import pytest
from typer.testing import CliRunner

from api.cli import app, main
from ingest.odm.metadata import read_study
from ingest.redcap.dictionary import read_dictionary


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "var"))
    return tmp_path


def forms(*words):
    return CliRunner().invoke(app, ["forms", *map(str, words)])


def test_a_data_dictionary_is_written(home):
    result = forms("redcap", "2200604v3", "cadsr:2179643", "--form", "Base line", "-o", home / "dictionary.csv")
    assert result.exit_code == 0
    fields = read_dictionary(home / "dictionary.csv").fields
    assert [(field.form, field.element) for field in fields.values()] == [
        ("base_line", None),
        ("base_line", "cadsr:2200604"),
        ("base_line", "cadsr:2179643"),
    ]


def test_a_table_maps_elements_may_be_taken(home):
    result = forms("odm", "--from-map", "nsclc_radiomics_lung1", "-o", home / "form.xml")
    assert result.exit_code == 0
    named = {field.element for field in read_study(home / "form.xml").dictionary.fields.values()}
    assert "cadsr:2200604" in named


def test_without_a_file_the_form_goes_to_standard_output(home):
    result = forms("odm", "2200604v3")
    assert result.stdout_bytes.startswith(b"<?xml")


def test_what_a_form_cannot_do_alone_is_said_beside_it(home):
    result = forms("redcap", "6154724")
    assert "comes in through a table map only" in result.stderr
    assert result.stdout.startswith("Variable / Field Name")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["redcap", "nope"], "no data element; right would be"),
        (["odm", "999999999"], "no data element that is bundled or imported"),
        (["redcap", "--from-map", "nope"], "no table map"),
        (["redcap"], "no data element is named"),
        (["redcap", "2200604", "--form", "1"], "no name of a form"),
    ],
)
def test_errors_are_one_line(home, capsys, words, said):
    with pytest.raises(SystemExit) as stopped:
        main(lambda: app(["forms", *words], standalone_mode=False))
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_form_can_be_made_of_a_map_of_the_site(home):
    own = home / "var" / "mappings" / "own"
    own.mkdir(parents=True)
    (own / "map.yaml").write_text(
        "name: own\ntitle: O\nsubject: ID\ncolumns: {A: {record: finding}}\n", encoding="utf-8"
    )
    head = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    row = "column:A\tskos:exactMatch\tcadsr:2200604\tsemapv:ManualMappingCuration\n"
    (own / "mapping.sssom.tsv").write_text(head + row, encoding="utf-8")
    assert "2200604" in forms("redcap", "--from-map", "own").stdout


@pytest.mark.parametrize("words", [["aim"], ["aim", "--format", "json"], ["tid1500"]])
def test_templates_for_annotations_are_written(home, words):
    result = forms(*words, "ncit:C96684", "ncit:C94523=ncit:C94520,ncit:C94521", "--name", "T7", "-o", home / "made")
    assert result.exit_code == 0
    text = (home / "made").read_text(encoding="utf-8")
    assert {code for code in ("C94523", "C94520", "C94521", "T7") if code in text} == {
        "C94523",
        "C94520",
        "C94521",
        "T7",
    }


def test_a_template_of_nothing_known_is_refused_in_one_line(home, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["qilin", "forms", "aim", "ncit:C1"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "is no measurement" in capsys.readouterr().err
