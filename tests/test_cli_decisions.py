"""``hamms-trio decisions``, ``hosts`` and ``one``, each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from hamms_trio.modes import CATALOGUE
from tests import forks
from tests.forks import HAMMS, Forked

SAFETY_NET = 60.0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.run(HAMMS, *arguments)


def test_decisions_prints_the_same_table_each_time() -> None:
    options = (
        "decisions",
        "status",
        "--share",
        "0.5",
        "--seed",
        "9",
        "--key",
        "k",
        "--count",
        "30",
    )
    first, again = run(*options), run(*options)
    assert first.stdout == again.stdout
    heading, *lines = first.stdout.splitlines()
    assert heading == "status, seed 9"
    assert [line.split()[0] for line in lines] == [str(number) for number in range(1, 31)]
    assert {line.split()[1] for line in lines} == {"strikes", "spares"}


@pytest.mark.parametrize(
    ("arguments", "strikes"),
    [
        (["status"], [True] * 4),
        (["status", "--every", "2"], [False, True, False, True]),
        (["status", "--first", "1", "--skip", "2"], [False, False, True, False]),
        (["retries", "--set", "tries=2"], [True, False, False, False]),
        (["tcp-drop-random", "--set", "every=3"], [False, False, True, False]),
        (["sequence", "--set", "sequence=ok,status,ok"], [False, True, False, False]),
        (["tcp-accept-hang", "--every", "2"], [False, True, False, True]),
    ],
)
def test_decisions_follow_a_mode_s_own_rules_too(arguments: list[str], strikes: list[bool]) -> None:
    done = run("decisions", *arguments, "--count", "4", "--json")
    assert json.loads(done.stdout)["strikes"] == strikes


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["statsu"], "did you mean status"),
        (["tcp-refused"], "nothing listens on it"),
        (["status", "--share", "2"], "from 0 to 1"),
        (["status", "--set", "status"], "NAME=VALUE"),
        (["status", "--set", "code=5"], "no parameter 'code'"),
    ],
)
def test_decisions_that_can_not_be_made_are_one_line(arguments: list[str], problem: str) -> None:
    done = run("decisions", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert problem in done.stderr


def test_hosts_has_a_line_for_each_mode_that_a_name_reaches() -> None:
    lines = run("hosts", "--address", "::1").stdout.splitlines()
    reached = [slug for slug, mode in CATALOGUE.items() if mode.speaks_tls or not mode.needs_port]
    assert lines == [f"::1 {slug}.hamms.localhost {slug}.hamms" for slug in reached]
    assert run("hosts", "--address", "nowhere").returncode == 2


def test_one_serves_one_mode_and_prints_its_port(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = ["one", "status", "--set", "status=503", "--ready-file", str(ready)]
    with Forked(HAMMS, *command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            url = f"http://127.0.0.1:{port}/"
            assert requests.get(url, timeout=SAFETY_NET).status_code == 503
            assert json.loads(ready.read_text()) == {"status": {"port": port, "url": url}}
            process.send_signal(signal.SIGTERM)
            assert process.wait(SAFETY_NET) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["nope"], "did you mean"), (["status", "--set", "status=5"], "from 100 to 999")],
)
def test_one_that_can_not_be_served_is_one_line(arguments: list[str], problem: str) -> None:
    done = run("one", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
