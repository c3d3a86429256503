"""The commands that talk to a running workbench, and those that import and export state files."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from tests import forks
from tests.forks import HAMMS, Forked
from tests.http.commands import Running, starting

SAFETY_NET = 60.0
SERVER_SAFETY_NET = 600.0  # one server is there for all tests of this module


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with starting("workbench", safety_net=SERVER_SAFETY_NET) as run:
        yield run("--no-access-log")


def run(*arguments: str, code: int = 0, printed: str = "") -> str:
    """Run a command, and return its standard output."""
    done = forks.run(HAMMS, *arguments, printed=printed)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def get(running: Running, path: str) -> bytes:
    with urllib.request.urlopen(running.url + path, timeout=SAFETY_NET) as answer:
        octets: bytes = answer.read()
        return octets


def test_mocks_are_added_listed_shown_and_deleted(running: Running) -> None:
    server = ("--server", running.url)
    run(
        "mock",
        "add",
        "GET",
        "/a/{id}",
        "--body",
        "<{{path.id}}>",
        "--id",
        "m1",
        "--header",
        "X: y",
        *server,
    )
    document = json.dumps({"id": "m2", "method": "GET", "path_pattern": "/b", "status": 200})
    run("mock", "load", "-", *server, printed=document)

    assert get(running, "/a/7") == b"<7>"
    listed = json.loads(run("mock", "list", "--json", *server))["mocks"]
    assert [mock["id"] for mock in listed] == ["m1", "m2"]
    assert json.loads(run("mock", "show", "m1", *server))["headers"] == {"X": "y"}
    assert run("mock", "delete", "m1", *server) == "deleted m1\n"
    assert "404 not_found: mock not found" in run("mock", "show", "m1", *server, code=1)


def test_the_history_is_shown_for_people_and_for_programs(running: Running) -> None:
    for number in range(3):
        get(running, f"/?n={number}")
    server = ("--server", running.url)
    lines = run("history", "--path", "/", "--limit", "2", "--method", "GET", *server).splitlines()
    records = json.loads(run("history", "--limit", "3", "--json", *server))["history"]
    har = json.loads(run("history", "--har", *server))

    assert len(lines) == 2
    assert len(records) == 3
    assert har["log"]["version"] == "1.2"


def test_the_history_is_followed_as_requests_come(running: Running) -> None:
    get(running, "/?before=1")
    command = ["history", "--follow", "--json", "--path", "/", "--limit", "1"]
    follow = Forked(
        HAMMS,
        *(*command, "--method", "get", "--count", "2", "--server", running.url),
        stdout=subprocess.PIPE,
    )
    assert follow.stdout is not None
    shown = [json.loads(follow.stdout.readline())]
    for number in range(2):
        get(running, f"/?after={number}")
        shown.append(json.loads(follow.stdout.readline()))
    assert follow.wait(SAFETY_NET) == 0
    follow.stdout.close()
    targets = [record["replay_input"]["raw_target"] for record in shown]
    assert targets == ["/?before=1", "/?after=0", "/?after=1"]


@pytest.mark.parametrize(
    "command", [["events", "tail", "--since-id", "0"], ["history", "--follow"]]
)
def test_a_follower_that_is_interrupted_ends_well(running: Running, command: list[str]) -> None:
    get(running, "/?followed=1")
    follow = Forked(
        HAMMS,
        *(*command, "--server", running.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert follow.stdout is not None
    follow.stdout.readline()
    follow.send_signal(signal.SIGINT)
    _, errors = follow.communicate(timeout=SAFETY_NET)
    assert (follow.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("slug", "arguments", "words"),
    [
        (
            "retries",
            {},
            "500: {",
        ),  # its document has a text where that of a workbench has an object
        ("status", {"status": 200}, "not that of a workbench: it has no 'mocks'"),
        ("type-missing", {}, "200: "),
    ],
)
def test_another_server_than_a_workbench_is_reported_in_one_line(
    slug: str, arguments: dict[str, object], words: str
) -> None:
    with HammsServer(beginning_port=0, workbench=False) as server:
        door = server.open(slug, **arguments)
        (line,) = run("mock", "list", "--server", door.url(), code=1).splitlines()
    assert words in line


def test_verify_ends_with_3_and_the_nearest_request(running: Running) -> None:
    get(running, "/?verified=1")
    server = ("--server", running.url)
    assert "verified" in run("verify", "GET", "/", "--query", "verified=1", "--times", "1", *server)
    assert "nearest is" in run("verify", "GET", "/x", *server, code=3)
    assert json.loads(run("verify", "PUT", "/x", "--json", *server, code=3))["verified"] is False


def test_events_are_printed_as_they_are_stored(running: Running) -> None:
    server = ("--server", running.url)
    line = run("events", "tail", "--since-id", "0", "--count", "1", "--json", *server)
    assert json.loads(line)["type"] == "system.health"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mock", "list", "--server", "http://127.0.0.1:1"], "no workbench answers"),
        (["mock", "list", "--server", "nowhere"], "is no URL"),
        (["mock", "list", "--server", "http://["], "is no URL"),
        (["mock", "load", "-"], "is not JSON"),
        (["mock", "add", "GET", "/a", "--header", "x"], "no colon"),
        (["verify", "GET", "/a", "--query", "x"], "NAME=VALUE"),
        (["export", "--state", "none.sqlite3"], "there is no state file"),
        (["import", "none.json"], "can't be read"),
        (["history", "--follow", "--har"], "leave out --har"),
        (["workbench", "--metrics-backend", "memory", "--metrics-sqlite-file", "x"], "is for"),
        (["workbench", "--port", "0", "--metrics-sqlite-file", __file__], "the metrics file"),
        (["history", "--count", "1"], "--count is for --follow"),
        (["serve", "--no-workbench", "--state", "x"], "leave out --no-workbench"),
        (["serve", "--beginning-port", "0", "--state", __file__], "not a file of SQLite"),
        (["workbench", "--port", "0", "--state", __file__], "not a file of SQLite"),
        (["workbench", "--port", "0", "--auth-users-file", __file__], "is not JSON"),
        (["workbench", "--port", "0", "--public-base-url", "x"], "names no host"),
    ],
)
def test_a_mistake_ends_with_2_and_one_line(arguments: list[str], words: str) -> None:
    printed = run(*arguments, code=2)
    assert words in printed
    assert len(printed.splitlines()) == 1


def test_a_state_file_goes_in_and_comes_out_again(tmp_path: Path) -> None:
    mock = {"id": "m1", "method": "GET", "path_pattern": "/a", "status": 200, "color": "blue"}
    unknown = {**mock, "id": "m2", "path_pattern": "/b", "fail": "frame-nope"}
    document = {"version": 1, "mocks": [mock, unknown], "history": []}
    (tmp_path / "old.json").write_text(json.dumps(document))
    state = ("--state", str(tmp_path / "state.sqlite3"))

    printed = run("import", str(tmp_path / "old.json"), *state)
    assert "2 mocks" in printed
    assert "color" in printed
    assert "frame-nope" in printed
    run("export", "--output", str(tmp_path / "new.json"), *state)
    exported = json.loads((tmp_path / "new.json").read_text())
    assert [m["path_pattern"] for m in exported["mocks"]] == ["/a"]
    written = json.loads(run("export", "--json", "--output", str(tmp_path / "2.json"), *state))
    assert written["exported"] == {"history": 0, "mocks": 1}
    assert json.loads(run("export", "targets", *state)) == {"version": 1, "targets": []}


def test_serve_keeps_the_workbenchs_state_over_a_restart(tmp_path: Path) -> None:
    mock = {"id": "m1", "method": "GET", "path_pattern": "/a", "status": 200, "body": "hi"}
    (tmp_path / "old.json").write_text(json.dumps({"version": 1, "mocks": [mock]}))
    state = ("--state", str(tmp_path / "state.sqlite3"))
    run("import", str(tmp_path / "old.json"), *state)
    options = ("--beginning-port", "0", "--workbench-port", "0", "ok", *state)
    ready = tmp_path / "ready.json"
    serve = Forked(HAMMS, "serve", *options, "--ready-file", str(ready), stdout=subprocess.PIPE)
    with serve:
        assert serve.stdout is not None
        while "seed" not in serve.stdout.readline():
            pass
        url = json.loads(ready.read_text())["workbench"]["url"]
        with urllib.request.urlopen(f"{url}a", timeout=SAFETY_NET) as answer:
            assert answer.read() == b"hi"
        serve.send_signal(signal.SIGTERM)
        serve.stdout.read()
    exported = json.loads(run("export", *state))
    assert [record["path"] for record in exported["history"]] == ["/a"]


def test_a_json_state_file_is_imported_once_at_the_start(tmp_path: Path) -> None:
    mock = {"id": "m1", "method": "GET", "path_pattern": "/a", "status": 200, "body": "hi"}
    (tmp_path / "old.json").write_text(json.dumps({"version": 1, "mocks": [mock]}))
    state = ("--state", str(tmp_path / "new.sqlite3"), "--state-file", str(tmp_path / "old.json"))
    with starting("workbench") as run_workbench:
        running = run_workbench(*state)
        assert get(running, "/a") == b"hi"
        assert "imported 1 mocks" in running.stop()[1]
        assert "imported" not in run_workbench(*state).stop()[1]


def test_features_that_are_off_have_no_routes() -> None:
    with starting("workbench") as run_workbench:
        running = run_workbench("--no-enable-playground", "--no-enable-live-events")
        live = json.loads(get(running, "/api/events/live-mode"))
        paths = json.loads(get(running, "/openapi.json"))["paths"]
    assert (live["available"], live["reason"]) == (False, "live_events_disabled")
    assert "/api/mocks" not in paths


def test_an_incident_is_started_shown_and_stopped(running: Running) -> None:
    server = ("--server", running.url)
    options = ("--probability", "1", "--seed", "7", "--ttl", "60")
    assert run("incident", "start", "body_drop", *options, *server).startswith("body_drop striking")
    assert get(running, "/") == b""
    assert "affected=1 of 1\tends_in=" in run("incident", "show", *server)
    stopped = json.loads(run("incident", "stop", "--json", *server))["incident"]
    assert stopped["ended_by"] == "stop"
    assert "mode must be" in run("incident", "start", "earthquake", *server, code=1)


def test_a_target_is_called_from_the_command_line(running: Running) -> None:
    server = ("--server", running.url)
    run("target", "add", "Own", running.url, "--id", "own", "--timeout-ms", "9000", *server)
    assert run("target", "list", *server) == f"own\tOwn\t{running.url}\tenabled\n"

    called = ("scenario", "proxy", "--target-id", "own", *server)
    lines = run(*called, "--path", "/").splitlines()
    assert lines[0].startswith("Proxy response | target=own status=200 trace=")
    assert json.loads("\n".join(lines[1:-1]))["Content-Length"] == "11"
    assert lines[-1] == "Hello World"

    given = ("--method", "POST", "--path", "/submit", "--body", "x", "--headers-json", '{"A": "b"}')
    document = json.loads(run(*called, *given, "--json"))
    assert document["response"]["body"] == "Received POST body: x"

    run(*called, "--path", "/nothing", code=3)
    assert "404 target_not_found" in run("scenario", "proxy", "--target-id", "no", *server, code=1)
    assert "is no object" in run(*called, "--headers-json", "[]", code=2)
    assert "is not JSON" in run(*called, "--headers-json", "{", code=2)
    run("scenario", "proxy", "--target-id", "own", "--server", "http://127.0.0.1:1", code=1)
    assert run("target", "delete", "own", *server) == "deleted own\n"


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        (["--engine", "threadpool"], 409, "use_selectors_engine"),
        (["--engine", "threadpool", "--no-live-events-require-selectors"], 200, ""),
        (["--engine", "selectors"], 200, ""),
    ],
)
def test_the_engine_that_serves_no_streams_serves_none(
    options: list[str], status: int, reason: str
) -> None:
    with starting("workbench") as run_workbench:
        running = run_workbench(*options, "--state", ":memory:")
        live = json.loads(get(running, "/api/events/live-mode"))
        assert (live["available"], live["reason"]) == (not reason, reason)
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SAFETY_NET)
        with closing(connection):
            connection.request("GET", "/api/events/stream")
            assert connection.getresponse().status == status
        assert json.loads(get(running, "/api/events/snapshot"))["events"]
