"""The client under test, as the check sees it: the client receives calls and reports the outcome of each.

An adapter needs none of this code. It returns a `Command` or `Lines` value; the check runs the program.

The line driver: the program reads one JSON object per line of its standard input and writes one per line of its
standard output, in any order:

    {"id": 1, "session": "k3", "method": "GET", "url": "http://...", "headers": {}, "body_b64": "...", "timeout": 2}
    {"id": 1, "ok": true, "status": 200, "headers": {}, "body_b64": "..."}
    {"id": 1, "ok": false, "error": "ReadTimeout: ..."}

A new ``session`` asks for a new client, without the connections and cookies of the one before. ``body_b64`` and
``timeout`` may be missing. A program need not write more than the first 4 MiB of a body, if ``octets`` says how
long the whole is. ``ok`` is true if the client delivered a response, whatever its status. ``foreign`` is true if
the error is not one of the client library's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

KEPT_OCTETS = 4 * 1024 * 1024  # of each delivered body


class Ability(Enum):
    """Something that the check can ask a client to do."""

    SESSION = "session"  # several requests on one set of connections and cookies
    METHOD = "method"
    HEADERS = "headers"
    BODY = "body"
    STATUS = "status"  # the status of the response is reported
    TIMEOUT = "timeout"
    SHAPE = "shape"  # it is a client of event streams, and delivers their text


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that the client is asked to send.

    Attributes:
        after: seconds of pause between the end of the call before and this one.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout: float | None = None
    after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The calls of one cell, all in one session.

    Attributes:
        nonce: the cell's.
        cap: seconds after which the client is stopped.
        placeholders: what the command's placeholders stand for.
        environment: variables for the command.
        memory_limit: octets of resident memory at which the client is stopped; None before the control run.
        is_fresh: True if a program that has met nothing yet is wanted.
    """

    nonce: str
    calls: tuple[Call, ...]
    cap: float
    placeholders: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_limit: int | None = None
    is_fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The client's account of one call.

    Attributes:
        ok: True if the client says that it has a complete response.
        body: the delivered octets, `KEPT_OCTETS` of them at most.
        octets: how many octets were delivered in all.
        sha256: of all of them.
        error: the client's own words.
        is_foreign: True if the error is not one of the client library's own.
        seconds: how long the call took.
    """

    ok: bool
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    octets: int = 0
    sha256: str = ""
    error: str = ""
    is_foreign: bool = False
    seconds: float = 0.0


class Stopped(Enum):
    """Why the check stopped the client."""

    CAP = "it still ran at the cap"
    MEMORY = "its memory passed the limit"
    OUTPUT = "its output passed the limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The outcome of an order.

    Attributes:
        answers: one for each call that ended.
        death: how the process ended without our doing before it had answered, such as "by signal 11"; "" otherwise.
        stopped: why we stopped it, or None.
        rss: the greatest resident memory in octets, or None if unknown.
        rss_before: the resident memory of a program before the order, or None if it was started for it.
        cpu: seconds of processor time, or None if unknown.
        waited: seconds for which it was ready to run, and had no processor; None if unknown.
        said: the end of the client's standard error.
    """

    answers: tuple[Answer, ...]
    seconds: float
    death: str = ""
    stopped: Stopped | None = None
    rss: int | None = None
    rss_before: int | None = None
    cpu: float | None = None
    waited: float | None = None
    said: str = ""


class Client(Protocol):
    """A running client under test."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """The abilities that the client has by its kind, without a probe."""

    async def visit(self, order: Order) -> Visit:
        """Let the client send the calls of an order, and return the outcome.

        Several visits may run at once.
        """


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that sends one request and ends.

    Its exit code 0 says that the response is complete. Its standard output, or the file ``{out}``, is the body.

    Attributes:
        argv: the command, with placeholders such as ``{url}`` (see docs/check.md); without one the URL is appended.
        name: for reports.
        version: as the client reports it.
        environment: variables for the process, beside those of this one.
        directory: the working directory; None for this process's.
        shape: ``chat``, ``responses``, ``messages`` or ``plain`` if it is a client of event streams; "" otherwise.
    """

    argv: Sequence[str]
    name: str = ""
    version: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    shape: str = ""
    driver = "command"


@dataclass(frozen=True, kw_only=True)
class Lines:
    """A program that speaks the line driver.

    Attributes: as those of `Command`; ``argv`` has no placeholders.
    """

    argv: Sequence[str]
    name: str = ""
    version: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    shape: str = ""
    driver = "lines"


@dataclass(frozen=True, kw_only=True)
class PythonCallable:
    """A Python function, or coroutine function, that sends one request.

    The function takes the URL, and ``timeout`` (seconds) if it has such a parameter. It returns the body, or an
    object with ``content``, ``body`` or ``read()``, and raises an exception if the call failed.
    """

    call: Callable[..., Any] | Callable[..., Awaitable[Any]]
    name: str = ""
    version: str = ""
    shape: str = ""
    driver = "callable"


Tested = Command | Lines | PythonCallable
