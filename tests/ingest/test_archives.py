"""Catalogues of image archives: golden folders, recorded servers, mutated files, and the real files."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import sources
from ingest.archives import nbia, tcia_manifest, web, xnat, xnat_items, xnat_tracer
from ingest.base import Block, Context, Source, Yield
from ingest.gate.records import admit
from ingest.volumes import nrrd, parrec
from mappings.tables import Library
from ontology.records import Finding, Measurement, Record, Reject, Series, SeriesHeader, SourceRecord, When
from tests.ingest.recorded import Answer, Asked, recorded

HERE = Path(__file__).parent
KINDS: dict[str, Source] = {"nbia": nbia.SOURCE, "nrrd": nrrd.SOURCE, "parrec": parrec.SOURCE, "xnat": xnat.SOURCE}
CASES = sorted(path.parent for kind in KINDS for path in (HERE / kind).glob("*/expected.json"))
REAL = HERE.parents[1].parent / "shared" / "data" / "imaging"
CONTEXT = Context(
    collection="golden",
    secret=b"a secret of the tests",
    attested=True,
    released=lambda _content, place: place == "(0010,1010) PatientAge",
)
LEFT_OUT = {"digest", "locator", "recipe"}
MOST = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NAME, BORN = "DOE^JANE", "1961"


def plain(value: Any) -> Any:
    if isinstance(value, When):
        return [plain(value.first), plain(value.last), value.clock]
    return str(value) if isinstance(value, dt.date | Decimal) else value


def shown(item: Yield) -> dict[str, Any]:
    """A record as the golden files write it: its type and the fields that are not at their default."""
    said = {}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        empty = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if field.name not in LEFT_OUT and value != empty:
            said[field.name] = {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else plain(value)
    return json.loads(json.dumps({"type": type(item).__name__, **said}, default=str))


def read(*places: Path | str, context: Context = CONTEXT) -> list[Yield]:
    found = sources.accepting(str(places[0]))
    assert found is not None
    return list(found.read(iter(map(str, places)), context))


def files_of(case: Path) -> list[str]:
    return sorted(str(path) for path in case.iterdir() if path.suffix != ".yaml" and path.name != "expected.json")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_files_give_their_records(case: Path) -> None:
    files = files_of(case)
    assert {kind.name for path in files if (kind := sources.accepting(path))} == {case.parent.name}
    found = [shown(item) for item in read(*files)]
    if os.environ.get("QILIN_WRITE_GOLDEN"):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in found)
        (case / "expected.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert found == json.loads((case / "expected.json").read_text(encoding="utf-8"))
    assert NAME not in json.dumps(found)


def test_every_folder_is_a_case() -> None:
    assert set(CASES) == {path for kind in KINDS for path in (HERE / kind).iterdir() if path.is_dir()}


@MOST
@given(data=st.data())
def test_mutated_files_yield_records_or_rejects(tmp_path: Path, data: st.DataObject) -> None:
    path = Path(data.draw(st.sampled_from([file for case in CASES for file in files_of(case)])))
    kind = KINDS[path.parent.parent.name]
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b"1e999", b"NaN", b"-1", b"\x00", b'"'])))
        whole[at : at + data.draw(st.integers(0, 4))] = piece
    (tmp_path / "subjects.yaml").write_text('"*": S1\n')
    changed = tmp_path / path.name
    changed.write_bytes(bytes(whole)[: data.draw(st.sampled_from([len(whole), len(whole) // 2]))])
    found = list(kind.read(iter([str(changed)]), CONTEXT))
    assert all(isinstance(item, Record | Reject | SourceRecord) for item in found)
    for item in found:
        if isinstance(item, Reject):
            assert NAME not in repr(item)
        elif isinstance(item, Record):
            admit(item, CONTEXT)


# NBIA


def test_rows_of_a_file_have_no_mark_and_wait_for_the_owner_or_a_steward() -> None:
    path = HERE / "nbia" / "retriever" / "metadata.csv"
    plain_context = dataclasses.replace(CONTEXT, attested=False)
    [refused] = read(path, context=plain_context)
    assert isinstance(refused, Reject)
    assert (refused.quarantine, refused.place) == (True, "rows")
    answered = dataclasses.replace(
        plain_context, released=lambda content, place: (content, place) == (refused.content, "rows")
    )
    assert any(isinstance(item, SeriesHeader) for item in read(path, context=answered))


@pytest.mark.parametrize("attested", [True, False])
@pytest.mark.parametrize(
    "path", [HERE / "nbia" / "retriever" / "metadata.csv", HERE / "xnat" / "session" / "session.xml"]
)
def test_every_text_of_a_catalogue_is_approved_once_whatever_is_attested(path: Path, attested: bool) -> None:
    asked: list[tuple[str, str]] = []
    context = dataclasses.replace(
        CONTEXT,
        attested=attested,
        asked=lambda place, text: asked.append((place, text)),
        released=lambda _content, place: place in {"rows", "(0012,0062) PatientIdentityRemoved"},
    )
    found = [admit(item, context) for item in read(path, context=context) if isinstance(item, Record)]
    texts = {text for place, text in asked if "Description" in place}
    assert texts
    assert not any(text in repr(found) for text in texts)
    place = "(0008,103E) SeriesDescription"
    one = next(text for at, text in asked if at == place)
    approved = (context.mark(one), place)
    answered = dataclasses.replace(
        context, released=lambda content, at: context.released(content, at) or (content, at) == approved
    )
    told = [admit(item, answered) for item in read(path, context=answered) if isinstance(item, SeriesHeader)]
    assert one in {item.attributes.get("SeriesDescription") for item in told if isinstance(item, SeriesHeader)}


def test_ids_like_record_numbers_and_ages_in_rows_are_reviewed_as_those_of_headers(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(
        "Series UID,Subject ID,Patient Name,Study UID,Modality,Study Date,Patient Age\n"
        "1.2.3.51,4711123,Quarxley,1.2.3.5,CT,04-30-1994,093Y\n"
    )
    asked: list[Reject] = []
    open_context = dataclasses.replace(CONTEXT, review=asked.append, released=lambda _content, _place: False)
    items = read(path, context=open_context)
    assert not any(isinstance(item, Measurement) for item in items), "the profile removes ages, and no option keeps it"
    assert {entry.place.partition(" ")[2] for entry in asked} >= {"PatientID", "PatientName", "PatientAge", "StudyDate"}
    answered = dataclasses.replace(CONTEXT, released=lambda _content, _place: True)
    [age] = [item for item in read(path, context=answered) if isinstance(item, Measurement)]
    assert (age.value, age.low, age.raw) == (None, 90, "90+")
    assert "Quarxley" not in repr([*items, *asked])


def nbia_answers(asked: Asked) -> Answer:
    """What an NBIA server answers of one collection of limited access and an open one."""
    case = HERE / "nbia" / "series"
    if asked.path == "/nbia-api/oauth/token":
        known = asked.form.get("username") == "reader" and asked.form.get("password") == "secret-word"
        content = b'{"access_token": "the-token", "expires_in": 7200}' if known else b'{"error": "secret-word"}'
        return 200 if known else 401, "application/json", content
    request, collection = asked.path.rpartition("/")[2], asked.params.get("Collection")
    if "/v2/" in asked.path and asked.headers.get("authorization") != "Bearer the-token":
        return 401, "text/html", b"<html>the-token</html>"
    if request == "getCollectionValues":
        return 200, "application/json", b'[{"Collection": "Toy Breast"}, {"Collection": "Toy Lung"}]'
    if collection != "Toy Breast":
        return 200, "application/json", b""
    file = {"getSeries": "series.json", "getPatientStudy": "studies.json"}[request]
    return 200, "application/json", (case / file).read_bytes()


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*nbia.CREDENTIALS,):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_credentials")
def test_a_server_gives_what_its_files_give() -> None:
    with recorded(nbia_answers) as (base, log):
        found = read(f"nbia+{base}/#Toy Breast")
    names = {asked.path for asked in log}
    assert names == {"/nbia-api/services/v1/getSeries", "/nbia-api/services/v1/getPatientStudy"}
    assert not any("authorization" in asked.headers for asked in log)
    by_file = read(*files_of(HERE / "nbia" / "series"))
    said = lambda items: {json.dumps(shown(item)) for item in items if isinstance(item, Record)}  # noqa: E731
    assert said(found) == said(by_file)


def test_collections_of_limited_access_are_read_with_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QILIN_NBIA_TOKEN", raising=False)
    monkeypatch.setenv("QILIN_NBIA_USER", "reader")
    monkeypatch.setenv("QILIN_NBIA_PASSWORD", "secret-word")
    with recorded(nbia_answers) as (base, log):
        found = read(f"nbia+{base}/#Toy Breast")
    assert sum(isinstance(item, Series) for item in found) == 2
    assert {asked.path for asked in log[1:]} == {
        "/nbia-api/services/v2/getSeries",
        "/nbia-api/services/v2/getPatientStudy",
    }
    assert not any("secret-word" in repr(item) or "the-token" in repr(item) for item in found)


REFUSALS: list[tuple[str, Callable[[Asked], Answer], str]] = [
    ("Toy Brest", nbia_answers, "no such collection"),
    ("", nbia_answers, "no such collection"),
    ("Toy Breast", lambda _: (401, "text/html", b"DOE^JANE"), "status 401"),
    ("Toy Breast", lambda _: (302, "text/html", b""), "status 302"),
    ("Toy Breast", lambda _: (200, "text/html", b"<html>DOE^JANE</html>"), "no JSON"),
    ("Toy Breast", lambda _: (200, "application/json", b'{"a": "DOE^JANE"}'), "no list"),
]


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize(("part", "answer", "problem"), REFUSALS)
def test_what_a_server_refuses_is_told_without_its_words(
    part: str, answer: Callable[[Asked], Answer], problem: str
) -> None:
    with recorded(answer) as (base, _):
        found = read(f"nbia+{base}/#{part}" if part else f"nbia+{base}/")
    assert [type(item) for item in found] == [Reject]
    assert problem in repr(found[0])
    assert NAME not in repr(found[0])


@pytest.mark.parametrize("locator", ["nbia+http://example.org/#X", "nbia+https://u:geheim@example.org/#X"])
def test_no_secret_goes_where_it_could_be_read(locator: str) -> None:
    found = read(locator)
    assert [type(item) for item in found] == [Reject]
    assert "geheim" not in repr(found)


def test_a_busy_server_is_asked_again() -> None:
    answers = iter([(503, "text/plain", b""), (200, "application/json", b"[1]")])
    with recorded(lambda _: next(answers)) as (base, _):
        assert web.Server(base, waits=(0.0,)).json("x") == [1]


def test_a_server_that_stays_away_is_told() -> None:
    with recorded(lambda _: (200, "", b"")) as (base, _):
        pass
    with pytest.raises(web.ServerError, match="cannot be reached, 1 times"):
        web.Server(base, waits=()).json("x")


def test_only_servers_of_the_archive_count_as_reviewed() -> None:
    names = [
        "services.cancerimagingarchive.net/#A",
        "cancerimagingarchive.net.example.org/#A",
        "x.org/cancerimagingarchive.net",
    ]
    kinds = [sources.accepting(f"nbia+https://{name}") for name in names]
    assert [kind.reviewed for kind in kinds if kind] == [True, False, False]


@pytest.mark.parametrize(
    "content", [b'[{"SeriesInstanceUID": "1.2", "StudyInstanceUID": "1.3"', b"[1, 2]", b'[{}, "x"]']
)
def test_a_broken_answer_is_no_source(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "series.json").write_bytes(content)
    found = list(nbia.SOURCE.read(iter([str(tmp_path / "series.json")]), CONTEXT))
    assert [type(item) for item in found] == [Reject]


# manifests


def test_a_manifest_lists_series(tmp_path: Path) -> None:
    path = tmp_path / "a.tcia"
    path.write_text("manifestVersion=3.0\nListOfSeriesToDownload=\n1.2.3\n\nDOE^JANE\n1.2.3\n1.2.4\n")
    series, rejects = tcia_manifest.series_in(path)
    assert series == ["1.2.3", "1.2.4"]
    assert [reject.place for reject in rejects] == ["line 5"]
    found = read(path)
    assert all(isinstance(item, Reject) for item in found)
    assert "2 of 2 series" in repr(found[-1])
    assert NAME not in repr(found)


def test_an_empty_manifest_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tcia").write_bytes(b"\xff\x00")
    assert all(isinstance(item, Reject) for item in read(tmp_path / "a.tcia"))


def test_a_manifest_brings_what_the_catalogue_has(tmp_path: Path) -> None:
    import duckdb

    from ingest.archives.idc import index_file

    query = "SELECT SeriesInstanceUID FROM read_parquet(?) WHERE collection_id = 'rider_pilot' ORDER BY 1 LIMIT 3"
    uids = [row[0] for row in duckdb.execute(query, [str(index_file())]).fetchall()]
    (tmp_path / "a.tcia").write_text("ListOfSeriesToDownload=\n" + "\n".join([*uids, "1.2.3"]))
    found = read(tmp_path / "a.tcia")
    rows = Counter({item.kind: item.rows.num_rows for item in found if isinstance(item, Block)})
    assert rows[Series] == rows[SeriesHeader] == len(uids) == 3
    assert [item.problem.split(" are ")[0] for item in found if isinstance(item, Reject)] == ["1 of 4 series"]


@pytest.mark.parametrize("form", ["tcia", "s5cmd"])
def test_what_is_written_to_fetch_pixels_is_read_as_the_same_series(tmp_path: Path, form: str) -> None:
    import duckdb

    from ingest.archives.idc import index_file
    from queries.manifests import manifest

    query = "SELECT SeriesInstanceUID FROM read_parquet(?) WHERE collection_id = 'rider_pilot' ORDER BY 1 LIMIT 3"
    uids = [row[0] for row in duckdb.execute(query, [str(index_file())]).fetchall()]
    path = tmp_path / "list.txt"
    path.write_text(manifest(form, uids).text)
    found = read(path)
    assert not [item for item in found if isinstance(item, Reject)]
    rows = [item.rows for item in found if isinstance(item, Block) and item.kind is Series]
    assert sorted(uid for table in rows for uid in table.column("uid").to_pylist()) == uids


def test_places_that_the_catalogue_does_not_know_are_told(tmp_path: Path) -> None:
    folder = "00000000-0000-0000-0000-000000000000"
    path = tmp_path / "list.s5cmd"
    path.write_text(f"# by the portal\ncp --show-progress s3://idc-open-data/{folder}/* .\ncp s3://a/DOE^JANE .\n")
    assert tcia_manifest.accepts(str(path))
    first, second = (item for item in read(path) if isinstance(item, Reject))
    assert (first.place, second.problem.split(" are ")[0]) == ("line 3", "1 of 1 places")
    assert NAME not in repr((first, second))


# PAR/REC and NRRD


def test_a_par_file_waits_for_the_owner_or_a_steward() -> None:
    path = HERE / "parrec" / "dynamic" / "toy_2_1.PAR"
    unsigned = dataclasses.replace(CONTEXT, attested=False)
    [refused] = read(path, context=unsigned)
    assert isinstance(refused, Reject)
    assert refused.quarantine
    released = dataclasses.replace(unsigned, released=lambda content, _: content == refused.content)
    assert any(isinstance(item, Series) for item in read(path, context=released))


def test_minted_uids_are_stable_keyed_and_apart(tmp_path: Path) -> None:
    def uids(subject: str, context: Context) -> list[str]:
        (tmp_path / "subjects.yaml").write_text(f'"*": {subject}\n# {subject}{context.collection}\n')
        for name in ("a.PAR", "b.PAR"):
            content = (HERE / "parrec" / "dynamic" / "toy_2_1.PAR").read_text()
            (tmp_path / name).write_text(content.replace("EPI_asc", f"EPI_{name[0]}"))
        found = [read(tmp_path / name, context=context) for name in ("a.PAR", "b.PAR")]
        series = [item for items in found for item in items if isinstance(item, Series)]
        assert len({item.study for item in series}) == 1, "one examination is one study"
        return [item.uid for item in series]

    first = uids("S1", CONTEXT)
    assert first == uids("S1", CONTEXT)
    others = [uids("S2", CONTEXT), uids("S1", dataclasses.replace(CONTEXT, secret=b"another"))]
    assert len({*first, *others[0], *others[1]}) == 6
    assert all(re.fullmatch(r"2\.25\.[1-9][0-9]{0,38}", uid) for uid in first)


# XNAT


WHO = "Basic cmVhZGVyOnNlY3JldA=="


def xnat_answers(accessibility: str) -> Callable[[Asked], Answer]:
    """What an XNAT server answers of one project, to whoever has the right password."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("authorization") != WHO:
            return 401, "text/html", b"<html>DOE^JANE</html>"
        case = HERE / "xnat" / "session"
        listings = {
            "/data/projects": [{"ID": "TOY", "name": "Toy"}, {"ID": "OTHER"}],
            "/data/projects/TOY/subjects": [{"ID": "XNAT_S00017", "label": "TOY-017"}],
            "/data/projects/TOY/experiments": [
                {"ID": "XNAT_E00001", "label": "TOY-017_MR1", "xsiType": "xnat:mrSessionData"},
                {"ID": "XNAT_E00009", "label": "qc", "xsiType": "xnat:qcManualAssessorData"},
            ],
        }
        documents = {
            "/data/projects/TOY/subjects/XNAT_S00017": case / "subject.xml",
            "/data/projects/TOY/experiments/XNAT_E00001": case / "session.xml",
        }
        if asked.path in listings:
            found = {"ResultSet": {"Result": listings[asked.path], "totalRecords": "2"}}
            return 200, "application/json", json.dumps(found).encode()
        if asked.path in documents:
            return 200, "text/xml", documents[asked.path].read_bytes()
        return 200 if asked.path.endswith("/accessibility") else 404, "text/plain", accessibility.encode()

    return answer


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QILIN_XNAT_USER", "reader")
    monkeypatch.setenv("QILIN_XNAT_PASSWORD", "secret")


@pytest.mark.usefixtures("reader")
def test_a_project_on_a_server_gives_what_its_files_give() -> None:
    with recorded(xnat_answers("private")) as (base, log):
        found = read(f"xnat+{base}/#TOY")
    assert not any("qc" in asked.path or "E00009" in asked.path for asked in log)
    by_file = read(*files_of(HERE / "xnat" / "session"))
    records = [[shown(item) for item in items if isinstance(item, Record)] for items in (found, by_file)]
    assert records[0] == records[1] != []
    assert [item.name for item in found if isinstance(item, Reject)] == ["TOY subjects", "TOY sessions"]
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("password", "part", "problem"), [("wrong", "TOY", "status 401"), ("secret", "TOI", "no such")]
)
def test_what_xnat_refuses_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, password: str, part: str, problem: str
) -> None:
    monkeypatch.setenv("QILIN_XNAT_USER", "reader")
    monkeypatch.setenv("QILIN_XNAT_PASSWORD", password)
    with recorded(xnat_answers("private")) as (base, _):
        [refused] = read(f"xnat+{base}/#{part}")
    assert isinstance(refused, Reject)
    assert problem in refused.problem
    assert NAME not in repr(refused)
    assert password not in repr(refused)


SERIES = "SELECT (COUNT(?s) AS ?n) { ?s a q:Series }"


def test_without_credentials_what_is_open_to_everybody_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QILIN_XNAT_USER", raising=False)
    known = xnat_answers("public")

    def guest(asked: Asked) -> Answer:
        assert "authorization" not in asked.headers
        return known(dataclasses.replace(asked, headers={**asked.headers, "authorization": WHO}))

    with recorded(guest) as (base, _):
        found = read(f"xnat+{base}/#TOY")
    assert [item.public for item in found if isinstance(item, SourceRecord)] == [True]


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("accessibility", "named", "images"),
    [
        ("private", None, "collection:toy"),
        ("protected", None, "collection:toy"),
        ("public", None, "public"),
        ("public", "team", "team"),
    ],
)
def test_accessibility_decides_who_sees_the_images_of_a_new_collection(
    tmp_path: Path, accessibility: str, named: str | None, images: str
) -> None:
    from ingest.run import Job, run
    from ontology.records import DataClass
    from store.warehouse import Caller, Warehouse

    warehouse = Warehouse.open(tmp_path / "home")
    try:
        with recorded(xnat_answers(accessibility)) as (base, _):
            job = Job(
                locators=(f"xnat+{base}/#TOY",), collection="toy", attestation="J. Doe, today: clean", audience=named
            )
            run(warehouse, [job])
            collection = warehouse.control.collections()["toy"]
            assert collection.audience(DataClass.IMAGES) == images
            assert collection.audience(DataClass.CLINICAL) == (named or "collection:toy")
            seen = {
                who: int(warehouse.select(SERIES, Caller(who, frozenset({"public", *audiences}))).rows[0][0].value)
                for who, audiences in {"anybody": (), "member": ("team",), "owner": ("collection:toy",)}.items()
            }
            expected = {"public": {"anybody", "member", "owner"}, "team": {"member"}, "collection:toy": {"owner"}}
            assert {who for who, count in seen.items() if count} == expected[images]
            kept = dataclasses.replace(collection, audiences={DataClass.IMAGES: "team"})
            warehouse.control.save_collection(kept)
            run(warehouse, [job])
            audience = warehouse.control.collections()["toy"].audience(DataClass.IMAGES)
            assert audience == "team", "what the owner has decided stays"
    finally:
        warehouse.close()


def with_map(folder: Path, name: str, column: str, row_per: str) -> Context:
    """A context whose map reads one column as a length in cm."""
    folder.mkdir()
    (folder / "map.yaml").write_text(
        f"name: toy\ntitle: Sessions of the toy project\nmatches: {{headers: [{row_per}, '{column}']}}\n"
        f"data_class: clinical\nsubject: subject\none_row_per: [{row_per}]\n"
        f"columns:\n  {column}: {{record: measurement, variable: ncit:C96684, unit: {name}}}\n"
    )
    (folder / "mapping.sssom.tsv").write_text(
        '#mapping_set_id: https://w3id.org/qilin/mappings/toy\n#mapping_set_title: "Toy"\n'
        '#mapping_set_version: "2026-01-01"\n#license: https://creativecommons.org/publicdomain/zero/1.0/\n'
        "#curie_map:\n#  column: https://w3id.org/qilin/mappings/toy/column/\n"
        "subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification\n"
    )
    return dataclasses.replace(CONTEXT, mapping=str(folder))


def test_custom_variables_come_in_through_a_table_map(tmp_path: Path) -> None:
    context = with_map(tmp_path / "toy", "cm", "slump", "subject, session")
    case = HERE / "xnat" / "session"
    found = read(case / "session.xml", case / "subject.xml", context=context)
    assert [(item.subject, item.value, item.unit) for item in found if isinstance(item, Measurement)] == [
        ("TOY-017", 25, "mm")
    ]
    heads = [item.name for item in found if isinstance(item, SourceRecord)]
    assert (heads[0], heads[-1]) == ("session.xml", "TOY sessions")


@pytest.mark.usefixtures("reader")
def test_a_birth_date_of_the_subject_keeps_its_sessions_out(tmp_path: Path) -> None:
    for name in ("session.xml", "subject.xml"):
        text = (HERE / "xnat" / "session" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("1900-01-01", "1961-03-12"), encoding="utf-8")
    found = read(tmp_path / "session.xml", tmp_path / "subject.xml")
    assert [item.place for item in found if isinstance(item, Reject)][:1] == ["(0010,0030) PatientBirthDate"]
    assert not any(isinstance(item, Series) for item in found)
    assert BORN not in repr(found)


def test_what_an_assessor_states_comes_in_through_a_table_map(tmp_path: Path) -> None:
    context = with_map(tmp_path / "toy", "mm", "regions/region[left]/size", "subject, assessor")
    case = HERE / "xnat" / "pet"
    found = read(case / "session.xml", case / "subject.xml", context=context)
    assert [(item.subject, item.value, item.unit) for item in found if isinstance(item, Measurement)] == [
        ("TOY-021", Decimal("12.5"), "mm")
    ]
    assert [item.name for item in found if isinstance(item, SourceRecord)] == ["session.xml", "TOY lesionData"]


def test_the_files_of_scans_come_in_where_a_map_wants_them(tmp_path: Path) -> None:
    with_map(tmp_path / "toy", "mm", "files", "subject, session, scan, resource")
    context = dataclasses.replace(CONTEXT, library=lambda: Library(tmp_path))
    case = HERE / "xnat" / "pet"
    found = read(case / "session.xml", case / "subject.xml", context=context)
    assert sorted(item.value for item in found if isinstance(item, Measurement)) == [2, 47, 90]
    assert [item.name for item in found if isinstance(item, SourceRecord)] == ["session.xml", "TOY resources"]


@pytest.mark.parametrize(
    ("dose", "unit", "told"),
    [
        ("370", "MBq", ("370000000", None)),
        ("370000000", "Bq", ("370000000", "6586.2")),
        ("370", "", (None, None)),
        ("370", "cm", (None, None)),
        ("many", "MBq", (None, None)),
        ("-1", "MBq", (None, None)),
    ],
)
def test_a_dose_is_read_in_the_unit_that_is_stated_and_in_no_other(
    dose: str, unit: str, told: tuple[str | None, str | None]
) -> None:
    item = xnat_items.Item(
        "petSessionData",
        {"tracer/name": "FDG", "tracer/dose": dose, "tracer/dose/units": unit, "tracer/isotope/half-life": "6586.2"},
    )
    tracer = xnat_tracer.tracer_of_session(item)
    assert tracer is not None
    numbers = (tracer.number(name) for name in ("RadionuclideTotalDose", "RadionuclideHalfLife"))
    assert tuple(number if number is None else f"{number.normalize():f}" for number in numbers) == told


def test_a_name_that_only_a_pet_session_has_is_judged_too(tmp_path: Path) -> None:
    text = (HERE / "xnat" / "pet" / "session.xml").read_text()
    (tmp_path / "a.xml").write_text(
        text.replace("<xnat:scans>", f"<xnat:patientName>{NAME}</xnat:patientName><xnat:scans>")
    )
    (refused,) = read(tmp_path / "a.xml")
    assert isinstance(refused, Reject)
    assert (refused.quarantine, NAME in repr(refused)) == (True, False)


# the real files


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_every_real_file_of_the_archive_comes_in() -> None:
    counts: dict[str, int] = {}
    for path in sorted((REAL / "tcia").iterdir()):
        found = read(path)
        assert not [item for item in found if isinstance(item, Reject)]
        blocks = sum(item.rows.num_rows for item in found if isinstance(item, Block) and item.kind is Series)
        counts[path.name.partition("_")[0]] = blocks + sum(isinstance(item, Series) for item in found)
        assert not any(isinstance(item, Finding) and not item.value_concept for item in found)
    assert counts == {"ECE475": 1351, "LIDC": 1308, "NBIA": 225}


def copied(folder: str, tmp_path: Path) -> list[Path]:
    """The real files of a folder beside a file that says whose they are."""
    (tmp_path / "subjects.yaml").write_text('"*": S1\n')
    return [Path(shutil.copy(path, tmp_path / path.name)) for path in sorted((REAL / folder).iterdir())]


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_every_real_par_file_comes_in_but_the_truncated_one(tmp_path: Path) -> None:
    outcome = {}
    for path in copied("parrec", tmp_path):
        found = read(path)
        headers = [item for item in found if isinstance(item, SeriesHeader)]
        problems = [item.problem for item in found if isinstance(item, Reject)]
        outcome[path.name] = problems or len(headers)
        for header in headers:
            assert {"EchoTime", "FlipAngle", "RepetitionTime", "Rows", "SliceThickness"} <= header.attributes.keys()
    refused = {name: problem for name, problem in outcome.items() if isinstance(problem, list)}
    announced = "the header is incomplete: the head announces 4 dynamics, the lines hold 3"
    assert refused == {"NIB_phantom_truncated.PAR": [announced]}
    assert Counter(map(str, outcome.values()))["1"] == 23
    assert outcome["NIB_phantom_EPI_asc_CLEAR_2_1.REC"] == 0


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_every_real_nrrd_is_an_image_a_label_map_or_refused(tmp_path: Path) -> None:
    outcome: Counter[str] = Counter()
    for path in copied("nrrd", tmp_path):
        kind = sources.accepting(str(path))
        found = list(kind.read(iter([str(path)]), CONTEXT)) if kind else []
        headers = [item for item in found if isinstance(item, SeriesHeader)]
        refused = any(isinstance(item, Reject) for item in found)
        outcome[f"{kind.name if kind else 'unread'}{' refused' if refused and not headers else ''}"] += 1
        if path.name.startswith("SLICER_multishell"):
            b_values = headers[0].attributes["DiffusionBValue"]
            assert isinstance(b_values, tuple)
            assert [int(b) for b in b_values if not isinstance(b, str)][::5] == [0, 1500, 5000, 10000]
    assert outcome["nrrd refused"] == 3
    assert outcome["nrrd"] == 12
    assert outcome["slicer"] + outcome["slicer refused"] == 11
