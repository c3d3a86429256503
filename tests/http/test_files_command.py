"""``hamms-trio files``, and the workbench's routes for files, in a process of their own."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import forks
from tests.files.answers import make
from tests.forks import HAMMS
from tests.http.commands import SAFETY_NET, Run, Running, starting
from tests.ports import taken_port


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    make(tmp_path / "secret.txt", b"the secret")
    make(tmp_path / "site" / "file.txt", b"0123456789")
    make(tmp_path / "site" / "sub" / "index.html", b"<p>sub")
    return tmp_path / "site"


@pytest.fixture
def files(directory: Path) -> Iterator[Run]:
    with starting("files", directory) as run:
        yield run


@pytest.fixture
def workbench() -> Iterator[Run]:
    with starting("workbench") as run:
        yield run


def ask(running: Running, path: str, method: str = "GET", **more: object) -> requests.Response:
    url = f"http://127.0.0.1:{running.port}{path}"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=SAFETY_NET, allow_redirects=False, **more)  # type: ignore[arg-type]


def test_the_current_directory_is_served(files: Run) -> None:
    running = files()

    assert running.printed.startswith("the file server is ready on http://127.0.0.1:")
    assert ask(running, "/file.txt").text == "0123456789"
    assert '<a href="sub/">' in ask(running, "/").text
    assert ask(running, "/sub").headers["Location"] == "/sub/"
    assert ask(running, "/sub/").text == "<p>sub"
    assert ask(running, "/file.txt", headers={"Range": "bytes=-3"}).text == "789"
    assert [ask(running, "/file.txt", method).status_code for method in ("PUT", "POST")] == [
        405
    ] * 2
    assert ask(running, "/%2e%2e%2fsecret.txt").status_code == 403
    code, errors = running.stop()
    assert code == 0
    assert "method=GET path=/file.txt " in errors


def test_any_directory_is_served(files: Run, directory: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    running = files(str(directory / "sub"), "--ready-file", str(ready), "--no-access-log")

    assert json.loads(ready.read_text())["files"]["port"] == running.port
    assert ask(running, "/").text == "<p>sub"
    assert "path=" not in running.stop()[1]


def test_max_connections_1_serves_one_request_at_a_time(files: Run) -> None:
    running = files("--max-connections", "1")
    with running.connect() as silent:
        silent.sendall(b"GET /file.txt HTTP/1.1\r\n")  # as long as this lasts, others wait
        with running.connect() as waiting:
            waiting.sendall(b"GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            waiting.settimeout(0.2)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            silent.close()
            waiting.settimeout(SAFETY_NET)
            answered = waiting.recv(65536)

    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in answered


@pytest.mark.parametrize("path", ["missing", "file.txt"])
def test_a_path_that_is_no_directory_is_an_error_at_the_start(directory: Path, path: str) -> None:
    done = forks.run(HAMMS, "files", path, cwd=directory)

    assert done.returncode == 2
    assert path in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_an_error_with_the_remedy(directory: Path) -> None:
    with taken_port(0) as port:
        done = forks.run(HAMMS, "files", "--port", str(port), cwd=directory)

    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1, for the file server, is taken" in done.stderr


def test_the_workbench_has_static_files_wherever_it_is_started(workbench: Run) -> None:
    running = workbench()
    page = ask(running, "/static/test.html")

    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    etag = page.headers["ETag"]
    assert ask(running, "/static/test.html", headers={"If-None-Match": etag}).status_code == 304
    assert ask(running, "/static/..%2frunning.py").status_code == 403
    assert ask(running, "/echo/abc").status_code == 404
    requested = ask(running, "/_metrics").json()["requests_by_route"]
    assert requested["GET /static/*"] == 3


def test_codecrafters_mode_reads_and_writes_its_directory(workbench: Run, directory: Path) -> None:
    running = workbench("--codecrafters-mode", "--directory", str(directory))

    assert ask(running, "/echo/abc").text == "abc"
    assert ask(running, "/user-agent", headers={"User-Agent": "x/1"}).text == "x/1"
    assert ask(running, "/files/file.txt").content == b"0123456789"
    assert ask(running, "/files/new", "POST", data=b"content").status_code == 201
    assert (directory / "new").read_bytes() == b"content"
    assert ask(running, "/files/%2e%2e%2fsecret.txt").status_code == 404
    assert ask(running, "/").text == "Hello World"


def test_codecrafters_mode_without_a_directory_has_no_files(workbench: Run) -> None:
    running = workbench("--codecrafters-mode")

    assert ask(running, "/files/a").status_code == 404
    assert ask(running, "/files/a", "POST", data=b"x").status_code == 404


def test_a_directory_without_codecrafters_mode_is_an_error(directory: Path) -> None:
    done = forks.run(HAMMS, "workbench", "--directory", str(directory))

    assert done.returncode == 2
    assert "--directory is for --codecrafters-mode" in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this platform has no SIGHUP")
def test_a_server_without_a_certificate_ends_with_its_terminal(files: Run) -> None:
    running = files()
    running.process.send_signal(signal.SIGHUP)
    assert running.ended() == (-signal.SIGHUP, "")


def test_a_taken_port_of_one_mode_is_reported_with_its_option() -> None:
    with taken_port(0) as port:
        done = forks.run(HAMMS, "one", "status", "--port", str(port))
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert "another with --port (0 takes" in line
