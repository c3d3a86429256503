"""Cases of tests: one failure mode each, with a door of its own, and a verdict on the client that met the mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import Any

import trio

from hamms_trio.blocking import HammsServer
from hamms_trio.check.client import KEPT_OCTETS, Answer, Call, PythonCallable, Visit
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.grading.grade import grade
from hamms_trio.check.plan.arguments import CheckTimes
from hamms_trio.check.plan.calls import Place, calls_for
from hamms_trio.check.plan.needs import Need
from hamms_trio.check.plan.suites import chosen
from hamms_trio.check.report import ModeReport
from hamms_trio.check.running import cells, lab
from hamms_trio.check.running.cells import Cell
from hamms_trio.check.running.options import Options
from hamms_trio.check.running.reporting import mode_report
from hamms_trio.check.running.run import Run
from hamms_trio.modes import CATALOGUE
from hamms_trio.modes.elsewhere import OTHER_DOOR
from hamms_trio.modes.model.expectation import MOST_ATTEMPTS
from hamms_trio.server import Hamms


def slugs_of(suites: Iterable[str], excluded: Iterable[str] = ()) -> list[str]:
    """List the modes of some suites (see `hamms_trio.check.plan.suites.chosen`).

    Raises:
        UnknownMode: nothing has such a name.
    """
    return list(chosen(CATALOGUE, suites, excluded))


@dataclass(frozen=True)
class CaseVerdict:
    """The verdict on one case.

    Attributes:
        report: all that is known, as in the JSON report of `hamms-trio check`.
    """

    slug: str
    report: ModeReport

    @property
    def passed(self) -> bool:
        """True unless the client failed or crashed; a warning passes."""
        return self.report.verdict not in ("FAIL", "CRASH")

    @property
    def verdict(self) -> str:
        return self.report.verdict

    @property
    def class_(self) -> str:
        return self.report.class_

    def __str__(self) -> str:
        found = self.report
        return (
            f"{found.verdict} {found.class_} ({found.code}) in {self.slug}: {found.evidence} "
            f"Expected: {found.expected} ({found.source})"
        )

    __repr__ = __str__


class Case:
    """One failure mode in one test; the fixture ``hamms_case``.

    Attributes:
        slug: the failure mode.
        timeout: seconds that the client should be given.
        nonce: that of the case's canary.
    """

    def __init__(
        self, server: HammsServer, slug: str, *, timeout: float, seed: int, can: tuple[str, ...]
    ) -> None:
        self.slug = slug
        self.timeout = timeout
        self._server = server
        self._options = Options(suites=(slug,), timeout=timeout, seed=seed, can=can)
        self._cell = Cell(CATALOGUE[slug], seed)
        self._times = CheckTimes(timeout)
        self._arguments = self._cell.arguments(self._times)
        self.nonce = self._cell.nonce
        self._door = server.open(slug, **self._arguments)
        self._answers: list[Answer] = []
        self._began = monotonic()

    @property
    def url(self) -> str:
        """The URL of the mode, at a door of the case's own."""
        return self._door.url()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests that the client should send: their methods, fields and contents.

        Most modes have one. Where there are more, `record` takes the outcomes of all but the last.
        """
        return calls_for(self.slug, Place(self.url, frozenset(Need), self.timeout))

    def record(
        self,
        body: bytes | str | None = None,
        *,
        status: int | None = None,
        error: BaseException | str | None = None,
    ) -> None:
        """Record the outcome of one request that the test has sent itself: its body, or the error."""
        octets = body.encode() if isinstance(body, str) else body or b""
        name = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
        self._answers.append(
            Answer(
                ok=error is None,
                status=status,
                body=octets[:KEPT_OCTETS],
                octets=len(octets),
                sha256=sha256(octets).hexdigest(),
                error=name or "",
                seconds=monotonic() - self._began,
            )
        )
        self._began = monotonic()

    def verdict(
        self,
        client: Callable[..., Any] | None = None,
        *,
        body: bytes | str | None = None,
        status: int | None = None,
        error: BaseException | str | None = None,
    ) -> CaseVerdict:
        """Grade a client.

        Args:
            client: a function, or coroutine function, that sends one request (see `hamms_trio.check_client`);
                without one the test has sent the request, and the other arguments are its outcome.
        """
        if client is not None:
            found = self._server.run(partial(self._checked, client))
        else:
            self.record(body, status=status, error=error)
            found = self._server.run(self._graded)
        return CaseVerdict(self.slug, found)

    async def _checked(self, client: Callable[..., Any], hamms: Hamms) -> ModeReport:
        """Let a function meet the mode in the way that `hamms-trio check` does."""
        report = await Run(hamms, PythonCallable(call=client), self._options, CATALOGUE).run()
        return report.modes[self.slug]

    async def _graded(self, hamms: Hamms) -> ModeReport:
        """Grade the outcomes that the test has recorded."""
        await trio.sleep(cells.SETTLE_SECONDS)
        mode, calls = self._cell.mode, self.calls[: len(self._answers)]
        ledger = hamms.ledger
        elsewhere = [each for each in ledger.of_nonce(self.nonce)[1] if each.slug == OTHER_DOOR]
        door = lab.CellDoor(
            lab.LOOPBACK_ADDRESS, self._door.port, "/", self._door.name, self.nonce, ledger
        )
        # No probe has counted the attempts that the client makes by itself.
        habit = replace(self._times, attempts=MOST_ATTEMPTS)
        tries = cells.tries_of(mode, door, len(calls), habit)
        facts = Facts(
            mode=mode,
            nonce=self.nonce,
            calls=calls,
            visit=Visit(
                answers=tuple(self._answers), seconds=sum(each.seconds for each in self._answers)
            ),
            has_timeout=True,
            timeout=self.timeout,
            late=self._times.late(max(self._cell.attempts(), tries)),
            control_rss=None,
            connections=door.connections,
            requests=door.requests,
            elsewhere=elsewhere,
            fired=cells.fired(mode, door),
            is_stream=mode.family in cells.STREAMS,
        )
        return mode_report(facts, *grade(facts), self._arguments)
