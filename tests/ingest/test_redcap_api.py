"""Projects on a server: the same records as from the export, in batches, and clear words where it fails."""

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from ingest.base import Context
from ingest.redcap import reader as redcap
from ingest.redcap.api import Server, ServerError, downloaded, fetch, is_server
from ontology.records import Reject, SourceRecord
from tests.ingest import redcap_project as project
from tests.ingest.test_redcap_exports import DECISIONS, MAP, ROWS, said

TOKEN = "0123456789ABCDEF0123456789ABCDEF"


class Recorded(ThreadingHTTPServer):
    """Answers as a REDCap server does: one address, POST forms, the token in the form."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.failing = []
        """Statuses to answer with first."""

    @property
    def locator(self):
        return f"redcap+http://127.0.0.1:{self.server_port}/api/"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.server.asked.append(asked)
        status, body = 200, b""
        if self.server.failing:
            status, body = self.server.failing.pop(0), b"<html>Jane Doe</html>"
        elif asked.get("token") != TOKEN:
            status, body = 403, b'{"error":"You do not have permissions to use the API"}'
        else:
            body = project.answered(ROWS, asked)
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status == 307:
            self.send_header("Location", self.server.locator.removeprefix("redcap+"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("QILIN_REDCAP_TOKEN", TOKEN)
    with Recorded() as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield running
        running.shutdown()


def download(server, tmp_path, **settings):
    settings = {"waits": (0, 0), **settings}
    return fetch(Server(server.locator, **settings), tmp_path / "records.csv", lambda _done, _total: None)


def test_a_server_gives_what_its_export_gives(server, tmp_path):
    for name, content in [("map.yaml", MAP), ("mapping.sssom.tsv", DECISIONS)]:
        (tmp_path / "trial").mkdir(exist_ok=True)
        (tmp_path / "trial" / name).write_text(content, encoding="utf-8")
    for name, content in [
        ("d.csv", project.dictionary()),
        ("e.csv", project.event_list()),
        ("raw.csv", project.raw_csv(ROWS)),
    ]:
        (tmp_path / name).write_text(content, encoding="utf-8")
    context = Context(collection="trial", mapping=str(tmp_path / "trial"))
    assert redcap.SOURCE.accepts(server.locator)
    head, *items = redcap.SOURCE.read(iter([server.locator]), context)
    assert isinstance(head, SourceRecord)
    assert (head.kind, head.name, head.locator) == ("redcap", "127.0.0.1", server.locator)
    exported = said(redcap.SOURCE.read(iter([str(tmp_path / "raw.csv")]), context))
    # keys name the column: the server is not asked for the initials, which the export holds in front of them
    keyless = [[(type(item), {**as_dict(item), "key": ""}) for item in found] for found in (said(items), exported)]
    assert keyless[0] == keyless[1]
    assert {item.name for item in items if isinstance(item, Reject)} <= {"127.0.0.1"}
    again, *_ = redcap.SOURCE.read(iter([server.locator]), context)
    assert again.digest == head.digest


def as_dict(item):
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def test_records_come_in_batches_and_identifying_fields_are_not_asked_for(server, tmp_path):
    table = download(server, tmp_path, batch=1)
    asked = [item for item in server.asked if item["content"] == "record"]
    batches = [[value for name, value in item.items() if name.startswith("records")] for item in asked]
    assert batches == [[], ["1"], ["2"]]
    assert not [item for item in asked if "initials" in item.values()]
    assert len(list(table.rows())) == len(ROWS) + 1


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.failing += [503, 502]
    assert len(list(download(server, tmp_path).rows())) == len(ROWS) + 1


@pytest.mark.parametrize(
    ("statuses", "problem"),
    [
        ([500, 500, 500], "the server answered with status 500, 3 times"),
        ([400], "the server refused the request"),
        ([404], "there is no API at this address"),
        ([307], "the server answered with status 307"),
        ([200], "the answer is not that of a REDCap API"),
    ],
)
def test_what_goes_wrong_is_said_without_what_the_server_said(server, tmp_path, statuses, problem):
    server.failing += statuses
    with pytest.raises(ServerError) as failed:
        download(server, tmp_path)
    assert failed.value.problem == problem
    assert "Jane" not in str(failed.value)
    assert len(server.asked) == len(statuses), "a redirection is not followed, and what is refused is not asked again"


def test_a_failed_download_brings_nothing_in(server):
    server.failing += [400]
    items = list(redcap.SOURCE.read(iter([server.locator]), Context(collection="trial")))
    assert [type(item) for item in items] == [Reject]


def test_the_token_is_nowhere_to_be_read(server, monkeypatch, caplog):
    monkeypatch.setenv("QILIN_REDCAP_TOKEN_TRIAL_7", "F" * 32)
    locator = f"{server.locator}#trial-7"
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ServerError, match="the server refused the token") as failed, downloaded(locator):
        pass
    assert server.asked[0]["token"] == "F" * 32
    assert "F" * 32 not in caplog.text + str(failed.value)


@pytest.mark.parametrize("token", ["", "secret", "0123456789ABCDEF0123456789ABCDEG"])
def test_no_token_or_a_wrong_one_is_not_sent(server, tmp_path, monkeypatch, token):
    monkeypatch.setenv("QILIN_REDCAP_TOKEN", token)
    with pytest.raises(ServerError, match="QILIN_REDCAP_TOKEN") as failed:
        download(server, tmp_path)
    assert not server.asked
    assert not token or token not in str(failed.value)


@pytest.mark.parametrize(
    ("locator", "problem"),
    [
        ("redcap+http://redcap.example.org/api/", "without https"),
        ("redcap+https://user:word@redcap.example.org/api/", "more than host and path"),
        ("redcap+https://redcap.example.org/api/?token=1", "more than host and path"),
        ("redcap+https://redcap.example.org/redcap/", "does not end in /api/"),
    ],
)
def test_addresses_to_which_no_token_goes(monkeypatch, locator, problem):
    monkeypatch.setenv("QILIN_REDCAP_TOKEN", TOKEN)
    assert is_server(locator)
    with pytest.raises(ServerError, match=problem) as failed:
        Server(locator).project()
    assert "word" not in str(failed.value)


def test_a_server_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("QILIN_REDCAP_TOKEN", TOKEN)
    with pytest.raises(ServerError, match="cannot be reached"):
        fetch(Server("redcap+http://127.0.0.1:9/api/", waits=()), tmp_path / "r.csv", lambda _done, _total: None)


def test_what_waits_names_the_server(server):
    *_, waits = redcap.SOURCE.read(iter([server.locator]), Context(collection="trial"))
    assert (type(waits), waits.name) == (Reject, "127.0.0.1")
    assert waits.place.startswith("fields sym")


def test_a_project_whose_record_identifies_a_person_is_not_downloaded(server, tmp_path, monkeypatch):
    (record, *rest) = project.FIELDS
    monkeypatch.setattr(project, "FIELDS", [(*record[:7], "y", ""), *rest])
    with pytest.raises(ServerError, match="the record's identifier is flagged"):
        download(server, tmp_path)
    assert "record" not in {asked["content"] for asked in server.asked}
