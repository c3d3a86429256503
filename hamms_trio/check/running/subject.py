"""The client of a run: opened, tried against healthy modes, and probed for its abilities."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from hamms_trio.check.client import (
    Call,
    Client,
    Command,
    Lines,
    Order,
    PythonCallable,
    Tested,
)
from hamms_trio.check.clients.callables import CallableClient
from hamms_trio.check.clients.command import CommandClient
from hamms_trio.check.clients.family import subreaper
from hamms_trio.check.clients.lines import LinesClient
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.grading.grade import grade, is_accepted
from hamms_trio.check.plan.arguments import CheckTimes
from hamms_trio.check.plan.calls import SHAPE_PATHS
from hamms_trio.check.plan.needs import BY_ABILITY, BY_SHAPE, Need
from hamms_trio.check.running.cells import Cell, Trust, play
from hamms_trio.check.running.lab import LOOPBACK_ADDRESS, TWO_ADDRESSES, CheckedLab
from hamms_trio.check.running.options import DRIVERS_AT_ONCE, Options
from hamms_trio.check.running.turns import SLOW
from hamms_trio.check.verdicts import Finding
from hamms_trio.errors import ClientUnusable
from hamms_trio.lab.secure.twins import SNI
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.expectation import MOST_ATTEMPTS

PROBE_SECONDS = 3.0
NO_TRUST = Trust()
HEALTHY_PATIENCE = 30.0  # seconds for a client against a healthy server
WARM_UP_DOOR = "path"
ORIGINS = 24  # more than the pools of most clients hold
LOSS = "tcp-accept-close"  # shows how often a client tries by itself
PATIENT_PROBE = 4.0  # times as long, for a probe that a busy machine may have spoilt
PROBES = {
    "ok-chunked": Need.CHUNKED,
    "ok-close": Need.CLOSE,
    "ok-gzip": Need.GZIP,
    "ok-br": Need.BR,
    "ok-zstd": Need.ZSTD,
    "ok-deflate": Need.DEFLATE,
    "ok-redirect": Need.REDIRECT,
    "ok-keepalive": Need.KEEPALIVE,
    "ok-upload": Need.UPLOAD,
    "cookie-expiry-edge": Need.COOKIES,
    "tls-min-tls12": Need.TLS,
}


@dataclass
class Subject:
    """The client of a run, and what is known about it.

    Attributes:
        has: what the client can do.
        control_rss: its memory in the control run, in octets; None if unknown.
        control_cpu: its processor time in the control run, in seconds; None if unknown.
        shape: of a client of event streams; "" otherwise.
        probed: the facts of the probes, for inferences.
        kept: for each of several origins that were met twice, True if the connection was kept; empty if unknown.
    """

    client: Client
    has: frozenset[Need]
    times: CheckTimes
    shape: str = ""
    control_rss: int | None = None
    control_cpu: float | None = None
    trust: Trust = field(default_factory=Trust)
    probed: list[Facts] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)


@asynccontextmanager
async def open_client(
    tested: Tested, options: Options, lab: CheckedLab, trust: Trust = NO_TRUST
) -> AsyncIterator[Client]:
    """Open a client while the block runs; leave none of its processes behind.

    Raises:
        ClientUnusable: the client can't be run.
    """
    if isinstance(tested, PythonCallable):
        yield CallableClient(tested, most=options.jobs)
        return
    with subreaper():
        if isinstance(tested, Command):
            with TemporaryDirectory(prefix="hamms-check-") as folder:
                yield CommandClient(tested, Path(folder), meta=options.meta)
            return
        async with _open_lines(tested, options, lab, trust) as client:
            yield client


@asynccontextmanager
async def _open_lines(
    lines: Lines, options: Options, lab: CheckedLab, trust: Trust
) -> AsyncIterator[Client]:
    async with trio.open_nursery() as nursery:
        most = min(options.jobs, DRIVERS_AT_ONCE)
        client = LinesClient(
            lines, _warm_up(lines, lab, trust), nursery, most=most, environment=trust.variables
        )
        try:
            await client.prepare(most)
            yield client
        finally:
            await client.aclose()
            nursery.cancel_scope.cancel()


async def meet(
    client: Client,
    tested: Tested,
    options: Options,
    lab: CheckedLab,
    catalogue: dict[str, FailureMode],
    trust: Trust = NO_TRUST,
) -> Subject:
    """Let the client meet healthy modes, and return what they show about it.

    Raises:
        ClientUnusable: the client fails against a healthy server.
    """
    own = frozenset(BY_ABILITY[each] for each in client.abilities if each in BY_ABILITY)
    if isinstance(tested, Command):
        own |= {Need.PROXY}
    has = own | options.declared | frozenset(BY_SHAPE.get(tested.shape, ()))
    patient = CheckTimes(options.timeout, cap=HEALTHY_PATIENCE)
    subject = Subject(client, has, patient, tested.shape, trust=trust)
    control = catalogue["llm-ok" if tested.shape else "ok"]
    first = await _control(control, lab, subject, options, run=0)
    second = await _control(control, lab, subject, options, run=1)
    start_up = 0.0 if isinstance(tested, Lines) else second.visit.seconds
    subject.control_rss = max(
        (each.visit.rss for each in (first, second) if each.visit.rss is not None), default=None
    )
    subject.times = CheckTimes(max(options.timeout, PROBE_SECONDS), start_up)
    facts = await play(Cell(catalogue[LOSS], options.seed), lab, subject, door_kind=options.door)
    subject.control_cpu = max(
        (each.visit.cpu for each in (first, second) if each.visit.cpu is not None), default=None
    )
    if not tested.shape:
        await _probe(subject, lab, options, catalogue)
        if {Need.SESSION, Need.KEEPALIVE} <= subject.has:
            subject.kept = await _kept_connections(client, lab, options.seed)
    subject.times = _with_attempts(CheckTimes(options.timeout, start_up, options.cap), facts)
    return subject


async def _control(
    mode: FailureMode, lab: CheckedLab, subject: Subject, options: Options, *, run: int
) -> Facts:
    facts = await play(Cell(mode, options.seed, run), lab, subject, door_kind=options.door)
    finding, evidence = grade(facts)
    if finding is not Finding.OK:
        said = facts.visit.said.strip()
        raise ClientUnusable(
            f"the client fails against a healthy server: {evidence}" + (f"\n{said}" if said else "")
        )
    return facts


def _with_attempts(times: CheckTimes, loss: Facts) -> CheckTimes:
    """Return times that have room for the attempts of a client that tries again after a lost connection."""
    if loss.is_capped or not 1 < loss.attempts <= MOST_ATTEMPTS:
        return times
    return replace(
        times, attempts=loss.attempts, waits=max(0.0, loss.visit.seconds - times.start_up)
    )


async def _probe(
    subject: Subject, lab: CheckedLab, options: Options, catalogue: dict[str, FailureMode]
) -> None:
    """Find out what the client can do; a probe that nobody could pass is skipped."""
    found: set[Need] = set()
    probed: dict[Need, Facts] = {}
    slugs = {need: slug for slug, need in PROBES.items() if _can_be_probed(need, subject)}

    async def probe(need: Need, run: int = 0) -> None:
        cell = Cell(catalogue[slugs[need]], options.seed, run, is_control=need is Need.TLS)
        probed[need] = facts = await play(cell, lab, subject, door_kind=options.door)
        if _passes(facts, need):
            found.add(need)

    # A busy machine must not cost a client an ability; the longer timeout only delays clients that lack one.
    subject.times = CheckTimes(max(options.timeout, PROBE_SECONDS))
    async with trio.open_nursery() as nursery:
        for need in slugs:
            nursery.start_soon(probe, need)
    slow = SLOW * subject.times.timeout
    subject.times = subject.times.longer(PATIENT_PROBE)
    for need in slugs.keys() - found:
        if probed[need].visit.seconds >= slow:
            await probe(need, run=1)
    subject.probed += probed.values()
    subject.has = (subject.has - {Need.UPLOAD}) | found


async def _kept_connections(client: Client, lab: CheckedLab, seed: int) -> list[bool]:
    """Let the client meet many origins, then again from the last to the first: a pool keeps the last ones."""
    nonce = f"origins{seed}"
    async with AsyncExitStack() as open_doors:
        doors = [
            await open_doors.enter_async_context(lab.open("ok-keepalive", nonce=nonce))
            for _ in range(ORIGINS)
        ]
        calls = [
            Call(url=f"http://{LOOPBACK_ADDRESS}:{door.port}/", timeout=HEALTHY_PATIENCE)
            for door in doors
        ]
        order = Order(nonce=nonce, calls=(*calls, *reversed(calls)), cap=HEALTHY_PATIENCE)
        visit = await client.visit(order)
        carried = [
            {request.connection.number for request in lab.ledger.requests(door.name)}
            for door in doors
        ]
        lab.ledger.forget(nonce)
    is_whole = len(visit.answers) == len(order.calls) and all(each.ok for each in visit.answers)
    return [len(numbers) == 1 for numbers in carried] if is_whole else []


def _can_be_probed(need: Need, subject: Subject) -> bool:
    if need is Need.UPLOAD:
        return need in subject.has
    return need is not Need.TLS or bool(subject.trust.root)


def _passes(facts: Facts, need: Need) -> bool:
    if need is Need.COOKIES:
        back = facts.requests[1:]
        return any("hamms=" in (request.head.get("cookie") or "") for request in back)
    if need is Need.TLS:
        return is_accepted(facts)
    if grade(facts)[0] is not Finding.OK:
        return False
    if need is Need.REDIRECT:
        return len(facts.requests) == 2
    if need is Need.KEEPALIVE:
        numbers = {request.connection.number for request in facts.requests}
        return len(facts.requests) == 2 and len(numbers) == 1
    if need is Need.UPLOAD:
        wanted = facts.calls[-1].body or b""
        return bool(facts.requests) and facts.requests[-1].body_octets == len(wanted)
    return True


def _warm_up(tested: Lines, lab: CheckedLab, trust: Trust) -> list[Call]:
    """Return healthy calls; the second one is a first handshake of TLS, which takes some runtimes seconds."""
    if tested.shape:
        return [_healthy(lab, WARM_UP_DOOR, f"llm-ok{SHAPE_PATHS.get(tested.shape, '/')}")]
    plain = _healthy(lab, WARM_UP_DOOR, "ok/")
    return [plain, _healthy(lab, SNI, "ok/", "https")] if trust.root else [plain]


def _healthy(lab: CheckedLab, door: str, path: str, scheme: str = "http") -> Call:
    host, port = lab.address(door)
    name = TWO_ADDRESSES if scheme == "https" else host
    return Call(url=f"{scheme}://{name}:{port}/mode/{path}", timeout=HEALTHY_PATIENCE)
