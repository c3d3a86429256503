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
from typing import NamedTuple

from hamms_trio.http.account import AnyEntry
from hamms_trio.http.routing import Match
from hamms_trio.http.service import Service

ENGINE = "trio"
FREQUENT = 2000  # durations that are written out once and for all, the shortest


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
        self._style = _JSON if log_format is LogFormat.JSON else _PLAIN
        self._put = put

    def write(self, entries: Sequence[AnyEntry]) -> None:
        service = self._service
        drained = int(service.drain_seconds * 1000)
        end = self._style.end(service.phase.value, drained)
        self._put(_lines(entries, self._style, service.wall_clock_offset(), end).encode())


class _Durations(dict[int, str]):
    """Decimal fractions of a millisecond, by their number of such."""

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self._decimals = decimals

    def __missing__(self, number: int) -> str:
        text = f"{number / 10**self._decimals:.{self._decimals}f}"
        if number < FREQUENT:
            self[number] = text
        return text


class _Style(NamedTuple):
    """How a line is put together.

    Attributes:
        about: what the log says of all requests that are matched equally.
        begin: all up to the duration.
        a_second: of what ``durations`` counts.
        connection, number: what stands before these.
        rest: all from the number on, but for ``end``.
        end: what all lines end with that are written at one time.
    """

    about: Callable[[Match], str]
    begin: Callable[[str, str, str, int, int], str]
    durations: _Durations
    a_second: int
    connection: str
    number: str
    rest: Callable[[int, bool, str], str]
    end: Callable[[str, int], str]


def _lines(entries: Sequence[AnyEntry], style: _Style, offset: float, end: str) -> str:
    """Lines, put together in one loop since calls would take half as long again.

    What lines in a row have in common is put together once: the time to a millisecond, what equal requests ask
    for, what their answers are called, and all but the number of what was answered in one go (see `pipelining`).
    """
    _, _, durations, a_second, before_connection, before_number, _, _ = style
    pieces: list[str] = []
    since = until = 0.0  # all in one millisecond
    time_of_day = begin = rest = host = ""
    alike, its_status, its_octets = None, 0, 0
    named, trace_id, sent, again = b"", None, -1, False
    for (
        begun, ended, match, status, octets_in, octets_out, talk, number, request_id, times
    ) in entries:  # fmt: skip
        like, client = match.like or match, talk.client[0]
        if not since <= ended < until:
            milliseconds = int((ended + offset) * 1000)
            since, until = milliseconds / 1000 - offset, (milliseconds + 1) / 1000 - offset
            time_of_day, alike = _time(milliseconds), None
        if like is not alike or status != its_status or octets_in != its_octets or client != host:
            alike, its_status, its_octets, host = like, status, octets_in, client
            about = like.log_text = like.log_text or style.about(like)
            begin = style.begin(time_of_day, client, about, status, octets_in)
        if (
            request_id != named
            or octets_out != sent
            or (number > 1) is not again
            or match.trace_id is not trace_id
        ):
            named, trace_id, sent, again = request_id, match.trace_id, octets_out, number > 1
            rest = style.rest(octets_out, again, trace_id or request_id.decode()) + end
        duration = durations[int((ended - begun) * a_second)]
        if times == 1:
            pieces += (
                begin,
                duration,
                f"{before_connection}{talk.id}{before_number}{number}",
                rest,
            )
        else:
            before = f"{begin}{duration}{before_connection}{talk.id}{before_number}"
            numbers = map(str, range(number, number + times))
            pieces += (before, f"{rest}{before}".join(numbers), rest)
    return "".join(pieces)


_BOOLEANS = ("false", "true")

_PLAIN = _Style(
    about=lambda match: (
        f"method={match.head.method} path={match.head.path} engine={ENGINE} "
        f'route_key="{match.route.key}"'
    ),
    begin=lambda time_of_day, client, about, status, octets_in: (
        f"{time_of_day} client={client} {about} status={status} bytes_in={octets_in} duration_ms="
    ),
    durations=_Durations(2),
    a_second=10**5,
    connection=" connection_id=",
    number=" request_id=",
    rest=lambda octets_out, again, trace_id: (
        f" bytes_out={octets_out} connection_reused={_BOOLEANS[again]} trace_id={trace_id}"
    ),
    end=lambda phase, drained: f" shutdown_phase={phase} drain_elapsed_ms={drained}\n",
)
_JSON = _Style(
    about=lambda match: (
        f'"method": "{match.head.method}", "path": "{_escaped(match.head.path)}", '
        f'"engine": "{ENGINE}", "route_key": "{_escaped(match.route.key)}"'
    ),
    begin=lambda time_of_day, client, about, status, octets_in: (
        f'{{"time": "{time_of_day}", "client": "{client}", {about}, "status": {status}, '
        f'"bytes_in": {octets_in}, "latency_ms": '
    ),
    durations=_Durations(3),
    a_second=10**6,
    connection=', "connection_id": ',
    number=', "request_id": ',
    rest=lambda octets_out, again, trace_id: (
        f', "bytes_out": {octets_out}, "connection_reused": {_BOOLEANS[again]}, '
        f'"trace_id": "{trace_id}"'
    ),
    end=lambda phase, drained: f', "shutdown_phase": "{phase}", "drain_elapsed_ms": {drained}}}\n',
)


@lru_cache(maxsize=64)
def _time(milliseconds: int) -> str:
    """A time of day, as ISO 8601 has it."""
    second, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{rest:03}Z"


def _escaped(text: str) -> str:
    return text if '"' not in text and "\\" not in text else json.dumps(text)[1:-1]
