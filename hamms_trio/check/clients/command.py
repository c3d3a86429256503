"""A client that is a command: one process for each request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from hamms_trio.check.client import (
    KEPT_OCTETS,
    Ability,
    Answer,
    Call,
    Command,
    Order,
    Visit,
)
from hamms_trio.check.clients.placeholders import (
    checked,
    environment_with,
    filled,
    placeholders_in,
)
from hamms_trio.check.clients.process import PIPE_OCTETS, Kept, ProcessEnd, run

META = "HAMMS:"  # the prefix of a line of the standard error with the JSON of a `Meta`
_SHELL_SIGNALS = {132: 4, 134: 6, 135: 7, 136: 8, 139: 11}  # exit codes of shells for crashes
_ABILITIES = {
    "method": Ability.METHOD,
    "header": Ability.HEADERS,
    "body_file": Ability.BODY,
    "timeout": Ability.TIMEOUT,
    "timeout_ms": Ability.TIMEOUT,
}


class Meta(msgspec.Struct):
    """The facts that a client may report in addition to its exit code and its output.

    Attributes:
        phase: the part of the exchange in which an error was found, such as ``body``.
    """

    status: int | None = None
    error: str = ""
    phase: str = ""
    foreign: bool = False
    headers: dict[str, str] = {}


class CommandClient:
    """The client that starts the command for each call.

    Args:
        folder: the directory for the files of placeholders.
        meta: the prefix of a line of the standard error with JSON for the check.
    """

    def __init__(self, command: Command, folder: Path, *, meta: str = META) -> None:
        self._command = command
        self._argv = checked(command.argv)
        self._folder = folder
        self._meta = re.compile(rf"^{re.escape(meta)}(.*)$", re.MULTILINE)
        used = placeholders_in(self._argv)
        self.abilities = frozenset(_ABILITIES[name] for name in used if name in _ABILITIES)
        if command.shape:
            self.abilities |= {Ability.SHAPE}

    async def visit(self, order: Order) -> Visit:
        """Run the command for each call."""
        return _joined([await self._run(order, call) for call in order.calls])

    async def _run(self, order: Order, call: Call) -> Visit:
        with self._files(order, call) as values:
            ended = await run(
                filled(self._argv, values),
                environment=environment_with(self._command.environment, order.environment),
                directory=self._command.directory,
                nonce=order.nonce,
                cap=order.cap,
                memory_limit=order.memory_limit,
            )
            body = ended.output
            if "{out}" in "".join(self._argv):
                body = _read(Path(values["out"]))
            return self._account(ended, body)

    @contextmanager
    def _files(self, order: Order, call: Call) -> Iterator[dict[str, str]]:
        """Yield the placeholders' values; the files among them are deleted afterwards."""
        out, content = (self._folder / f"{order.nonce}.{name}" for name in ("out", "body"))
        content.write_bytes(call.body or b"")
        name, value = next(iter(call.headers.items()), ("X-Hamms-Nonce", order.nonce))
        values = {
            **order.placeholders,
            "url": call.url,
            "method": call.method,
            "header": f"{name}: {value}",
            "out": str(out),
            "body_file": str(content),
        }
        try:
            yield values
        finally:
            for file in (out, content):
                with suppress(OSError):
                    file.unlink()

    def _account(self, ended: ProcessEnd, body: Kept) -> Visit:
        meta = self._told(ended)
        crashed = ended.signal or _SHELL_SIGNALS.get(ended.code or 0)
        answers: tuple[Answer, ...] = ()
        if ended.stopped is None and not crashed:
            answer = Answer(
                ok=ended.code == 0,
                status=meta.status,
                headers=meta.headers,
                body=body.first,
                octets=body.octets,
                sha256=body.sha256,
                error="" if ended.code == 0 else _words(meta) or f"exit code {ended.code}",
                is_foreign=meta.foreign,
                seconds=ended.seconds,
            )
            answers = (answer,)
        return Visit(
            answers=answers,
            seconds=ended.seconds,
            death=f"by signal {crashed}" if crashed else "",
            stopped=ended.stopped,
            rss=ended.rss,
            cpu=ended.cpu,
            waited=ended.waited,
            said=ended.said[-2000:],
        )

    def _told(self, ended: ProcessEnd) -> Meta:
        """Read the first line of JSON on descriptor 3, or after the prefix on the standard error."""
        for line in (*ended.told.splitlines(), *self._meta.findall(ended.said)):
            with suppress(msgspec.DecodeError, msgspec.ValidationError):
                return msgspec.json.decode(line, type=Meta)
        return Meta()


def _words(meta: Meta) -> str:
    return f"{meta.error} ({meta.phase})" if meta.error and meta.phase else meta.error


def _joined(visits: list[Visit]) -> Visit:
    """Merge the visits of one order's calls into one."""
    last = visits[-1]
    known = [visit.rss for visit in visits if visit.rss is not None]
    return Visit(
        answers=tuple(answer for visit in visits for answer in visit.answers),
        seconds=sum(visit.seconds for visit in visits),
        death=last.death,
        stopped=last.stopped,
        rss=max(known, default=None),
        cpu=sum(visit.cpu or 0.0 for visit in visits),
        waited=sum(visit.waited or 0.0 for visit in visits),
        said=last.said,
    )


def _read(file: Path) -> Kept:
    """Read the file that a client has written; one that is missing is empty."""
    kept = Kept(KEPT_OCTETS)
    with suppress(OSError), file.open("rb") as stream:
        while data := stream.read(PIPE_OCTETS):
            kept.add(data)
    return kept
