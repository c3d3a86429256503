"""The access log: one line for each answer, plain or as JSON.

The server's own thread formats the lines in batches, because a busy second thread would compete for the
interpreter after each system call. Only the write, which may block, has a thread (see `line_writer`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache

from hamms_trio.http.accounting.account import UnloggedAnswer
from hamms_trio.http.serving.service import Service
from hamms_trio.wire.masking import mask

ENGINE = "trio"
LINES_IN_ONE_GO = 256  # more lines wake the writer's thread less often
Notes = dict[tuple[bytes, tuple[str, int]], Mapping[str, object]]

_BOOLEANS = ("false", "true")
# Formatting a float takes as long as the rest of a line.
_HUNDREDTHS = [f".{number:02}" for number in range(100)]
_THOUSANDTHS = [f".{number:03}" for number in range(1000)]


class LogFormat(Enum):
    """The form of a line."""

    PLAIN = "plain"
    JSON = "json"


class AccessLog:
    """A formatter of entries that passes the lines to ``put``, many at once."""

    def __init__(
        self, service: Service, log_format: LogFormat, put: Callable[[bytes], None]
    ) -> None:
        self._service = service
        self._lines = _json_lines if log_format is LogFormat.JSON else _plain_lines
        self._notes: Notes = {}
        if log_format is LogFormat.JSON:
            service.account.notes = self._notes
        self._put = put
        self._waiting: list[str] = []

    def write(self, entries: Sequence[UnloggedAnswer]) -> None:
        """Format one line for each entry."""
        service = self._service
        drained = int(service.drain_seconds * 1000)
        offset, phase = service.wall_clock_offset(), service.phase.value
        self._waiting += self._lines(entries, offset, phase, drained, self._notes)
        if len(self._waiting) >= LINES_IN_ONE_GO:
            self.flush()

    def flush(self) -> None:
        """Pass the waiting lines on."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._put("".join(lines).encode())


def _plain_lines(
    entries: Sequence[UnloggedAnswer], offset: float, phase: str, drained: int, _notes: Notes
) -> Iterator[str]:
    end = f"shutdown_phase={phase} drain_elapsed_ms={drained}\n"
    for begun, ended, match, status, octets_in, octets_out, connection, number, name in entries:
        head = match.head
        path = mask(head.path) if "@" in head.path else head.path  # a target that was refused
        whole, rest = divmod(int((ended - begun) * 100_000), 100)
        yield (
            f"{_time(int((ended + offset) * 1000))} client={connection.client[0]} "
            f"method={head.method} path={path} engine={ENGINE} "
            f'route_key="{match.route.key}" status={status} bytes_in={octets_in} '
            f"duration_ms={whole}{_HUNDREDTHS[rest]} connection_id={connection.id} "
            f"request_id={number} bytes_out={octets_out} "
            f"connection_reused={_BOOLEANS[number > 1]} trace_id={match.trace_id or name.decode()} "
            f"{end}"
        )


def _json_lines(
    entries: Sequence[UnloggedAnswer], offset: float, phase: str, drained: int, notes: Notes
) -> Iterator[str]:
    end = f'"shutdown_phase": "{phase}", "drain_elapsed_ms": {drained}'
    for begun, ended, match, status, octets_in, octets_out, connection, number, name in entries:
        head = match.head
        path = mask(head.path) if "@" in head.path else head.path  # a target that was refused
        whole, rest = divmod(int((ended - begun) * 1_000_000), 1000)
        yield (
            f'{{"time": "{_time(int((ended + offset) * 1000))}", '
            f'"client": "{connection.client[0]}", "method": "{head.method}", '
            f'"path": "{_escaped(path)}", "engine": "{ENGINE}", '
            f'"route_key": "{_escaped(match.route.key)}", "status": {status}, '
            f'"bytes_in": {octets_in}, "latency_ms": {whole}{_THOUSANDTHS[rest]}, '
            f'"connection_id": {connection.id}, "request_id": {number}, '
            f'"bytes_out": {octets_out}, "connection_reused": {_BOOLEANS[number > 1]}, '
            f'"trace_id": "{match.trace_id or name.decode()}", '
            f"{end}{_noted(notes, name, connection.client) if notes else ''}}}\n"
        )


def _noted(notes: Notes, request_id: bytes, client: tuple[str, int]) -> str:
    """Return the members that a route has added for this answer."""
    noted = notes.pop((request_id, client), {})
    return "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in noted.items())


@lru_cache(maxsize=64)
def _time(milliseconds: int) -> str:
    """Format a time of day as ISO 8601."""
    second, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{rest:03}Z"


def _escaped(text: str) -> str:
    return text if '"' not in text and "\\" not in text else json.dumps(text)[1:-1]
