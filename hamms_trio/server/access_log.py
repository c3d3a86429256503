"""The access log: one line for each answer, plain or as JSON.

Lines are formatted in batches by the server's own thread, because a busy second thread would keep it from
the interpreter after each system call. Only the writing, which may wait, is done by a thread.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum

from hamms_trio.server.account import AnyEntry
from hamms_trio.server.service import Service

WAITING_BATCHES = 512  # of some 256 lines each; then the newest are dropped, and counted
LAST_WORDS_SECONDS = 0.5  # how long the end of the process waits for the reader
ENGINE = "trio"


class LogFormat(Enum):
    """How a line looks."""

    PLAIN = "plain"
    JSON = "json"


class Outlet:
    """Writes octets to a descriptor from a thread of its own; never waits and never raises."""

    def __init__(self, descriptor: int) -> None:
        self.dropped = 0  # lines
        self._descriptor = descriptor
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING_BATCHES)
        self._thread = threading.Thread(target=self._write, name="access log", daemon=True)
        self._thread.start()

    def put(self, lines: bytes) -> None:
        try:
            self._waiting.put_nowait(lines)
        except queue.Full:
            self.dropped += lines.count(b"\n")

    def close(self) -> None:
        """Wait a little for what was put to be written."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(LAST_WORDS_SECONDS)

    def _write(self) -> None:
        while (lines := self._waiting.get()) is not None:
            try:
                while lines:
                    lines = lines[os.write(self._descriptor, lines) :]
            except OSError:  # nobody reads any more
                return


class AccessLog:
    """Formats entries, and hands the lines to ``put``."""

    def __init__(self, service: Service, log_format: LogFormat, put: Callable[[bytes], None]) -> None:
        self._service = service
        self._line = _json_line if log_format is LogFormat.JSON else _plain_line
        self._put = put
        self._second = -1
        self._time = ""

    def write(self, entries: Sequence[AnyEntry]) -> None:
        service, line = self._service, self._line
        offset = service.wall_clock_offset()
        phase = service.phase.value
        drained = int(service.drain_seconds * 1000)
        lines = []
        for begun, ended, match, status, octets_in, octets_out, conversation, number, request_id in entries:
            wall = ended + offset
            second = int(wall)
            if second != self._second:
                self._second = second
                self._time = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            lines.append(
                line(
                    f"{self._time}{int((wall - second) * 1000):03d}Z",
                    conversation.client[0],
                    match.head.method,
                    match.path,
                    status,
                    conversation.id,
                    number,
                    octets_in,
                    octets_out,
                    (ended - begun) * 1000,
                    "true" if number > 1 else "false",
                    match.route.key,
                    match.trace_id or request_id.decode(),
                    phase,
                    drained,
                )
            )
        self._put("".join(lines).encode())


def _plain_line(
    stamp: str,
    client: str,
    method: str,
    path: str,
    status: int,
    connection: int,
    number: int,
    octets_in: int,
    octets_out: int,
    milliseconds: float,
    reused: str,
    key: str,
    trace: str,
    phase: str,
    drained: int,
) -> str:
    return (
        f"{stamp} client={client} method={method} path={path} status={status} engine={ENGINE} "
        f"connection_id={connection} request_id={number} bytes_in={octets_in} "
        f"bytes_out={octets_out} duration_ms={milliseconds:.2f} connection_reused={reused} "
        f'route_key="{key}" trace_id={trace} shutdown_phase={phase} drain_elapsed_ms={drained}\n'
    )


def _json_line(
    stamp: str,
    client: str,
    method: str,
    path: str,
    status: int,
    connection: int,
    number: int,
    octets_in: int,
    octets_out: int,
    milliseconds: float,
    reused: str,
    key: str,
    trace: str,
    phase: str,
    drained: int,
) -> str:
    if '"' in path or "\\" in path:
        path = json.dumps(path)[1:-1]
    return (
        f'{{"time": "{stamp}", "client": "{client}", "method": "{method}", "path": "{path}", '
        f'"status": {status}, "engine": "{ENGINE}", "connection_id": {connection}, '
        f'"request_id": {number}, "bytes_in": {octets_in}, "bytes_out": {octets_out}, '
        f'"latency_ms": {milliseconds:.3f}, "connection_reused": {reused}, "route_key": "{key}", '
        f'"trace_id": "{trace}", "shutdown_phase": "{phase}", "drain_elapsed_ms": {drained}}}\n'
    )
