"""`HttpServer`: the classic small file server, for code that has no trio loop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

import pytest
import requests
import trio

import hamms_trio
from hamms_trio import HttpServer
from hamms_trio.errors import AlreadyRunning, NotRunning, PortUnavailable
from hamms_trio.file_server import open_file_server
from tests.files.answers import make
from tests.ports import free_ports, is_free, taken_port

SAFETY_NET = 60.0  # seconds; no step takes nearly as long
GET = b"GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n"
BIG = bytes(range(256)) * 40_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    make(tmp_path / "file.txt", b"0123456789")
    make(tmp_path / "big", BIG)
    return tmp_path


@contextmanager
def listening(server: HttpServer) -> Iterator[HttpServer]:
    """Run a server in a thread until the block ends or closes the server's socket."""
    server.open_socket()
    with ThreadPoolExecutor(1) as pool:
        listens = pool.submit(server.start_listening)
        try:
            yield server
        finally:
            server.close_socket()
        listens.result(SAFETY_NET)


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection((server.ip, server.port), timeout=SAFETY_NET)


def get(server: HttpServer, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://{server.ip}:{server.port}{path}", timeout=SAFETY_NET)


def test_a_directory_is_served_from_start_to_close(directory: Path) -> None:
    port = free_ports(1)
    with listening(HttpServer("127.0.0.1", port, 5, root=directory)) as server:
        assert server.port == port
        assert get(server, "/file.txt").text == "0123456789"
        assert get(server, "/big").content == BIG
        assert '<a href="file.txt">' in get(server, "/").text
        assert get(server, "/missing").status_code == 404
    assert is_free(port, reuse=True)


def test_the_default_root_is_the_current_directory(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)
    with listening(HttpServer(port=0)) as server:
        assert get(server, "/file.txt").text == "0123456789"


def test_clients_may_connect_before_start_listening(directory: Path) -> None:
    server = HttpServer(port=0, root=directory)
    server.open_socket()
    with connect(server) as early, ThreadPoolExecutor(1) as pool:
        early.sendall(GET)
        listens = pool.submit(server.start_listening)
        assert early.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        server.close_socket()
        listens.result(SAFETY_NET)


def test_many_clients_are_served_at_once(directory: Path) -> None:
    with listening(HttpServer(port=0, root=directory)) as server:
        clients = [connect(server) for _ in range(50)]
        for client in clients:
            client.sendall(GET[:20])
        for client in reversed(clients):
            client.sendall(GET[20:])
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            client.close()


def test_with_one_connection_clients_are_served_in_turn(directory: Path) -> None:
    with listening(HttpServer(port=0, root=directory, max_connections=1)) as server:
        clients = [connect(server) for _ in range(5)]
        for client in reversed(clients):
            client.sendall(GET)
        for client in clients:
            answered = read_all(client)  # ends, because the server closes the connection
            client.close()
            assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answered.endswith(b"0123456789")


def read_all(client: socket.socket) -> bytes:
    octets = b""
    while more := client.recv(1 << 20):
        octets += more
    return octets


def test_clients_above_the_limit_wait(directory: Path) -> None:
    with listening(HttpServer(port=0, root=directory, max_connections=2)) as server:
        kept = [connect(server) for _ in range(2)]
        for client in kept:
            client.sendall(GET)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        with connect(server) as waiting:
            waiting.sendall(GET)
            waiting.settimeout(0.2)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            kept[0].close()
            waiting.settimeout(SAFETY_NET)
            assert waiting.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        kept[1].close()


def test_closing_finishes_the_answer_in_flight(directory: Path) -> None:
    make(directory / "huge", BIG * 4)
    patient = HttpServer(port=0, root=directory, drain_timeout=SAFETY_NET)
    with listening(patient) as server, connect(server) as client:
        client.sendall(GET.replace(b"file.txt", b"huge"))
        octets = client.recv(1)
        server.close_socket()
        octets += read_all(client)
    assert octets.endswith(BIG * 4)


def test_a_closed_server_can_be_opened_again(directory: Path) -> None:
    server = HttpServer(port=0, root=directory)
    for _ in range(3):
        with listening(server):
            assert get(server, "/file.txt").text == "0123456789"


def test_closing_is_allowed_at_any_time_and_twice(directory: Path) -> None:
    server = HttpServer(port=0, root=directory)
    server.close_socket()
    server.open_socket()
    port = server.port
    server.close_socket()
    server.close_socket()
    assert is_free(port)
    server.start_listening()  # returns at once


def test_closing_races_with_starting(directory: Path) -> None:
    server = HttpServer(port=0, root=directory)
    for _ in range(20):
        server.open_socket()
        thread = threading.Thread(target=server.start_listening)
        thread.start()
        server.close_socket()
        thread.join(SAFETY_NET)
        assert not thread.is_alive()
        assert is_free(server.port, reuse=True)


def test_misuse_raises_an_error_with_the_remedy(directory: Path) -> None:
    server = HttpServer(port=0, root=directory)
    with pytest.raises(NotRunning, match="open_socket"):
        server.start_listening()
    with listening(server), pytest.raises(AlreadyRunning):
        server.open_socket()
    with taken_port(0) as port, pytest.raises(PortUnavailable):
        HttpServer(port=port).open_socket()


@pytest.mark.parametrize(
    ("root", "error"), [("nowhere", FileNotFoundError), ("file.txt", NotADirectoryError)]
)
def test_the_constructor_refuses_a_root_that_is_no_directory(
    directory: Path, root: str, error: type[OSError]
) -> None:
    with pytest.raises(error, match=f"give root= a directory.*{root}"):
        HttpServer(port=0, root=directory / root)


def test_a_root_that_disappeared_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "brief").mkdir()
    server = HttpServer(port=0, root=tmp_path / "brief")
    server.open_socket()
    (tmp_path / "brief").rmdir()
    with pytest.raises(FileNotFoundError):
        server.start_listening()
    server.close_socket()
    assert is_free(server.port)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such background jobs")
def test_a_background_job_logs_the_signal_that_ends_it(directory: Path) -> None:
    code = (
        "from hamms_trio import HttpServer; s = HttpServer(port=0); s.open_socket();"
        "print(s.port, flush=True); s.start_listening()"
    )
    # In a script a shell makes a background job ignore SIGINT, and the job inherits that.
    script = f"{quote(sys.executable)} -c {quote(code)} & echo $!; wait $!; echo ended by $?"
    shell = ["sh", "-c", script]
    with subprocess.Popen(
        shell, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        job = int(process.stdout.readline())
        output = process.stderr.readline()
        os.kill(job, signal.SIGINT)
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=SAFETY_NET) as client:
            client.sendall(GET)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        os.kill(job, signal.SIGTERM)
        ended, _ = process.communicate(timeout=SAFETY_NET)

    assert f"end it by SIGTERM (kill {job})" in output
    assert ended == f"ended by {128 + signal.SIGTERM}\n"


def test_a_second_start_does_not_disturb_the_first(directory: Path) -> None:
    with listening(HttpServer(port=0, root=directory)) as server:
        assert get(server, "/file.txt").ok
        with pytest.raises(AlreadyRunning):
            server.start_listening()
        with pytest.raises(AlreadyRunning):
            server.open_socket()
        assert get(server, "/file.txt").text == "0123456789"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("port", -1),
        ("port", 65536),
        ("backlog", -1),
        ("backlog", 2**31),
        ("max_connections", 0),
        ("drain_timeout", -0.1),
        ("drain_timeout", float("nan")),
    ],
)
def test_the_constructor_refuses_a_number_out_of_range(name: str, number: float) -> None:
    numbers: dict[str, Any] = {name: number}
    with pytest.raises(ValueError, match=name):
        HttpServer(**numbers)


def test_a_signal_handler_can_close_the_server(directory: Path) -> None:
    code = (
        "import signal; from hamms_trio import HttpServer; s = HttpServer(port=0);"
        "signal.signal(signal.SIGTERM, lambda *_: s.close_socket());"
        "s.open_socket(); print(s.port, flush=True); s.start_listening(); print('closed')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=directory, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=SAFETY_NET) as client:
            client.sendall(GET)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=SAFETY_NET)

    assert (process.returncode, output) == (0, "closed\n")


async def test_start_listening_within_a_loop_fails_and_frees_the_port(directory: Path) -> None:
    server = HttpServer(port=0, root=directory)
    server.open_socket()
    with pytest.raises(RuntimeError, match="run"):
        server.start_listening()
    assert is_free(server.port)


async def test_open_file_server_serves_on_a_trio_loop(directory: Path) -> None:
    async with open_file_server(directory, port=0) as running:
        assert running.url == f"http://127.0.0.1:{running.port}"
        async with await trio.open_tcp_stream("127.0.0.1", running.port) as client:
            await client.send_all(GET)
            assert (await client.receive_some()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_zero_connections_are_refused(directory: Path) -> None:
    with pytest.raises(ValueError, match="max_connections"):
        async with open_file_server(directory, port=0, max_connections=0):
            pass


async def test_a_file_can_not_be_the_root(directory: Path) -> None:
    with pytest.raises(NotADirectoryError):
        async with open_file_server(directory / "file.txt", port=0):
            pass


def test_the_package_exports_the_server() -> None:
    assert "HttpServer" in hamms_trio.__all__
