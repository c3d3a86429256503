"""The options of a workbench's records: state file, history, events, metrics, accounts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hamms_trio.cli import options
from netsplode.usage import Refused, Seconds

if TYPE_CHECKING:
    from hamms_trio.workbench import WorkbenchOptions

DEFAULT_STATE = "data/workbench.sqlite3"
# The reference's engine that serves no streams (see `hamms_trio.workbench`).
THREADPOOL = "threadpool"
DEFAULT_USERS = "data/auth_users.json"


@dataclass(frozen=True, kw_only=True)
class Records:
    """The options of a workbench's records."""

    state: str
    state_file: Path | None
    scenario_state_file: Path | None
    target_state_file: Path | None
    history_limit: int
    history_octets: int
    history_seconds: float | None
    max_mock_body_bytes: int
    default_chaos_seed: int
    enable_playground: bool
    enable_scenarios: bool
    max_scenarios: int
    max_steps_per_scenario: int
    max_assertions_per_step: int
    max_runs: int
    enable_target_proxy: bool
    max_targets: int
    allow_targets: tuple[str, ...]
    enable_live_events: bool
    event_buffer_size: int
    event_heartbeat_secs: float
    cli_refresh_ms: int
    live_events_require_selectors: bool
    metrics_backend: str
    metrics_sqlite_file: Path | None
    metrics_flush_interval_secs: float
    metrics_retention_days: int
    demo_token: str
    require_demo_token: bool
    auth_users_file: Path
    session_ttl_minutes: float
    public_base_url: str

    def chosen(self) -> WorkbenchOptions:
        """Return the options in the workbench's own form.

        Raises:
            Refused: the users file can't be read, or the public URL has no host.
        """
        if self.metrics_backend == "memory" and self.metrics_sqlite_file is not None:
            raise click.UsageError("--metrics-sqlite-file is for --metrics-backend sqlite")
        from hamms_trio.errors import StateUnusable
        from hamms_trio.recording.store import HistoryBounds
        from hamms_trio.workbench import WorkbenchOptions
        from hamms_trio.workbench.accounts import read_users
        from hamms_trio.workbench.bench import BenchSettings
        from hamms_trio.workbench.mocks import MockLimits
        from hamms_trio.workbench.scenarios import ScenarioLimits

        try:
            users = read_users(self.auth_users_file)
        except StateUnusable as error:
            raise Refused(str(error)) from None
        return WorkbenchOptions(
            state=self.state,
            imports=tuple(
                filter(None, (self.state_file, self.scenario_state_file, self.target_state_file))
            ),
            bounds=HistoryBounds(
                rows=self.history_limit, octets=self.history_octets, seconds=self.history_seconds
            ),
            settings=BenchSettings(
                seed=self.default_chaos_seed,
                heartbeat=self.event_heartbeat_secs,
                refresh_ms=max(100, self.cli_refresh_ms),
                names=self._names(),
                mocks=MockLimits(body_octets=self.max_mock_body_bytes),
                scenarios=ScenarioLimits(
                    scenarios=self.max_scenarios,
                    steps=self.max_steps_per_scenario,
                    assertions=self.max_assertions_per_step,
                    runs=self.max_runs,
                ),
                targets=self.max_targets,
                allow_targets=self.allow_targets,
            ),
            users=users,
            demo_token=self.demo_token,
            require_token=self.require_demo_token,
            session_seconds=self.session_ttl_minutes * 60,
            events=max(100, self.event_buffer_size),
            retention_days=self.metrics_retention_days,
            trends=self.metrics_backend,
            trends_file=self.metrics_sqlite_file,
            flush_seconds=self.metrics_flush_interval_secs,
            playground=self.enable_playground,
            live_events=self.enable_live_events,
            scenarios=self.enable_scenarios,
            targets=self.enable_target_proxy,
            streams=not (self.live_events_require_selectors and options.old_engine() == THREADPOOL),
        )

    def _names(self) -> frozenset[str]:
        """Return the host name of the public URL, which pages may use."""
        from urllib.parse import urlsplit

        if not self.public_base_url:
            return frozenset()
        try:
            name = urlsplit(self.public_base_url).hostname
        except ValueError:
            name = None
        if not name:
            raise Refused(
                f"--public-base-url {self.public_base_url} names no host: give a URL such as http://name:8080"
            )
        return frozenset((name,))


def _setting(
    flags: str,
    default: object,
    kind: click.ParamType[Any] | None,  # None for a flag
    purpose: str,
    *,
    variable: str | None = None,
) -> options.Option:
    """Make an option whose help shows its default, and the variable of the environment that sets it."""
    return click.option(
        flags,
        default=default,
        show_default=True,
        type=kind,
        envvar=variable,
        show_envvar=variable is not None,
        help=purpose,
    )


def _enable(feature: str, purpose: str) -> options.Option:
    return _setting(f"--enable-{feature}/--no-enable-{feature}", True, None, purpose)


def _import(flag: str, content: str) -> options.Option:
    return click.option(
        flag, type=options.FILE, help=f"A JSON {content} to import once, if it is there."
    )


STATE = click.option(
    "--state",
    default=DEFAULT_STATE,
    show_default=True,
    envvar="HAMMS_STATE",
    show_envvar=True,
    help="The state file, created if missing; :memory: for none.",
)

RECORDS = options.together(
    "records",
    Records,
    STATE,
    _import("--state-file", "state file"),
    _import("--scenario-state-file", "file of scenarios and runs"),
    _import("--target-state-file", "file of targets"),
    _setting(
        "--history-limit", 500, click.IntRange(1, 10_000_000), "Limit of requests in the history."
    ),
    _setting(
        "--history-octets", 256 * 1024 * 1024, click.IntRange(1), "Limit of octets in the history."
    ),
    click.option(
        "--history-seconds",
        type=Seconds(0, min_open=True),
        help="Age in seconds at which requests are evicted from the history. Default: no limit.",
    ),
    _setting(
        "--max-mock-body-bytes",
        262_144,
        click.IntRange(0),
        "Limit of octets in the body of a mock, and of a request by the lab.",
    ),
    _setting(
        "--default-chaos-seed",
        1337,
        click.IntRange(-(2**63), 2**63 - 1),
        "Seed of every random choice.",
    ),
    _enable("playground", "Serve mocks, history, replay and lab."),
    _enable("scenarios", "Serve scenarios."),
    _setting("--max-scenarios", 100, click.IntRange(1, 10_000), "Limit of stored scenarios."),
    _setting(
        "--max-steps-per-scenario", 50, click.IntRange(1, 10_000), "Limit of steps in a scenario."
    ),
    _setting(
        "--max-assertions-per-step", 20, click.IntRange(1, 10_000), "Limit of assertions in a step."
    ),
    _setting("--max-runs", 200, click.IntRange(1, 100_000), "Limit of stored reports of runs."),
    _enable("target-proxy", "Serve targets, calls of them, and /proxy/."),
    _setting("--max-targets", 50, click.IntRange(1, 10_000), "Limit of stored targets."),
    options.ALLOW_TARGET,
    _enable("live-events", "Serve events."),
    _setting(
        "--event-buffer-size",
        5_000,
        click.IntRange(1, 1_000_000),
        "Limit of buffered events, at least 100.",
    ),
    _setting(
        "--event-heartbeat-secs",
        5.0,
        Seconds(0, min_open=True),
        "Seconds of silence until an event stream sends a comment.",
    ),
    _setting(
        "--cli-refresh-ms",
        100,
        click.IntRange(0),
        "Milliseconds until a client of events should ask again, at least 100.",
    ),
    _setting(
        "--live-events-require-selectors/--no-live-events-require-selectors",
        True,
        None,
        "Refuse event streams if --engine threadpool is given, for compatibility.",
    ),
    _setting(
        "--metrics-backend",
        "sqlite",
        click.Choice(["sqlite", "memory"]),
        "Place of trends: a file, or memory until the server ends.",
        variable="METRICS_BACKEND",
    ),
    click.option(
        "--metrics-sqlite-file",
        type=options.FILE,
        envvar="METRICS_SQLITE_FILE",
        show_envvar=True,
        help="A separate SQLite file for trends, instead of the state file.",
    ),
    _setting(
        "--metrics-flush-interval-secs",
        1.0,
        Seconds(1),
        "Seconds between two writes of trends.",
        variable="METRICS_FLUSH_INTERVAL_SECS",
    ),
    _setting(
        "--metrics-retention-days",
        30,
        click.IntRange(1),
        "Days until trends are deleted.",
        variable="METRICS_RETENTION_DAYS",
    ),
    click.option(
        "--demo-token",
        default="",
        envvar="DEMO_TOKEN",
        help="A token whose bearer is admin; everybody else needs a login then.",
    ),
    click.option(
        "--require-demo-token/--no-require-demo-token",
        default=False,
        envvar="REQUIRE_DEMO_TOKEN",
        help="Refuse requests without a token, even if no token is configured.",
    ),
    _setting(
        "--auth-users-file",
        DEFAULT_USERS,
        options.FILE,
        "File of the users who may log in. Without users and a token, everybody is an admin.",
        variable="AUTH_USERS_FILE",
    ),
    _setting(
        "--session-ttl-minutes",
        480.0,
        Seconds(1),
        "Minutes that a login lasts.",
        variable="SESSION_TTL_MINUTES",
    ),
    click.option(
        "--public-base-url",
        default="",
        envvar="PUBLIC_BASE_URL",
        help="The public URL; pages from its host may change state.",
    ),
)
