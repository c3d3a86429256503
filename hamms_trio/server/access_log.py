"""The access log: one line for each answer, plain or as JSON.

Lines are formatted in batches by the server's own thread, because a busy second thread would keep it from
the interpreter after each system call. Only the writing, which may wait, is done by a thread (see `outlet`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache

from hamms_trio.server.account import AnyEntry
from hamms_trio.server.routing import Match
from hamms_trio.server.service import Service

ENGINE = "trio"


class LogFormat(Enum):
    """How a line looks."""

    PLAIN = "plain"
    JSON = "json"


class AccessLog:
    """Formats entries, and hands the lines to ``put``."""

    def __init__(
        self, service: Service, log_format: LogFormat, put: Callable[[bytes], None]
    ) -> None:
        self._service = service
        self._format = _json_lines if log_format is LogFormat.JSON else _plain_lines
        self._put = put

    def write(self, entries: Sequence[AnyEntry]) -> None:
        service = self._service
        phase = service.phase.value
        drained = int(service.drain_seconds * 1000)
        lines = self._format(entries, service.wall_clock_offset(), phase, drained)
        self._put("".join(lines).encode())


# One long expression for each line, since a call would take half as long again. What equal requests have in
# common is put together once, and what those have that were answered in one go (see `pipelining`) once for all.


def _plain_lines(entries: Sequence[AnyEntry], offset: float, phase: str, drained: int) -> list[str]:
    end = f" shutdown_phase={phase} drain_elapsed_ms={drained}\n"
    lines: list[str] = []
    last, begin = _NONE, ""
    named, rest = _UNNAMED, ""
    for begun, ended, match, status, octets_in, octets_out, talk, number, request_id in entries:
        if ended != last[1] or (begun, ended, match, status, octets_in, talk) != last:
            last = begun, ended, match, status, octets_in, talk
            named = _UNNAMED
            spent = int((ended - begun) * 1e5)
            begin = (
                f"{_time(int((ended + offset) * 1000))} client={talk.client[0]} "
                f"{match.log_text or _plain_text(match)} status={status} bytes_in={octets_in} "
                f"duration_ms={_HUNDREDTHS[spent] if spent < 1000 else spent / 100} "
                f"connection_id={talk.id}"
            )
        if (octets_out, request_id, number > 1) != named:
            named = octets_out, request_id, number > 1
            rest = (
                f"bytes_out={octets_out} connection_reused={_BOOLEANS[number > 1]} "
                f"trace_id={match.trace_id or request_id.decode()}{end}"
            )
        lines.append(f"{begin} request_id={number} {rest}")
    return lines


def _json_lines(entries: Sequence[AnyEntry], offset: float, phase: str, drained: int) -> list[str]:
    end = f'"shutdown_phase": "{phase}", "drain_elapsed_ms": {drained}}}\n'
    lines: list[str] = []
    last, begin = _NONE, ""
    named, rest = _UNNAMED, ""
    for begun, ended, match, status, octets_in, octets_out, talk, number, request_id in entries:
        if ended != last[1] or (begun, ended, match, status, octets_in, talk) != last:
            last = begun, ended, match, status, octets_in, talk
            named = _UNNAMED
            begin = (
                f'{{"time": "{_time(int((ended + offset) * 1000))}", "client": "{talk.client[0]}", '
                f'{match.log_text or _json_text(match)}, "status": {status}, '
                f'"bytes_in": {octets_in}, "latency_ms": {(ended - begun) * 1000:.3f}, '
                f'"connection_id": {talk.id}'
            )
        if (octets_out, request_id, number > 1) != named:
            named = octets_out, request_id, number > 1
            rest = (
                f'"bytes_out": {octets_out}, "connection_reused": {_BOOLEANS[number > 1]}, '
                f'"trace_id": "{match.trace_id or request_id.decode()}", {end}'
            )
        lines.append(f'{begin}, "request_id": {number}, {rest}')
    return lines


_NONE: tuple[object, ...] = (-1.0, -1.0)
_UNNAMED = (-1, b"", False)


def _plain_text(match: Match) -> str:
    head = match.head
    return _keep(
        match,
        f'method={head.method} path={head.path} engine={ENGINE} route_key="{match.route.key}"',
    )


def _json_text(match: Match) -> str:
    head = match.head
    return _keep(
        match,
        f'"method": "{head.method}", "path": "{_escaped(head.path)}", "engine": "{ENGINE}", '
        f'"route_key": "{match.route.key}"',
    )


def _keep(match: Match, text: str) -> str:
    """Have a match remember what the log says of it, and the one that later ones are made from."""
    match.log_text = text
    if match.like is not None:
        match.like.log_text = text
    return text


_HUNDREDTHS = [f"{hundredths / 100:.2f}" for hundredths in range(1000)]
_BOOLEANS = ("false", "true")


@lru_cache(maxsize=64)
def _time(milliseconds: int) -> str:
    """A time of day, as ISO 8601 has it."""
    second, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{rest:03}Z"


def _escaped(path: str) -> str:
    return path if '"' not in path and "\\" not in path else json.dumps(path)[1:-1]
