"""One cell: one mode, one client, one door of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

import trio

from hamms_trio.check.client import Ability, Call, Client, Order
from hamms_trio.check.clients.family import NONCE
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.plan.arguments import ATTEMPTS_OF_RETRIES, CheckTimes, arguments_for
from hamms_trio.check.plan.calls import PROXIED_HOST, SHAPE_PATHS, Place, base_urls, calls_for
from hamms_trio.check.plan.needs import Need
from hamms_trio.check.running.lab import CellDoor, CheckedLab, open_cell_door
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.expectation import Outcome
from hamms_trio.modes.model.parameters import Value

SETTLE_SECONDS = 0.004  # in which the server receives the last events from the kernel
MAX_MORE_MEMORY = 512 * 1024 * 1024  # octets beyond the control run, at which a client is stopped
RETRY_SECONDS = 2.0  # that a mode itself may ask a client to wait
FIRES_ALWAYS = frozenset(("tcp-v6-blackhole-v4-ok", "tcp-refused-at-first", "llm-ok", "xml-xxe"))
STREAMS = ("llm", "sse", "ndjson", "mcp", "grpcweb")


class CellSubject(Protocol):
    """The client of a run, and what is known about it."""

    client: Client
    has: frozenset[Need]
    times: CheckTimes
    shape: str
    control_rss: int | None
    control_cpu: float | None
    trust: Trust


@dataclass(frozen=True)
class Trust:
    """How clients trust the lab's authority.

    Attributes:
        root: the file of the root certificate in PEM; "" if no mode speaks TLS.
        variables: of the environment.
    """

    root: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One mode with its arguments.

    Attributes:
        run: the number of the repetition, which changes the nonce.
        is_control: True if the mode's one fault is mended, so that a client must accept.
        shape: of a client of event streams; "" otherwise.
    """

    mode: FailureMode
    seed: int
    run: int = 0
    is_control: bool = False
    shape: str = ""

    @property
    def nonce(self) -> str:
        key = repr((self.seed, self.mode.slug, self.run, self.is_control)).encode()
        return blake2b(key, digest_size=8).hexdigest()

    def arguments(self, times: CheckTimes) -> dict[str, Value]:
        """Return the mode's arguments, where they are not its defaults."""
        given = arguments_for(self.mode, times, self.nonce, self.shape)
        return {**given, "share": 0.0} if self.is_control else given

    def attempts(self) -> int:
        """Return how many attempts a client has time for."""
        expectation = self.mode.client
        if expectation.outcome is Outcome.RETRY:
            return ATTEMPTS_OF_RETRIES
        return max(expectation.attempts.values(), default=1)


async def play(
    cell: Cell,
    lab: CheckedLab,
    subject: CellSubject,
    *,
    door_kind: str,
    file: bytes = b"",
    is_fresh: bool = False,
) -> Facts:
    """Let the client meet the mode, and return the facts.

    Args:
        is_fresh: True if a program that has met nothing yet is wanted.
    """
    mode, times, nonce = cell.mode, subject.times, cell.nonce
    arguments = cell.arguments(times)
    is_stream = mode.family in STREAMS
    has_timeout = Ability.TIMEOUT in subject.client.abilities
    async with open_cell_door(lab, mode, arguments, nonce, kind=door_kind) as door:
        url = _url(mode, door, subject.shape if is_stream else "", subject.has)
        place = Place(url, subject.has, times.timeout if has_timeout else None, subject.shape)
        calls = calls_for(mode.slug, place)
        visit = await subject.client.visit(_order(cell, door, subject, url, calls, is_fresh))
        await trio.sleep(SETTLE_SECONDS)
        tries = tries_of(mode, door, len(calls), times)
        facts = Facts(
            mode=mode,
            nonce=nonce,
            calls=calls,
            visit=visit,
            has_timeout=has_timeout,
            timeout=times.timeout,
            late=times.late(max(cell.attempts(), tries)),
            tries=tries,
            waits=times.waits if tries > 1 else 0.0,
            control_rss=subject.control_rss,
            control_cpu=subject.control_cpu,
            connections=door.connections,
            requests=door.requests,
            elsewhere=door.elsewhere,
            fired=fired(mode, door),
            is_abandoned=_is_abandoned(door),
            file=file if mode.slug == "redirect-to-file" else b"",
            is_stream=is_stream,
            shape=subject.shape if subject.shape != "plain" else "",
        )
        door.forget()
    return facts


def _order(
    cell: Cell,
    door: CellDoor,
    subject: CellSubject,
    url: str,
    calls: tuple[Call, ...],
    is_fresh: bool,
) -> Order:
    mode, times = cell.mode, subject.times
    waits = sum(call.after for call in calls)
    waits += RETRY_SECONDS if mode.client.outcome is Outcome.RETRY else 0.0
    rss = subject.control_rss
    return Order(
        nonce=cell.nonce,
        calls=calls,
        cap=times.cap_for(cell.attempts(), waits) * (1 if len(calls) == 1 else 1.2),
        placeholders=_placeholders(mode, door, times.timeout, subject.trust.root),
        environment={**subject.trust.variables, **_environment(mode, door, url, times.timeout)},
        memory_limit=None if rss is None else rss + MAX_MORE_MEMORY,
        is_fresh=is_fresh,
    )


def fired(mode: FailureMode, door: CellDoor) -> bool:
    """Return True if the fault was played; some need no strike, such as a port that refuses."""
    return (
        mode.slug in FIRES_ALWAYS
        or mode.family == "ok"
        or not mode.driver.listens
        or any(connection.struck for connection in door.connections)
        or any(request.struck for request in door.requests)
    )


def tries_of(mode: FailureMode, door: CellDoor, calls: int, times: CheckTimes) -> int:
    """Return how often the client tried the last call, but at most as often as the probe has seen.

    Nobody counts attempts at a port that accepts nothing, so that the habit is assumed there.
    """
    if not mode.driver.listens:
        return times.attempts
    seen = len(door.requests) or len(door.connections)
    return min(max(1, seen - calls + 1), times.attempts)


def _is_abandoned(door: CellDoor) -> bool:
    connections = door.connections
    return bool(connections) and all(connection.ended_first for connection in connections)


def _url(mode: FailureMode, door: CellDoor, shape: str, has: frozenset[Need]) -> str:
    if mode.slug.startswith("proxy-connect") and Need.TUNNEL not in has:
        return f"https://{PROXIED_HOST}/"
    if mode.family == "proxy":
        return f"http://{PROXIED_HOST}/"
    path, question, query = door.path.partition("?")
    suffix = SHAPE_PATHS.get(shape, "").lstrip("/")
    return f"{door.scheme}://{door.host}:{door.port}{path}{suffix}{question}{query}"


def _placeholders(
    mode: FailureMode, door: CellDoor, timeout: float, root: str
) -> Mapping[str, str]:
    return {
        "host": door.host,
        "port": str(door.port),
        "path": door.path,
        "timeout": f"{timeout:g}",
        "timeout_ms": f"{timeout * 1000:.0f}",
        "proxy": _proxy(mode, door),
        "nonce": door.nonce,
        "ca": root,
    }


def _proxy(mode: FailureMode, door: CellDoor) -> str:
    scheme = "socks5h" if mode.slug.startswith("proxy-socks") else "http"
    return f"{scheme}://{door.host}:{door.port}"


def _environment(mode: FailureMode, door: CellDoor, url: str, timeout: float) -> dict[str, str]:
    variables = {
        NONCE: door.nonce,
        "HAMMS_URL": url,
        "HAMMS_MODE": mode.slug,
        "HAMMS_TIMEOUT": f"{timeout:g}",
        **base_urls(door.url),
    }
    if mode.family == "proxy":
        proxy = _proxy(mode, door)
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            variables[name] = variables[name.lower()] = proxy
    return variables
