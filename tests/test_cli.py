"""The command line, in a process of its own."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import which
from threading import Timer

import pytest
import requests

from hamms_trio.app import BEGINNING_PORT
from hamms_trio.version import VERSION
from tests import forks
from tests.clients import raw
from tests.forks import HAMMS, Forked
from tests.lab.servers import all_doors
from tests.ports import free_beginning_port, is_free, taken_port

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long
DOORS = {door.name: door for door in all_doors()}
SUMMARIES = {name: door.summary for name, door in DOORS.items()}
HIGHEST_OFFSET = 100  # the workbench's
SHARED = 2  # doors that are served with any mode: armed, and path
UNREACHABLE = {door.name for door in DOORS.values() if not door.listens}
UNANSWERED = 0.1  # seconds after which a SYN to this machine will have no answer
STATUS, REFUSED = 9, 0  # the offsets of two ports


class Serving:
    """``hamms-trio serve`` while every port accepts.

    Attributes:
        table: the lines that it printed, from the heading on.
        seed: the line behind the table.
        ready: what the ready file says.
    """

    def __init__(
        self, process: subprocess.Popen[str], table: list[str], ready: Path, seed: str
    ) -> None:
        self.process = process
        self.table = table
        self.seed = seed
        self.ready: dict[str, dict[str, object]] = json.loads(ready.read_text())

    def url(self, slug: str, query: str = "") -> str:
        return f"{self.ready[slug]['url']}{query}"

    def address(self, slug: str) -> tuple[str, int]:
        return "127.0.0.1", int(str(self.ready[slug]["port"]))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and return the exit code and the standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=SAFETY_NET)
        return self.process.returncode, errors


Serve = Callable[..., Serving]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start ``hamms-trio serve`` with these arguments, on free ports by default."""
    with ExitStack() as stack:

        def start(
            *arguments: str, modes: int = len(DOORS) - SHARED, workbench: bool = False
        ) -> Serving:
            ready = tmp_path / "ready.json"
            if not workbench:
                arguments = (*arguments, "--no-workbench")
            ports = () if "--beginning-port" in arguments else ("--beginning-port", "0")
            process = stack.enter_context(
                _running("serve", *ports, *arguments, "--ready-file", str(ready))
            )
            assert process.stdout is not None
            rows = modes + SHARED + workbench
            table = [process.stdout.readline() for _ in range(1 + rows)]
            return Serving(process, table, ready, process.stdout.readline())

        yield start


@contextmanager
def _running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with Forked(HAMMS, *arguments, stdout=pipe, stderr=pipe) as process:
        watchdog = Timer(SAFETY_NET, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.run(HAMMS, *arguments)


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=SAFETY_NET, proxies={"http": ""})


def test_serve_prints_a_table_and_writes_the_ready_file(serve: Serve) -> None:
    serving = serve()
    header, *rows = (line.split(maxsplit=2) for line in serving.table)

    assert header == ["port", "mode", "what it does\n"]
    assert [slug for _, slug, _ in rows] == list(SUMMARIES) == list(serving.ready)
    for port, slug, summary in rows:
        assert summary.strip() == SUMMARIES[slug]
        host = "localhost" if slug == "tcp-v6-blackhole-v4-ok" else "127.0.0.1"
        scheme = "https" if slug.startswith("tls") or slug == "sni" else "http"
        assert serving.ready[slug] == {"port": int(port), "url": f"{scheme}://{host}:{port}/"}
        with socket.socket() as client:
            client.settimeout(UNANSWERED if slug == "tcp-syn-blackhole" else SAFETY_NET)
            failed = client.connect_ex(("127.0.0.1", int(port)))
            # A reset at once may come before the connect returns.
            assert (failed not in (0, errno.ECONNRESET)) is (slug in UNREACHABLE)
    assert serving.stop() == (0, "")


def test_serve_prints_the_seed_of_its_choices(serve: Serve) -> None:
    assert serve("--seed", "7").seed == "seed 7: the same seed makes the same choices again\n"


def test_serve_counts_its_ports_from_the_beginning_port(serve: Serve) -> None:
    beginning = free_beginning_port()
    serving = serve("--beginning-port", f"{beginning}")

    assert [entry["port"] for entry in serving.ready.values()] == [
        beginning + (door.offset or 0) for door in DOORS.values()
    ]
    assert get(serving.url("status", "?status=418")).status_code == 418


def test_the_installed_command_equals_the_module() -> None:
    command = which("hamms-trio", path=str(Path(sys.executable).parent))

    assert command is not None
    module = [sys.executable, "-m", "hamms_trio"]
    for started in ([command], module):
        done = subprocess.run(
            [*started, "modes"], capture_output=True, text=True, timeout=SAFETY_NET
        )
        assert done.stdout == run("modes").stdout
    assert run("--version").stdout == f"hamms-trio, version {VERSION}\n"


def test_several_modes_may_follow_one_only(serve: Serve) -> None:
    serving = serve("--only", "status", "retries", modes=2)
    assert list(serving.ready) == ["status", "retries", "armed", "path"]


def test_serve_opens_only_the_modes_asked_for(serve: Serve) -> None:
    serving = serve("--only", "status", "--only", "tcp-refused", modes=2)

    assert list(serving.ready) == ["tcp-refused", "status", "armed", "path"]
    assert get(serving.url("status")).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serve_with_code_0_and_frees_every_port(
    serve: Serve, number: signal.Signals
) -> None:
    serving = serve("--beginning-port", f"{free_beginning_port()}")

    assert serving.stop(number) == (0, "")
    assert all(is_free(serving.address(slug)[1]) for slug in SUMMARIES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serve_with_connections_open(serve: Serve, number: signal.Signals) -> None:
    serving = serve("--beginning-port", f"{free_beginning_port()}")
    with ExitStack() as stack:
        clients = []
        for slug in SUMMARIES.keys() - UNREACHABLE - {"tcp-accept-rst"}:
            clients.append(stack.enter_context(raw.connected(serving.address(slug))))
            clients.append(stack.enter_context(raw.connected(serving.address(slug))))
            clients[-1].sendall(b"GET /?interval=0.05&sleep=60 HTTP/1.1\r\nHost: hamms\r\n\r\n")
        with raw.connected(serving.address("pace-byte")) as dripped_on:
            dripped_on.sendall(b"GET /?interval=0.05 HTTP/1.1\r\nHost: hamms\r\n\r\n")
            assert dripped_on.recv(1) == b"H"
            assert serving.stop(number) == (0, "")
        for client in clients:
            with suppress(ConnectionResetError):
                raw.receive_all(client)  # times out if the connection is still open
    assert is_free(serving.address("tcp-refused")[1])
    assert all(is_free(serving.address(slug)[1], reuse=True) for slug in SUMMARIES)


def test_a_second_signal_does_not_disturb_the_shutdown(serve: Serve) -> None:
    for first, second in (
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT),
    ):
        serving = serve()
        serving.process.send_signal(first)
        code, errors = serving.stop(second)
        assert (code, errors) == (0, "")


def test_the_error_for_a_taken_port_names_port_mode_and_remedy() -> None:
    with taken_port(STATUS) as beginning:
        done = run("serve", "--beginning-port", f"{beginning}", "--only", "status")

    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    for word in (f"port {beginning + STATUS} ", "status", "--beginning-port"):
        assert word in line


def test_the_workbench_cannot_have_a_failure_mode_s_port() -> None:
    beginning = free_beginning_port()
    port = beginning + STATUS
    done = run("serve", "--beginning-port", f"{beginning}", "--workbench-port", f"{port}")

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"--workbench-port {port} belongs to status: choose another" in line


def test_a_taken_port_of_tcp_refused_is_an_error(serve: Serve) -> None:
    serving = serve("--only", "tcp-refused", modes=1)
    port = serving.address("tcp-refused")[1]
    done = run("serve", "--beginning-port", f"{port}", "--only", "tcp-refused")

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"port {port} " in line


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--speed", "0"], "speed"),
        (["--speed", "-1"], "speed"),
        (["--speed", "nan"], "speed"),
        (["--speed", "inf"], "speed"),
        (
            ["--beginning-port", "65530"],
            f"0<=x<={65535 - HIGHEST_OFFSET}",
        ),
        (["--host", "not..an..address"], "not..an..address"),
        (["--host", ""], "can't listen on host ''"),
        (["--host", "a" * 64], "no host has this name; give an address"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
        (["--only", "statos"], "status"),
        (["--only", "status", "--only", "xyzzy"], "hamms-trio modes"),
        (["--ready-file", "{here}/no/such/directory/ready.json"], "{here}/no/such/directory"),
        (["--ready-file", "{here}/a file/ready.json"], "{here}/a file"),
    ],
)
def test_a_bad_option_gets_a_one_line_error(
    tmp_path: Path, arguments: list[str], problem: str
) -> None:
    (tmp_path / "a file").touch()
    given = [argument.format(here=tmp_path) for argument in arguments]
    ports = [] if "--beginning-port" in given else ["--beginning-port", "0"]
    done = run("serve", *ports, *given)

    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert problem.format(here=tmp_path) in line
    assert "Errno" not in line


def test_an_empty_name_for_the_ready_file_gets_an_error() -> None:
    done = run("serve", "--beginning-port", "0", "--only", "status", "--ready-file", "")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_speed_shortens_a_slow_drip(serve: Serve) -> None:
    serving = serve("--speed", "1000", "--only", "pace-byte", modes=1)

    assert get(serving.url("pace-byte")).status_code == 204  # would take 7 minutes at speed 1


def test_a_seed_decides_which_requests_are_dropped(serve: Serve) -> None:
    def dropped(seed: str) -> list[bool]:
        serving = serve("--seed", seed, "--only", "tcp-drop-random", modes=1)
        address = serving.address("tcp-drop-random")
        found = [_is_reset(address, b"/?failrate=0.5") for _ in range(40)]
        assert serving.stop() == (0, "")
        return found

    first = dropped("7")
    assert {True, False} == set(first)
    assert dropped("7") == first
    assert dropped("8") != first


def _is_reset(address: tuple[str, int], target: bytes) -> bool:
    request = b"GET %b HTTP/1.1\r\nHost: hamms\r\nConnection: close\r\n\r\n" % target
    try:
        return not raw.exchange(address, request)
    except ConnectionResetError:
        return True


def test_a_verbose_json_log_has_one_object_per_line(serve: Serve) -> None:
    serving = serve("--log-format", "json", "-v")
    assert get(serving.url("status", "?status=503")).status_code == 503
    assert _is_reset(serving.address("tcp-drop-random"), b"/?failrate=1")
    code, errors = serving.stop()

    assert code == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    events = [(line.get("mode"), line.get("event")) for line in lines]
    for mode in ("status", "tcp-drop-random"):
        assert [event for slug, event in events if slug == mode] == [
            "connected",
            "request",
            "closed",
        ]
    (request,) = (
        line for line in lines if (line.get("mode"), line.get("event")) == ("status", "request")
    )
    assert (request["method"], request["target"]) == ("GET", "/?status=503")


def test_a_verbose_plain_log_shows_the_request(serve: Serve) -> None:
    serving = serve("-v", "--only", "status", modes=1)
    get(serving.url("status", "?status=204"))
    _, errors = serving.stop()

    assert "GET" in errors
    assert "/?status=204" in errors


def test_a_signal_ends_serve_while_its_log_pipe_is_full(serve: Serve) -> None:
    serving = serve("-v", "--only", "status", modes=1)
    request = b"GET / HTTP/1.1\r\nHost: hamms\r\n\r\n"
    with raw.connected(serving.address("status")) as sock:
        for _ in range(100):  # far more than a pipe holds
            sock.sendall(20 * request)
            raw.receive_messages(sock, 20)
    serving.process.send_signal(signal.SIGTERM)

    assert serving.process.wait(timeout=SAFETY_NET / 4) == 0


def test_a_verbose_log_masks_secrets_in_targets(serve: Serve) -> None:
    serving = serve("-v", "--only", "status", modes=1)
    get(serving.url("status", "?api_key=s3cret"))
    _, errors = serving.stop()
    assert "target=/?api_key=***" in errors
    assert "s3cret" not in errors


def test_serve_logs_nothing_without_verbose(serve: Serve) -> None:
    serving = serve("--only", "status", modes=1)
    assert get(serving.url("status")).status_code == 200

    assert serving.stop() == (0, "")


def test_a_terminal_gets_a_rich_table() -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "50"}
    environment.pop("NO_COLOR", None)
    last = b"workbench"
    shown = b""
    ends = {"stdout": slave, "stderr": slave}
    with Forked(HAMMS, "serve", "--beginning-port", "0", **ends, env=environment) as process:
        watchdog = Timer(SAFETY_NET, process.kill)
        watchdog.start()
        os.close(slave)
        try:
            while last not in shown:
                shown += os.read(master, 4096)
            process.send_signal(signal.SIGINT)
            with suppress(OSError):  # EIO: the process has closed the terminal
                while more := os.read(master, 4096):
                    shown += more
        finally:
            watchdog.cancel()
            process.kill()
            os.close(master)

    assert process.returncode == 0
    assert b"\x1b[1m" in shown  # bold
    assert b"is ready" in shown
    assert all(slug.encode() in shown for slug in SUMMARIES)


def test_a_slug_as_argument_equals_only(serve: Serve) -> None:
    serving = serve("pace-byte", modes=1)
    assert list(serving.ready) == ["pace-byte", "armed", "path"]


def test_a_door_s_name_serves_its_port(serve: Serve) -> None:
    serving = serve("pace-byte-slow", modes=1)
    assert list(serving.ready) == ["pace-byte-slow", "armed", "path"]


def test_serve_removes_its_ready_file_at_the_end(serve: Serve, tmp_path: Path) -> None:
    serving = serve("--only", "status", modes=1)
    ready = tmp_path / "ready.json"
    assert ready.exists()
    assert serving.stop() == (0, "")
    assert not ready.exists()


def test_an_old_ready_file_is_removed_before_ports_are_bound(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text('{"status": {"port": 1, "url": "http://127.0.0.1:1/"}}')
    with taken_port(STATUS) as beginning:
        done = run(
            *("serve", "--beginning-port", f"{beginning}", "--only", "status"),
            *("--ready-file", str(ready)),
        )
    assert done.returncode == 2
    assert not ready.exists()


def test_the_module_without_a_command_serves() -> None:
    with socket.socket() as taken:
        with suppress(OSError):  # another process of this machine has the port
            taken.bind(("127.0.0.1", BEGINNING_PORT))
        done = run()
    assert done.returncode == 2
    assert f"port {BEGINNING_PORT} on 127.0.0.1, for the failure mode tcp-refused" in done.stderr


def test_the_help_shows_the_range_of_beginning_ports() -> None:
    shown = " ".join(run("serve", "--help").stdout.split())
    assert f"0<=x<={65535 - HIGHEST_OFFSET}" in shown
