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


# One long expression for each line, since a call would take half as long again. What lines in a row have in common
# is put together once: the time to a millisecond, what equal requests ask for, what their answers are called, and
# what those have in common that were answered in one go (see `pipelining`).


def _plain_lines(entries: Sequence[AnyEntry], offset: float, phase: str, drained: int) -> list[str]:
    end = f" shutdown_phase={phase} drain_elapsed_ms={drained}\n"
    lines: list[str] = []
    now, time_of_day, asked, what, named, rest = -1, "", _UNASKED, "", _UNNAMED, ""
    answered, begin = _UNANSWERED, ""
    for begun, ended, match, status, octets_in, octets_out, talk, number, request_id in entries:
        milliseconds = int((ended + offset) * 1000)
        if milliseconds != now:
            now, time_of_day = milliseconds, _time(milliseconds)
        text = match.log_text or _plain_text(match)
        if (text, status, octets_in) != asked:
            asked = text, status, octets_in
            what = f"{text} status={status} bytes_in={octets_in}"
        trace_id = match.trace_id
        if (octets_out, number > 1, request_id, trace_id) != named:
            named = octets_out, number > 1, request_id, trace_id
            rest = (
                f"bytes_out={octets_out} connection_reused={_BOOLEANS[number > 1]} "
                f"trace_id={trace_id or request_id.decode()}{end}"
            )
        if (ended, begun, talk, what) != answered:
            answered = ended, begun, talk, what
            spent = int((ended - begun) * 1e5)
            begin = (
                f"{time_of_day} client={talk.client[0]} {what} "
                f"duration_ms={_HUNDREDTHS[spent] if spent < 1000 else spent / 100} "
                f"connection_id={talk.id}"
            )
        lines.append(f"{begin} request_id={number} {rest}")
    return lines


def _json_lines(entries: Sequence[AnyEntry], offset: float, phase: str, drained: int) -> list[str]:
    end = f'"shutdown_phase": "{phase}", "drain_elapsed_ms": {drained}}}\n'
    lines: list[str] = []
    now, time_of_day, asked, what, named, rest = -1, "", _UNASKED, "", _UNNAMED, ""
    answered, begin = _UNANSWERED, ""
    for begun, ended, match, status, octets_in, octets_out, talk, number, request_id in entries:
        milliseconds = int((ended + offset) * 1000)
        if milliseconds != now:
            now, time_of_day = milliseconds, _time(milliseconds)
        text = match.log_text or _json_text(match)
        if (text, status, octets_in) != asked:
            asked = text, status, octets_in
            what = f'{text}, "status": {status}, "bytes_in": {octets_in}'
        trace_id = match.trace_id
        if (octets_out, number > 1, request_id, trace_id) != named:
            named = octets_out, number > 1, request_id, trace_id
            rest = (
                f'"bytes_out": {octets_out}, "connection_reused": {_BOOLEANS[number > 1]}, '
                f'"trace_id": "{trace_id or request_id.decode()}", {end}'
            )
        if (ended, begun, talk, what) != answered:
            answered = ended, begun, talk, what
            begin = (
                f'{{"time": "{time_of_day}", "client": "{talk.client[0]}", {what}, '
                f'"latency_ms": {(ended - begun) * 1000:.3f}, "connection_id": {talk.id}'
            )
        lines.append(f'{begin}, "request_id": {number}, {rest}')
    return lines


_UNANSWERED: tuple[object, ...] = ()
_UNASKED = ("", 0, 0)
_UNNAMED: tuple[int, bool, bytes, str | None] = (-1, False, b"", None)


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
