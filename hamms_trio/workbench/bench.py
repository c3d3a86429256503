"""The rules and records of one workbench, as its API uses them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hamms_trio.http import Service
from hamms_trio.recording.store import Store
from hamms_trio.workbench.accounts import Guard
from hamms_trio.workbench.checks import Checks
from hamms_trio.workbench.failures import Failures
from hamms_trio.workbench.history import History
from hamms_trio.workbench.incidents import Incidents
from hamms_trio.workbench.live.connections import ConnectionFeed
from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.live.trends import Trends
from hamms_trio.workbench.mocks import MockAnswers, MockLimits, Mocks
from hamms_trio.workbench.routing.turns import Turns
from hamms_trio.workbench.scenarios import Reports, Runner, ScenarioLimits, Scenarios
from hamms_trio.workbench.targets import TargetCalls, Targets
from hamms_trio.workbench.targets.collection import MAX_TARGETS

REPLAYS = "playground.replays"
ERRORS = "playground.errors"


@dataclass(frozen=True, kw_only=True)
class BenchSettings:
    """The settings of a workbench that its API reads.

    Attributes:
        seed: the seed of runs, mocks, targets and incidents that have none of their own.
        heartbeat: seconds of silence on an event stream until a comment is sent.
        refresh_ms: the time after which an event stream's client should connect again.
        names: host names of the server, beside localhost, that pages may use.
        targets: the most targets.
        allow_targets: host names, addresses and networks that targets may have besides loopback.
    """

    seed: int = 1337
    heartbeat: float = 5.0
    refresh_ms: int = 100
    names: frozenset[str] = frozenset()
    mocks: MockLimits = field(default_factory=MockLimits)
    targets: int = MAX_TARGETS
    allow_targets: tuple[str, ...] = ()
    scenarios: ScenarioLimits = field(default_factory=ScenarioLimits)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that an operation of the API may use."""

    service: Service
    settings: BenchSettings
    store: Store
    guard: Guard
    mocks: Mocks
    answers: MockAnswers
    history: History
    events: EventLog
    feed: ConnectionFeed
    trends: Trends
    failures: Failures
    checks: Checks
    incidents: Incidents
    targets: Targets
    calls: TargetCalls
    scenarios: Scenarios
    reports: Reports
    runner: Runner
    turns: Turns
