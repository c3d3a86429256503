"""The lines that ``hamms-trio serve`` prints on a terminal, one for each request."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sys
import termios
from pathlib import Path

import pytest
import requests

from hamms_trio.cli.running.request_lines import RequestLines
from hamms_trio.events import Closed, Event, HeadReceived, Lost, Opened
from tests.forks import HAMMS, Forked

SAFETY_NET = 60.0  # seconds
SERVE = ["serve", "--beginning-port", "0", "--no-workbench"]


def lines_of(*events: Event | Lost) -> list[str]:
    """Return the lines of events, without their time of day."""
    shown = RequestLines(0.0)
    return [line.split(" ", 1)[1].strip() for event in events for line in shown.lines(event)]


def asked(connection: int, at: float, target: str = "/") -> HeadReceived:
    return HeadReceived(connection, at, "GET", target, ())


def test_a_line_has_the_time_since_the_door_s_last_request() -> None:
    lines = lines_of(
        Opened(1, 10.0, "retries", ("127.0.0.1", 1)),
        asked(1, 10.0),
        Opened(2, 10.1, "status", ("127.0.0.1", 2)),
        asked(2, 10.1),
        asked(1, 10.25),
        Closed(1, 11.0),
        Opened(3, 12.0, "retries", ("127.0.0.1", 3)),
        asked(3, 12.25),
    )
    assert [line.split() for line in lines] == [
        ["retries", "GET", "/"],
        ["status", "GET", "/"],
        ["retries", "+0.250s", "GET", "/"],
        ["retries", "+2.000s", "GET", "/"],
    ]


def test_a_line_has_no_secret_and_no_endless_target() -> None:
    (secret, long) = lines_of(asked(1, 0.0, "/?token=s3cret"), asked(1, 0.0, "/" + "a" * 5000))
    assert secret.endswith("/?token=***")
    assert len(long) < 200


def test_a_flood_is_shown_as_a_number() -> None:
    assert "7 events" in " ".join(lines_of(Lost(7)))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_requests_are_shown_on_a_terminal(tmp_path: Path) -> None:
    descriptor, end = pty.openpty()
    termios.tcsetwinsize(end, (50, 120))
    ready = tmp_path / "ready.json"
    command = [*SERVE, "--only", "status", "--ready-file", str(ready)]
    with Forked(HAMMS, *command, stdout=end, stderr=end) as process:
        os.close(end)
        try:
            _read_until(descriptor, rb"/mode/SLUG")  # in the table's last line
            port = json.loads(ready.read_text())["status"]["port"]
            for _ in range(2):
                requests.get(f"http://127.0.0.1:{port}/?status=404", timeout=SAFETY_NET)
            seen = _read_until(descriptor, rb"\+[0-9.]+s  GET /\?status=404")
            assert len(re.findall(rb"status .* GET /\?status=404", seen)) == 2
            process.send_signal(signal.SIGINT)
            assert process.wait(SAFETY_NET) == 0
        finally:
            process.kill()
            os.close(descriptor)


def _read_until(descriptor: int, pattern: bytes) -> bytes:
    """Return the octets on the terminal until they match, or until its process has ended."""
    seen = b""
    while not re.search(pattern, seen):
        try:
            more = os.read(descriptor, 4096)
        except OSError:  # EIO: the process has closed its end
            break
        seen += more
    return seen
