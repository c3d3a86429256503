"""Clients that speak the line driver: programs that read requests and write outcomes, one JSON object per line.

Each program has one request at a time, so that its memory and its end belong to one cell. Several run beside each
other. A program that hangs is killed, and another one takes its place.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from subprocess import Popen

import msgspec
import trio

from hamms_trio.check.client import KEPT_OCTETS, Ability, Answer, Call, Lines, Order, Stopped, Visit
from hamms_trio.check.clients.family import (
    NONCE,
    forget_peak,
    kill_all,
    peak_memory,
    processor_waits,
    reap,
)
from hamms_trio.check.clients.placeholders import environment_with
from hamms_trio.check.clients.process import SAMPLE_SECONDS, Tail, start
from hamms_trio.errors import ClientUnusable

LONGEST_LINE = 48 * 1024 * 1024  # octets of an outcome
LINES_READ_OCTETS = 256 * 1024
START_SECONDS = 30.0
# Octets below the limit: a program that has taken more is not used again.
RETIRED_BELOW = 448 * 1024 * 1024
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class LineOutcome(msgspec.Struct):
    """A line that the program writes.

    Attributes:
        octets: of the whole body, if only the beginning was written.
    """

    id: int
    ok: bool
    status: int | None = None
    headers: dict[str, str] = {}
    body_b64: bytes = b""  # msgspec decodes base64
    octets: int | None = None
    error: str | None = ""
    foreign: bool = False


class Gone(Exception):
    """The program ended, or wrote something that is no outcome."""


class TooLong(Exception):
    """The program wrote a line beyond the limit."""


@dataclass(eq=False)
class Worker:
    """One running program.

    Attributes:
        nonce: the mark by which its processes are found.
    """

    process: Popen[bytes]
    nonce: str
    said: Tail = field(default_factory=Tail)
    _buffer: bytearray = field(default_factory=bytearray)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        stdin, stdout, stderr = self.process.stdin, self.process.stdout, self.process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        self._stdin = trio.lowlevel.FdStream(os.dup(stdin.fileno()))
        self._stdout = trio.lowlevel.FdStream(os.dup(stdout.fileno()))
        self._stderr = trio.lowlevel.FdStream(os.dup(stderr.fileno()))
        for pipe in (stdin, stdout, stderr):
            pipe.close()

    async def ask(self, call: Call, session: str) -> Answer:
        """Let the program send one request, and return the outcome.

        Raises:
            Gone: the program ended, or wrote something else.
            TooLong: the outcome is too long.
        """
        number = next(self._numbers)
        began = trio.current_time()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stdin.send_all(_line(number, call, session))
        outcome = await self._outcome(number)
        body = outcome.body_b64
        is_whole = outcome.octets in (None, len(body))
        return Answer(
            ok=outcome.ok,
            status=outcome.status,
            headers=outcome.headers,
            body=body[:KEPT_OCTETS],
            octets=max(len(body), outcome.octets or 0),
            sha256=sha256(body).hexdigest() if is_whole else "",
            error=outcome.error or "",
            is_foreign=outcome.foreign,
            seconds=trio.current_time() - began,
        )

    async def _outcome(self, number: int) -> LineOutcome:
        while True:
            line = await self._line()
            if not line.lstrip().startswith(b"{"):
                continue  # a client that prints something of its own
            try:
                outcome = msgspec.json.decode(line, type=LineOutcome)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise Gone(f"the program wrote a line that is no outcome: {error}") from None
            if outcome.id == number:
                return outcome

    async def _line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_LINE:
                raise TooLong
            data = await self._stdout.receive_some(LINES_READ_OCTETS)
            if not data:
                raise Gone("the program ended")
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    async def listen(self) -> None:
        """Keep the end of the standard error."""
        with suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            while data := await self._stderr.receive_some(LINES_READ_OCTETS):
                self.said.add(data)

    async def aclose(self) -> int | None:
        """Kill the program and its descendants; return its exit code, or None if it was still running."""
        code = self.process.poll()
        orphans = kill_all(self.process.pid, self.nonce)
        self.process.wait()
        reap(orphans)
        for stream in (self._stdin, self._stdout, self._stderr):
            await trio.aclose_forcefully(stream)
        return code


class LinesClient:
    """The pool of programs that speak the line driver.

    Args:
        warm_up: calls of healthy modes, which each program answers before its first visit; the first must succeed.
        most: how many programs may run at once.
    """

    abilities = frozenset(
        {
            Ability.SESSION,
            Ability.METHOD,
            Ability.HEADERS,
            Ability.BODY,
            Ability.STATUS,
            Ability.TIMEOUT,
        }
    )

    def __init__(
        self,
        lines: Lines,
        warm_up: Sequence[Call],
        nursery: trio.Nursery,
        *,
        most: int,
        environment: Mapping[str, str],
    ) -> None:
        self._lines = lines
        self._warm_up = warm_up
        self._nursery = nursery
        self._environment = environment
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._most = most
        self._room = trio.CapacityLimiter(most)
        self._started = count(1)
        if lines.shape:
            self.abilities |= {Ability.SHAPE}

    async def visit(self, order: Order) -> Visit:
        """Let one program send the order's calls."""
        async with self._room:
            if order.is_fresh and self._idle:
                await self._discard(self._idle.pop())
                worker = await self._start()
            else:
                worker = self._idle.pop() if self._idle else await self._start()
            return await self._visit(worker, order)

    async def prepare(self, number: int) -> None:
        """Start ``number`` programs, so that no start disturbs a measurement.

        Raises:
            ClientUnusable: a program can't be started, or fails against a healthy server.
        """
        self._idle.append(await self._start())  # alone, for one message instead of many
        async with trio.open_nursery() as nursery:
            for _ in range(min(number, self._most) - 1):
                nursery.start_soon(self._add)

    async def _add(self) -> None:
        self._idle.append(await self._start())

    async def aclose(self) -> None:
        """Kill every program."""
        with trio.CancelScope(shield=True):
            for worker in list(self._workers):
                self._workers.discard(worker)
                await worker.aclose()

    async def _start(self) -> Worker:
        nonce = f"driver{next(self._started)}.{os.getpid()}"
        environment = environment_with(self._lines.environment, self._environment, {NONCE: nonce})
        process = start(self._lines.argv, environment, self._lines.directory)
        worker = Worker(process, nonce)
        self._workers.add(worker)
        self._nursery.start_soon(worker.listen)
        problem = f"it did not answer within {START_SECONDS:g} seconds"
        with trio.move_on_after(START_SECONDS):
            try:
                answers = [await worker.ask(call, "warm-up") for call in self._warm_up]
                if answers[0].ok:
                    return worker
                problem = answers[0].error
            except (Gone, TooLong) as error:
                problem = str(error) or "it wrote too long a line"
        await self._discard(worker)
        command = " ".join(self._lines.argv)
        text = f"the driver {command} fails against a healthy server: {problem}\n{worker.said.text}"
        raise ClientUnusable(text.strip())

    async def _discard(self, worker: Worker) -> int | None:
        self._workers.discard(worker)
        return await worker.aclose()

    async def _visit(self, worker: Worker, order: Order) -> Visit:
        answers: list[Answer] = []
        began = trio.current_time()
        watch = _Watch(worker.process.pid)
        stopped: Stopped | None = None
        is_gone = False
        with trio.move_on_after(order.cap) as scope:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(watch.until_over, order.memory_limit, nursery.cancel_scope)
                    for call in order.calls:
                        await trio.sleep(call.after)
                        answers.append(await worker.ask(call, order.nonce))
                    nursery.cancel_scope.cancel()
            except* TooLong:
                stopped = Stopped.OUTPUT
            except* Gone:
                is_gone = True
        if scope.cancelled_caught:
            stopped = Stopped.CAP
        elif watch.is_over:
            stopped = Stopped.MEMORY
        seconds = trio.current_time() - began
        rss, cpu, waited = watch.peak(), watch.cpu(), watch.waited()
        death = ""
        if stopped is not None or is_gone:
            code = await self._discard(worker)
            death = _death(code) if is_gone else ""
        elif order.memory_limit is not None and (rss or 0) > order.memory_limit - RETIRED_BELOW:
            await self._discard(worker)  # what it keeps would hide what the next order takes
        else:
            self._idle.append(worker)
        return Visit(
            answers=tuple(answers),
            seconds=seconds,
            death=death,
            stopped=stopped,
            rss=rss,
            rss_before=watch.before,
            cpu=cpu,
            waited=waited,
            said=worker.said.text[-2000:],
        )


class _Watch:
    """The memory and the processor time of a program during one visit."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_exact = forget_peak(pid)
        self.before = peak_memory(pid) if self._is_exact else None
        self._cpu = _processor_seconds(pid)
        self._waits = processor_waits(pid)
        self._last: int | None = None
        self.is_over = False

    def peak(self) -> int | None:
        if not self._is_exact:
            return None
        return peak_memory(self._pid) or self._last

    def cpu(self) -> float | None:
        now = _processor_seconds(self._pid)
        return None if now is None or self._cpu is None else now - self._cpu

    def waited(self) -> float | None:
        now = processor_waits(self._pid)
        return max(
            (waited - self._waits.get(thread, 0.0) for thread, waited in now.items()), default=None
        )

    async def until_over(self, limit: int | None, scope: trio.CancelScope) -> None:
        while limit is not None and self._is_exact:
            await trio.sleep(SAMPLE_SECONDS)
            self._last = peak_memory(self._pid)
            if (self._last or 0) > limit:
                self.is_over = True
                scope.cancel()


def _death(code: int | None) -> str:
    """Describe the end of a program that owed an outcome, by its exit code, or the negative number of a signal."""
    if code is None:
        return "before it had answered"
    return f"by signal {-code}" if code < 0 else f"with exit code {code}, before it had answered"


def _processor_seconds(pid: int) -> float | None:
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return None


def _line(number: int, call: Call, session: str) -> bytes:
    wanted: dict[str, object] = {
        "id": number,
        "session": session,
        "method": call.method,
        "url": call.url,
        "headers": dict(call.headers),
    }
    if call.body is not None:
        wanted["body_b64"] = b64encode(call.body).decode()
    if call.timeout is not None:
        wanted["timeout"] = call.timeout
    return msgspec.json.encode(wanted) + b"\n"
