"""``hamms-trio workbench``, in a process of its own and with real signals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamms_trio.app import WORKBENCH_OFFSET
from tests import forks
from tests.forks import HAMMS, Forked
from tests.http.commands import SAFETY_NET, Run, starting
from tests.http.conversations import read_answers, statuses
from tests.ports import free_ports

COMMAND = [sys.executable, "-m", "hamms_trio", "workbench"]
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEGUN = b"POST /submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na"


@pytest.fixture
def run() -> Iterator[Run]:
    with starting("workbench") as run:
        yield run


def say(client: socket.socket, octets: bytes) -> bytes:
    """Return the octets that come after ``octets`` were sent."""
    client.sendall(octets)
    return client.recv(65536)


def read_all(client: socket.socket) -> bytes:
    octets = b""
    while more := client.recv(65536):
        octets += more
    return octets


def test_the_workbench_prints_its_url_and_an_idle_one_ends_at_once(run: Run) -> None:
    running = run("--drain-timeout", "60")
    with running.connect() as client:
        assert statuses(say(client, GET)) == [200]
        code, errors = running.stop()
        assert client.recv(1) == b""

    assert code == 0
    assert "signal_received signal=SIGTERM action=drain_and_stop" in errors


def test_a_signal_answers_requests_in_flight_and_refuses_later_ones(run: Run) -> None:
    running = run("--drain-timeout", "60")
    with running.connect() as busy, running.connect() as kept:
        assert statuses(say(kept, GET)) == [200]
        busy.sendall(BEGUN)
        assert statuses(say(kept, GET)) == [200]  # so the server has read the other too
        running.process.send_signal(signal.SIGTERM)
        while statuses(answered := say(kept, GET)) == [200]:
            pass
        (refused,) = read_answers(answered + read_all(kept))
        busy.sendall(b"bc")
        last = read_all(busy)

    assert running.ended()[0] == 0
    assert (refused.status, refused.fields["retry-after"]) == (503, "2")
    assert statuses(last) == [200]


def test_the_drain_ends_at_its_timeout(run: Run) -> None:
    running = run("--drain-timeout", "0.05")
    with running.connect() as client:
        client.sendall(BEGUN)
        with running.connect() as other:
            say(other, GET)
        assert running.stop()[0] == 0


def test_a_second_signal_ends_the_server_at_once(run: Run) -> None:
    running = run("--drain-timeout", "3600")
    with running.connect() as client, running.connect() as other:
        client.sendall(BEGUN)
        say(other, GET)
        running.process.send_signal(signal.SIGINT)
        while statuses(say(other, GET)) == [200]:
            pass
        assert running.stop()[0] == 0


def test_the_access_log_is_json_lines(run: Run) -> None:
    running = run("--log-format", "json")
    with running.connect() as client:
        for _ in range(3):
            say(client, GET)
    lines = [json.loads(line) for line in running.stop()[1].splitlines()]

    answers = [line for line in lines if "status" in line]
    assert [answer["request_id"] for answer in answers] == [1, 2, 3]


def test_the_limits_of_the_command_line_hold(run: Run) -> None:
    running = run("--max-requests", "2", "--max-connections", "1", "--keepalive-timeout", "7")
    with running.connect() as client:
        first = say(client, GET)
        with running.connect() as another:
            assert statuses(read_all(another)) == [503]
        second = say(client, GET) + read_all(client)

    assert b"Keep-Alive: timeout=7\r\n" in first
    assert b"Connection: close\r\n" in second


@pytest.mark.parametrize("engine", ["threadpool", "selectors"])
def test_an_engine_of_the_past_is_accepted_with_a_warning(run: Run, engine: str) -> None:
    assert f"--engine {engine} is accepted" in run("--engine", engine).stop()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("command", ["workbench", "files"])
@pytest.mark.parametrize(("engine", "has_timer"), [("epoll", True), ("trio", False)])
def test_the_engine_option_chooses_the_hub(command: str, engine: str, has_timer: bool) -> None:
    with starting(command) as run:
        running = run("--engine", engine)
        with running.connect() as client:
            assert statuses(say(client, GET)) == [200]
            opened = [os.readlink(fd) for fd in Path(f"/proc/{running.process.pid}/fd").iterdir()]
        assert ("anon_inode:[timerfd]" in opened) is has_timer
        running.stop()


@pytest.mark.parametrize(
    "option", ["--keepalive-timeout", "--body-timeout", "--answer-timeout", "--drain-timeout"]
)
@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_timeout_of_nan_or_infinity_is_refused(option: str, seconds: str) -> None:
    refused = forks.run(HAMMS, "workbench", "--port", "0", option, seconds)
    assert refused.returncode == 2
    assert "not a number of seconds" in refused.stderr


def test_a_taken_port_is_one_line_that_names_it(run: Run) -> None:
    running = run()
    done = forks.run(HAMMS, "workbench", "--port", str(running.port))

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"port {running.port} " in line
    assert "--port" in line


def test_serve_opens_the_workbench_too() -> None:
    beginning = free_ports(WORKBENCH_OFFSET + 1)
    command = ["serve", "--beginning-port", str(beginning), "--only", "status"]
    with Forked(HAMMS, *command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        rows = map(str.split, process.stdout)
        row = next(row for row in rows if "workbench" in row)
        with socket.create_connection(("127.0.0.1", int(row[0])), timeout=SAFETY_NET) as client:
            assert statuses(say(client, GET)) == [200]
        process.terminate()
        assert process.wait(SAFETY_NET) == 0

    assert row[:2] == [str(beginning + WORKBENCH_OFFSET), "workbench"]


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells what a descriptor is")
def test_no_socket_takes_the_place_of_a_closed_standard_error(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [*COMMAND, "--port", "0", "--ready-file", str(ready)]
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    with subprocess.Popen(closed, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "is ready on" in process.stdout.readline()
            assert os.readlink(f"/proc/{process.pid}/fd/2") == os.devnull
        finally:
            process.terminate()
        assert process.wait(SAFETY_NET) == 0


def dry_run(*options: str, **environment: str) -> list[str]:
    done = forks.run(HAMMS, "workbench", "--dry-run", *options, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_dry_run_prints_each_setting_with_its_origin() -> None:
    options = ("--max-body", "1000000", "--no-expect-continue", "--server-name", "My Server")
    resolved, *lines = dry_run(*options, PORT="99")
    assert resolved.startswith("Resolved command: hamms-trio workbench --host 127.0.0.1 --port 99 ")
    assert "dry-run" not in resolved
    assert {
        "--port 99  (environment)",
        "--max-head 16384  (default)",
        "--max-body 1000000  (command line)",
        "--no-expect-continue  (command line)",
        "--server-name 'My Server'  (command line)",
    } <= set(lines)


@pytest.mark.parametrize("options", [[], ["--enable-tls"], ["--codecrafters-mode"]])
def test_the_command_that_a_dry_run_prints_can_be_run(options: list[str]) -> None:
    resolved, *_ = dry_run(*options)
    _, *again = shlex.split(resolved.partition(": ")[2])[1:]
    assert dry_run(*again)[0] == resolved


def test_a_dry_run_prints_no_secret() -> None:
    lines = dry_run("--demo-token", "s3cret", "--auth-users-file", "users.json")
    assert {
        "--demo-token '***'  (command line)",
        "--auth-users-file users.json  (command line)",
    } <= {*lines}
    assert "s3cret" not in "\n".join(lines)


def test_server_name_sets_the_server_field(run: Run) -> None:
    for name, line in (("nginx/1.0", b"\r\nServer: nginx/1.0\r\n"), ("", b"")):
        with run("--server-name", name).connect() as client:
            answer = say(client, GET)
        assert line in answer
        assert (b"\r\nServer: " in answer) is bool(name)


def test_the_sizes_of_the_command_line_hold(run: Run) -> None:
    running = run("--max-head", "200", "--max-target", "64", "--max-body", "100")
    asked = {
        GET: 200,
        GET.replace(b"GET /", b"GET /" + b"a" * 64): 414,
        GET.replace(b"Host: localhost", b"Host: localhost\r\nX: " + b"a" * 200): 431,
        BEGUN.replace(b": 3", b": 101"): 413,
    }
    for octets, status in asked.items():
        with running.connect() as client:
            assert statuses(say(client, octets)) == [status]


def test_max_body_allows_a_larger_body(run: Run) -> None:
    octets = 66 * 1024 * 1024  # more than all bodies together may have otherwise
    running = run("--max-body", str(octets))
    with running.connect() as client:
        client.sendall(BEGUN[:-1].replace(b": 3", b": %d" % octets) + b"x" * octets)
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("option", "invited"), [("--expect-continue", True), ("--no-expect-continue", False)]
)
def test_the_option_decides_whether_100_continue_is_sent(
    run: Run, option: str, invited: bool
) -> None:
    head = BEGUN[:-1].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with run(option).connect() as client:
        client.sendall(head)
        if invited:
            assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert statuses(client.recv(65536)) == [200]
