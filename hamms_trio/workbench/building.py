"""The assembly of a workbench from its parts, and the tasks that run as long as it does."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import trio

from hamms_trio.errors import StateUnusable, StoreUnavailable
from hamms_trio.http import Service
from hamms_trio.net.nursery import ungrouped
from hamms_trio.recording.store import HistoryBounds, Store, TrendStore, open_store
from hamms_trio.recording.store.schema import MEMORY
from hamms_trio.recording.store.trends.file import open_trend_file
from hamms_trio.recording.store.trends.memory import TrendMemory
from hamms_trio.workbench.accounts import Guard, User
from hamms_trio.workbench.api import add_operations, openapi_route, operations_of
from hamms_trio.workbench.api.proxied import PROXIED_PATHS, add_proxied
from hamms_trio.workbench.bench import ERRORS, REPLAYS, Bench, BenchSettings
from hamms_trio.workbench.checks import Checks
from hamms_trio.workbench.failures import Failures
from hamms_trio.workbench.history import History
from hamms_trio.workbench.incidents import Incidents
from hamms_trio.workbench.live.connections import ConnectionFeed
from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.live.recorder import AnswerRecorder, is_of_page
from hamms_trio.workbench.live.trends import Trends
from hamms_trio.workbench.mocks import MockAnswers, Mocks
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.router import WorkbenchRouter
from hamms_trio.workbench.routing.struck import Strikes
from hamms_trio.workbench.routing.turns import Turns
from hamms_trio.workbench.scenarios import Reports, Runner, Scenarios
from hamms_trio.workbench.scenarios.reach.bench_world import BenchWorld
from hamms_trio.workbench.scenarios.reach.targets import StepTargets
from hamms_trio.workbench.state import import_once
from hamms_trio.workbench.targets import AllowedTargets, TargetCalls, TargetClient, Targets
from hamms_trio.workbench.targets.fields import Hops

logger = logging.getLogger(__name__)

TREND_SECONDS = 1.0  # between two writes of trends to the store
# The program that checks a client in a process of its own (see `workbench.checks`). It is named, not imported,
# because the commands are above this room.
CHECK_COMMAND = (sys.executable, "-m", "hamms_trio.cli.check.apart")
PRUNE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class WorkbenchOptions:
    """The options of a workbench.

    Attributes:
        state: the state file, or ``:memory:``.
        imports: JSON state files of the reference, each imported once.
        users: who may log in.
        demo_token, require_token, session_seconds: see `Guard`.
        events: the number of events that the log keeps.
        trends: where trends are kept: ``sqlite`` or ``memory``.
        trends_file: an SQLite file for trends alone; None to keep them in the state file.
        flush_seconds: the seconds between two writes of trends to their store.
        playground: False to leave out mocks, history, replay, verification and the request lab.
        live_events: False to serve no events.
        targets: False to serve no targets, and no proxy.
        scenarios: False to serve no scenarios.
        streams: False to refuse event streams and serve events in pages only.
        check_command: the program that checks a client for the page; empty to offer no checks.
    """

    state: str | os.PathLike[str] = MEMORY
    imports: tuple[str | os.PathLike[str], ...] = ()
    bounds: HistoryBounds = field(default_factory=HistoryBounds)
    settings: BenchSettings = field(default_factory=BenchSettings)
    users: dict[str, User] = field(default_factory=dict)
    demo_token: str = ""
    require_token: bool = False
    session_seconds: float = 480 * 60.0
    events: int = 5_000
    retention_days: int = 30
    trends: str = "sqlite"
    trends_file: str | os.PathLike[str] | None = None
    flush_seconds: float = TREND_SECONDS
    playground: bool = True
    live_events: bool = True
    targets: bool = True
    scenarios: bool = True
    streams: bool = True
    check_command: tuple[str, ...] = CHECK_COMMAND

    def guard(self) -> Guard:
        return Guard(
            self.users,
            demo_token=self.demo_token,
            require_token=self.require_token,
            session_seconds=self.session_seconds,
        )


@asynccontextmanager
async def open_bench(
    service: Service,
    router: WorkbenchRouter,
    guard: Guard,
    options: WorkbenchOptions,
    failures: Failures,
) -> AsyncIterator[Bench]:
    """Open the store and declare the API for the time of an ``async with`` block.

    Args:
        failures: plays the failure modes of mocks.

    Raises:
        StateUnusable: the state file, or a file to import, can't be used.
    """
    opened = open_store(options.state, bounds=options.bounds, kept_events=options.events)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened)
        trends = await stack.enter_async_context(_open_trends(options, store))
        bench = _bench(service, router, guard, store, options, failures, trends)
        await bench.mocks.load()
        await bench.events.load()
        _declare(bench, router, options, failures)
        for path in options.imports:
            await _import(path, bench)
        await bench.targets.load()
        await bench.scenarios.load()
        await bench.reports.load()
        bench.events.publish(
            "system.health",
            {"state": "server_initialized", "engine": "trio", "live_events": options.live_events},
        )
        try:
            with ungrouped():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(bench.events.run)
                    nursery.start_soon(bench.incidents.run)
                    nursery.start_soon(bench.feed.run)
                    nursery.start_soon(bench.checks.run)
                    nursery.start_soon(_keep_trends, bench.trends, options.flush_seconds)
                    yield bench
                    nursery.cancel_scope.cancel()
        finally:
            await _close(bench)


def _declare(
    bench: Bench, router: WorkbenchRouter, options: WorkbenchOptions, failures: Failures
) -> None:
    """Declare the routes, and connect the recorder to the server's account."""
    service = bench.service
    recorder = AnswerRecorder(
        service,
        bench.store,
        bench.events,
        bench.trends,
        history=options.playground,
        live_events=options.live_events,
    )
    mocks = bench.mocks if options.playground else None
    router.attach(mocks, bench.answers, recorder, failures)
    served = operations_of(
        playground=options.playground,
        live_events=options.live_events,
        with_targets=options.targets,
        with_scenarios=options.scenarios,
        streams=options.streams,
        checks=bench.checks.is_offered,
    )
    add_operations(router, bench, recorder, served)
    router.get("/openapi.json")(openapi_route(served, PROXIED_PATHS if options.targets else {}))
    if options.targets:
        add_proxied(router, bench, failures, recorder)
    bench.incidents.on_change = _striking(bench, router, failures, recorder)
    service.account.log_to(recorder.write)
    service.account.count_to(recorder.count)
    service.account.is_counted = lambda head: not is_of_page(head)
    service.publish_to(failures.recording)
    service.is_watched = lambda: bool(bench.events.subscribers)


def _striking(
    bench: Bench, router: WorkbenchRouter, failures: Failures, recorder: AnswerRecorder
) -> Callable[[], None]:
    """Return the function that applies an incident to the routes when it starts, and lifts it at the end."""
    strikes = Strikes(bench.incidents, failures, recorder, bench.events)

    def on_change() -> None:
        router.strike(strikes.struck if bench.incidents.current is not None else None)
        bench.service.matcher.forget()

    return on_change


async def _close(bench: Bench) -> None:
    """Write the last records; the store limits the time of each job."""
    bench.incidents.stop()
    bench.calls.client.close()
    bench.service.account.settle()
    bench.trends.flush()
    with trio.CancelScope(shield=True):
        try:
            await bench.events.close()
        except StoreUnavailable as error:
            logger.warning("the unused event ids were not returned to the store: %s", error)


def metrics_of(bench: Bench) -> Callable[[], Awaitable[dict[str, object]]]:
    """Return a function that counts the workbench's members of /_metrics."""

    async def count() -> dict[str, object]:
        counters = await bench.store.counters()
        health = bench.store.health
        return {
            "playground_mock_count": len(bench.mocks),
            "playground_history_count": await bench.store.history_size(),
            "playground_replay_total": counters.get(REPLAYS, 0),
            "playground_admin_errors_total": counters.get(ERRORS, 0),
            **bench.runner.counts.document(),
            "incident_state": "inactive" if bench.incidents.current is None else "active",
            "incident_profile": bench.incidents.state()["mode"],
            "incident_faults_total": bench.incidents.faults,
            "metrics_backend": bench.trends.backend,
            "store_writes_refused": health.refused,
            "store_rows_lost": health.lost,
            "store_problem": health.problem,
            "event_subscribers": bench.events.subscribers,
        }

    return count


def _bench(
    service: Service,
    router: WorkbenchRouter,
    guard: Guard,
    store: Store,
    options: WorkbenchOptions,
    failures: Failures,
    trends: TrendStore,
) -> Bench:
    def on_change() -> None:
        failures.forget()
        router.refresh()
        service.matcher.forget()

    settings = options.settings
    events = EventLog(store, kept=options.events)
    calls = _calls(store, settings, failures, events)
    limits = settings.scenarios
    mocks = Mocks(
        store,
        limits=settings.mocks,
        is_reserved=router.is_reserved,
        check_fail=failures.check,
        on_change=on_change,
    )
    turns = Turns()
    return Bench(
        service=service,
        settings=options.settings,
        store=store,
        guard=guard,
        mocks=mocks,
        answers=MockAnswers(store, seed=settings.seed),
        history=History(store, turns),
        events=events,
        feed=ConnectionFeed(failures.recording, events),
        trends=Trends(trends, retention_days=options.retention_days, backend=options.trends),
        failures=failures,
        checks=Checks(events, options.check_command),
        incidents=Incidents(seed=settings.seed, publish=events.publish, check_fail=failures.check),
        targets=calls.targets,
        calls=calls,
        scenarios=Scenarios(store, limits=limits, check_fail=failures.check_chaos),
        reports=Reports(store, limits),
        runner=Runner(
            BenchWorld(service, failures.doors, StepTargets(calls)),
            events,
            limits=limits,
            default_seed=options.settings.seed,
            answer_seconds=service.limits.answer_seconds,
        ),
        turns=turns,
    )


def _calls(
    store: Store, settings: BenchSettings, failures: Failures, events: EventLog
) -> TargetCalls:
    client = TargetClient(AllowedTargets(settings.allow_targets))

    def on_change(id: str) -> None:
        failures.forget()
        client.forget(id)

    targets = Targets(
        store,
        limit=settings.targets,
        seed=settings.seed,
        check_fail=failures.check,
        on_change=on_change,
    )
    return TargetCalls(targets, client, Hops(), events.publish)


@asynccontextmanager
async def _open_trends(options: WorkbenchOptions, store: Store) -> AsyncIterator[TrendStore]:
    """Open the store of trends that the options name.

    Raises:
        StateUnusable: the file can't be used.
    """
    if options.trends == "memory":
        yield TrendMemory()
    elif options.trends_file is None:
        yield store
    else:
        async with open_trend_file(options.trends_file, store.health) as file:
            yield file


async def _import(path: str | os.PathLike[str], bench: Bench) -> None:
    try:
        imported = await import_once(path, bench.store, bench.mocks)
    except Problem as problem:
        raise StateUnusable(f"the state file {path} can't be imported: {problem}") from None
    if imported is None:
        return
    read, dropped = imported
    logger.warning("imported %s from %s", read.summary, path)
    for sentence in dropped:
        logger.warning("not imported from %s: %s", path, sentence)


async def _keep_trends(trends: Trends, seconds: float) -> None:
    """Write trends to the store every ``seconds``, and delete old ones every minute."""
    due = trio.current_time()
    while True:
        await trio.sleep(seconds)
        trends.flush()
        if trio.current_time() >= due:
            due += PRUNE_SECONDS
            try:
                await trends.prune()
            except StoreUnavailable as error:
                logger.warning("old trends were not deleted: %s", error)
