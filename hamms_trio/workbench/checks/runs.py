"""Runs of checks, one at a time, each in a process of its own, so that the server stays responsive.

Only names of clients that have an adapter reach the command line; a page never chooses a command or a path.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.routing.documents import Document, show
from hamms_trio.workbench.routing.problems import Problem, not_found
from hamms_trio.workbench.times import timestamp

logger = logging.getLogger(__name__)

CODE = "invalid_check"
KEPT_RUNS = 20  # runs with their reports
MAX_SUITES = 20
MAX_RUN_SECONDS = 1_800.0  # after which a run is stopped
MAX_REPORT = 16 * 1024 * 1024  # octets

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass
class CheckRun:
    """One check of a client.

    Attributes:
        status: ``running``, ``done``, ``failed`` or ``stopped``.
        report: the JSON report once there is one; a stopped run may have a partial one.
        problem: the reason why there is no report.
        process: the process, while there is one.
        is_stopped: True once the run is to end early.
    """

    id: str
    client: str
    suites: tuple[str, ...]
    seed: int
    started_ms: int
    status: str = "running"
    done: int = 0
    of: int = 0
    report: Document | None = None
    problem: str = ""
    process: trio.Process | None = field(default=None, repr=False)
    is_stopped: bool = False

    def document(self) -> Document:
        """Return the run as the API shows it, without its report."""
        return {
            "id": self.id,
            "client": self.client,
            "suites": list(self.suites),
            "seed": self.seed,
            "started_at": timestamp(self.started_ms),
            "status": self.status,
            "done": self.done,
            "of": self.of,
            "problem": self.problem,
        }


class Checks:
    """The runs of one workbench.

    Args:
        command: the program that checks a client (see `cli.check.apart`); none if there is none.
    """

    def __init__(self, events: EventLog, command: Sequence[str] = ()) -> None:
        self._events = events
        self._command = tuple(command)
        self._runs: OrderedDict[str, CheckRun] = OrderedDict()
        self._clients: list[Document] | None = None
        self._listed: trio.Event | None = None  # while a caller waits for the list
        self._waiting: trio.MemorySendChannel[CheckRun]
        self._to_do: trio.MemoryReceiveChannel[CheckRun]
        self._waiting, self._to_do = trio.open_memory_channel(0)
        self._count = 0

    @property
    def is_offered(self) -> bool:
        """True if there is a program that checks clients."""
        return bool(self._command)

    async def run(self) -> None:
        """Perform started runs one after another, until cancelled."""
        async for run in self._to_do:
            await self._perform(run)

    async def clients(self) -> list[Document]:
        """Return the clients that have an adapter and seem to be installed here."""
        while self._clients is None:
            if self._listed is not None:  # another caller has asked for the list already
                await self._listed.wait()
                continue
            listed = self._listed = trio.Event()
            try:
                self._clients = json.loads(await self._output("--clients"))
            finally:
                self._listed = None
                listed.set()
        return self._clients

    def documents(self) -> list[Document]:
        """Return the runs, the newest first."""
        return [run.document() for run in reversed(self._runs.values())]

    def get(self, id: str) -> CheckRun:
        """Return a run.

        Raises:
            Problem: 404.
        """
        run = self._runs.get(id)
        if run is None:
            raise not_found("check")
        return run

    async def start(self, given: Document) -> CheckRun:
        """Start a run.

        Raises:
            Problem: 400 for a client or a suite that can't be used, 409 while another check runs.
        """
        client, suites, seed = _read(given)
        known = [str(each["name"]) for each in await self.clients()]
        if client not in known:
            rule = f"client must be one of {', '.join(known) or 'none, since none is installed'}"
            raise Problem(400, CODE, f"{rule}, and is {show(client)}")
        self._count += 1
        run = CheckRun(str(self._count), client, suites, seed, int(time.time() * 1000))
        try:
            self._waiting.send_nowait(run)
        except trio.WouldBlock:
            raise Problem(
                409, "check_running", "another check is running: wait, or stop it"
            ) from None
        self._runs[run.id] = run
        if len(self._runs) > KEPT_RUNS:
            self._runs.popitem(last=False)
        return run

    def stop(self, id: str) -> CheckRun:
        """Stop a run that is not over; the process reports what it has found.

        Raises:
            Problem: 404.
        """
        run = self.get(id)
        run.is_stopped = True
        if run.process is not None and run.process.returncode is None:
            run.process.terminate()
        return run

    async def _perform(self, run: CheckRun) -> None:
        self._tell("check.started", run)
        with trio.move_on_after(MAX_RUN_SECONDS) as limit:
            try:
                await self._follow(run)
            except (OSError, ValueError) as error:
                run.problem = str(error)
        if limit.cancelled_caught:
            run.problem = f"the check took more than {MAX_RUN_SECONDS:g} s"
        if run.report is not None:
            run.status = "done"
        elif run.is_stopped:
            run.status, run.problem = "stopped", "the check was stopped"
        else:
            run.status = "failed"
        self._tell("check.completed", run)

    async def _follow(self, run: CheckRun) -> None:
        """Read the lines of the process: progress, and at the end the report or the reason for none."""
        command = [*self._command, run.client, str(run.seed), *run.suites]
        process = run.process = await trio.lowlevel.open_process(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if run.is_stopped:  # stopped before the process started
            process.terminate()
        try:
            assert process.stdout is not None
            rest = b""
            async for piece in process.stdout:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._take(run, json.loads(line))
                if len(rest) > MAX_REPORT:
                    raise ValueError(f"the report has more than {MAX_REPORT} octets")
            code = await process.wait()
            if run.report is None and not run.problem:
                run.problem = f"the check ended with the exit code {code}"
        finally:
            if process.returncode is None:
                process.terminate()  # its own signal handler stops the clients
                with trio.CancelScope(shield=True), trio.move_on_after(5):
                    await process.wait()
                if process.returncode is None:
                    process.kill()

    def _take(self, run: CheckRun, line: Document) -> None:
        if "report" in line:
            report = line["report"]
            assert isinstance(report, dict)
            run.report = report
        elif "problem" in line:
            run.problem = str(line["problem"])
        else:
            run.done, run.of = int(str(line["done"])), int(str(line["of"]))
            self._tell("check.progress", run)

    def _tell(self, type: str, run: CheckRun) -> None:
        self._events.publish(type, run.document())

    async def _output(self, argument: str) -> bytes:
        done = await trio.run_process(
            [*self._command, argument], capture_stdout=True, stderr=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise Problem(503, "check_unavailable", "the command that lists the clients has failed")
        assert isinstance(done.stdout, bytes)
        return done.stdout


def _read(given: Document) -> tuple[str, tuple[str, ...], int]:
    for name in given.keys() - {"client", "suites", "seed"}:
        raise Problem(400, CODE, f"unknown member {show(name)}: known are client, suites, seed")
    client, seed = given.get("client"), given.get("seed", 0)
    suites = given.get("suites", ["core"])
    if not isinstance(client, str) or not _NAME.fullmatch(client):
        raise Problem(400, CODE, f"client must be the name of an adapter, and is {show(client)}")
    named = suites if isinstance(suites, list) and len(suites) <= MAX_SUITES else []
    if not named or not all(isinstance(each, str) and _NAME.fullmatch(each) for each in named):
        rule = f"suites must be a list of 1 to {MAX_SUITES} suites, families or slugs"
        raise Problem(400, CODE, f"{rule}, and is {show(suites)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not -(2**63) <= seed < 2**63:
        raise Problem(400, CODE, f"seed must be an integer, and is {show(seed)}")
    return client, tuple(named), seed
