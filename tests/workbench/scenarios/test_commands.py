"""``hamms-trio scenario``, as a user runs it: output, exit codes, and the live view on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import httpx
import pytest
from click.testing import CliRunner

from hamms_trio.cli import main
from tests.forks import HAMMS, Forked
from tests.http.commands import Running, starting
from tests.workbench.scenarios.worlds import scenario, step

SAFETY_NET = 60.0
SERVER_SAFETY_NET = 600.0  # one server is there for all tests of this module
HOME = b"\x1b[H"  # the cursor goes to the upper left corner, where each screen begins
EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "scenarios").glob("*.json"))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with starting("workbench", safety_net=SERVER_SAFETY_NET) as run:
        yield run("--no-access-log")


def run(*arguments: str, code: int = 0) -> str:
    """Run a command, and return everything that it printed."""
    done = CliRunner().invoke(main, ["scenario", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def written(tmp_path: Path, *steps: dict[str, Any], **members: Any) -> str:
    """Write a scenario into a file."""
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(scenario(*steps, **members)))
    return str(file)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_passes_as_written_and_again(running: Running, example: Path) -> None:
    for _ in range(2):
        assert "Status: pass" in run("run", str(example), "--base-url", running.url)  # W30


def test_a_failed_run_ends_with_3_and_the_reason(running: Running, tmp_path: Path) -> None:
    steps = (step(id="home"), step(id="bad", path="/nope"))
    file = written(tmp_path, *steps)
    report = tmp_path / "report.xml"
    said = run(
        *("run", file, "--base-url", running.url, "--live", "--seed", "7"),
        *("--junit", str(report)),
        code=3,
    )
    lines = said.splitlines()
    assert lines[0] == "STEP START scenario=s step=home target=local"
    assert lines[1].startswith("STEP END step=home status=pass latency_ms=")
    assert lines[4].endswith("| Scenario: s | Seed: 7")
    assert lines[5].startswith("Status: fail | Passed: 1 | Failed: 1 | Duration: ")
    assert lines[6] == "-" * 72
    assert lines[7].startswith("PASS home         latency=")
    assert lines[9] == "      reason: status expected [200] got 404"
    assert parse(report).getroot().attrib["failures"] == "1"


def test_a_report_is_printed_as_json(running: Running, tmp_path: Path) -> None:
    file = written(tmp_path, step(path="/{{where}}"), variables={"where": ""})
    said = run("run", file, "--base-url", running.url, "--json", "--var", "where=stream")
    assert json.loads(said)["step_results"][0]["request"]["path"] == "/stream"


def test_an_unreachable_server_is_a_failed_run(tmp_path: Path) -> None:
    said = run("run", written(tmp_path, step()), "--base-url", "http://127.0.0.1:1", code=3)
    assert "status expected [200] got 502" in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "none.json"], 1, "can't be read"),
        (["run", __file__], 2, "body must be valid json"),
        (["run", str(EXAMPLES[0]), "--max-steps", "1"], 2, "too many steps"),
        (["run", str(EXAMPLES[0]), "--base-url", "nowhere"], 2, "is no URL"),
        (["run", str(EXAMPLES[0]), "--var", "x"], 2, "NAME=VALUE"),
        (["run", str(EXAMPLES[0]), "--var", "x=1"], 2, "no such variable"),
        (["list", "--server", "http://127.0.0.1:1"], 1, "no workbench answers"),
        (["list", "--server", "nowhere"], 2, "is no URL"),
        (["live", "--refresh-ms", "0"], 1, "is no interval"),
    ],
)
def test_a_mistake_has_its_exit_code_and_one_line(
    arguments: list[str], code: int, words: str
) -> None:
    said = run(*arguments, code=code)
    assert words in said
    assert len(said.splitlines()) == 1


def test_stored_scenarios_are_listed_and_run(running: Running) -> None:
    server = ("--server", running.url)
    document = scenario(step(id="home"), step(path="/nope"), id="stored", name="Stored", tags=["t"])
    answer = httpx.post(f"{running.url}/api/scenarios", json=document)
    assert answer.status_code == 201, answer.text

    assert "stored\tStored\tsteps=2" in run("list", *server).splitlines()
    assert run("list", "--tag", "other", *server) == ""
    assert "PASS home" in run("run-remote", "stored", *server, code=3)
    assert (
        json.loads(run("run-remote", "stored", "--json", "--seed", "5", *server, code=3))["seed"]
        == 5
    )
    assert "scenario not found" in run("run-remote", "none", *server, code=1)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty on Windows")
def test_the_live_view_obeys_its_keys_on_a_terminal(running: Running, tmp_path: Path) -> None:
    run("run", written(tmp_path, step(), step(path="/nope")), "--base-url", running.url, code=3)
    screen = Terminal("live", "--server", running.url, "--refresh-ms", "10")
    try:
        screen.wait_for("everything", "404 GET /nope", "200 GET / ")
        screen.press("f")
        screen.wait_for("failures only", "404 GET /nope", without="200 GET / ")
        screen.press("c")
        screen.wait_for("nothing yet", without="404 GET /nope")
        screen.press("r")
        screen.wait_for("failures only", "404 GET /nope", without="200 GET / ")
        screen.press("q")
        assert screen.wait() == 0
    finally:
        screen.close()


def test_without_a_terminal_each_event_is_a_line(running: Running, tmp_path: Path) -> None:
    run("run", written(tmp_path, step(path="/nope")), "--base-url", running.url, code=3)
    command = ["scenario", "live", "--server", running.url, "--failed-only", "--json"]
    ends = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    with Forked(HAMMS, *command, **ends) as process:
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
        process.terminate()
    assert event["payload"]["status"] in (404, "fail")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
        ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        self._process = Forked(HAMMS, "scenario", *arguments, **ends, env=environment)
        os.close(theirs)
        self._seen = b""

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def wait_for(self, *words: str, without: str = "\0") -> None:
        """Read until a whole screen has these words, and not the other ones."""
        while True:
            *whole, self._seen = (self._seen + os.read(self._ours, 65_536)).split(HOME)
            for octets in whole:
                text = octets.decode(errors="replace")
                if all(word in text for word in words) and without not in text:
                    return

    def wait(self) -> int:
        """Read until the command ends, and return its exit code."""
        try:
            while os.read(self._ours, 65_536):
                pass
        except OSError:  # Linux says EIO once the other side is closed
            pass
        return self._process.wait(SAFETY_NET)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(SAFETY_NET)
        os.close(self._ours)
