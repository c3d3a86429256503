"""The fixtures ``hamms``, ``hamms_case``, ``hamms_session`` and ``workbench``: running servers of the session.

Why this is light: pytest imports the plugins of every installed package at each start, whether a test
uses them or not. So the server, and trio with it, is imported when a fixture is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hamms_trio.blocking import BlockingWorkbench, HammsServer
    from hamms_trio.cases import Case

CASES = "hamms"
CASE_SETTINGS = ("exclude", "timeout", "seed", "can")
MARKER = "hamms_server"
SETTINGS = ("seed", "speed", "limits", "tls")
SHOWN_RECORDS = 50  # the number of connections, and of requests, in a report

_TOLD = pytest.StashKey["HammsServer"]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(seed=..., speed=..., limits=..., tls=...): give this test's hamms these settings",
    )
    config.addinivalue_line(
        "markers",
        f"{CASES}(suite, ..., exclude=(), timeout=1.0, seed=0, can=()): run the test for each failure mode "
        "of these suites, families or slugs, with hamms_case",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each failure mode that the marker selects."""
    if "hamms_case" not in metafunc.fixturenames:
        return
    from hamms_trio.cases import slugs_of
    from hamms_trio.errors import UnknownMode

    suites, settings = _cases_of(metafunc.definition)
    excluded = settings.pop("exclude", ())
    try:
        slugs = slugs_of(suites, (excluded,) if isinstance(excluded, str) else excluded)
    except UnknownMode as error:
        raise pytest.UsageError(f"{CASES}: {error}") from None
    metafunc.parametrize("hamms_case", slugs, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the ledger to the report of a test that has failed."""
    report = yield
    server = item.stash.get(_TOLD, None)
    if report.failed and call.when == "call" and server is not None:
        report.sections.append(("hamms ledger", _told_by(server)))
    return report


@pytest.fixture(scope="session")
def _hamms_servers() -> Iterator[Callable[..., HammsServer]]:
    """One server of the session for each different choice of settings."""
    from hamms_trio.blocking import HammsServer

    servers: dict[str, HammsServer] = {}
    with ExitStack() as stack:

        def server_with(**settings: Any) -> HammsServer:
            name = repr(sorted(settings.items()))
            if name not in servers:
                servers[name] = stack.enter_context(HammsServer(beginning_port=0, **settings))
            return servers[name]

        yield server_with


@pytest.fixture
def hamms(
    request: pytest.FixtureRequest, _hamms_servers: Callable[..., HammsServer]
) -> Iterator[HammsServer]:
    """A running hamms on free ports: ``hamms.url(name, **parameters)``, ``hamms.open(...)``, ``hamms.ledger``.

    One server in a thread of its own serves the whole session, so tests may be plain functions, asyncio's or
    trio's. Before each test it drops its connections, and empties its counters and its ledger. The marker
    ``hamms_server(seed=..., speed=..., limits=..., tls=...)`` gives a test a server with these settings. The report
    of a test that fails shows what the ledger has.
    """
    server = _hamms_servers(**_settings_of(request.node))
    server.start_afresh()
    request.node.stash[_TOLD] = server
    yield server
    server.close_doors()


@pytest.fixture
def hamms_case(request: pytest.FixtureRequest, hamms: HammsServer) -> Case:
    """A failure mode that the marker ``hamms`` selects: ``hamms_case.url``, ``hamms_case.verdict(...)``.

    The mode has a door of its own. Its pauses are as short as ``hamms_case.timeout`` allows without blurring the
    verdict.
    """
    from hamms_trio.cases import Case
    from hamms_trio.check.running.options import TIMEOUT

    _, settings = _cases_of(request.node)
    settings.pop("exclude", None)
    known: dict[str, Any] = {"timeout": TIMEOUT, "seed": 0, "can": ()} | settings
    return Case(hamms, request.param, **known)


@pytest.fixture(scope="session")
def hamms_session() -> Iterator[HammsServer]:
    """A running hamms for fixtures that live as long as the session; it is not reset between tests."""
    from hamms_trio.blocking import HammsServer

    with HammsServer(beginning_port=0) as server:
        yield server


def _cases_of(node: pytest.Item) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the suites and the settings of the marker that is nearest to the test.

    Raises:
        pytest.UsageError: there is no marker, or it has another setting.
    """
    marker = node.get_closest_marker(CASES)
    if marker is None or not marker.args or not set(marker.kwargs) <= set(CASE_SETTINGS):
        raise pytest.UsageError(
            f"hamms_case needs @pytest.mark.{CASES}(suite, ...), which takes {', '.join(CASE_SETTINGS)} by keyword"
        )
    return marker.args, dict(marker.kwargs)


def _settings_of(node: pytest.Item) -> dict[str, Any]:
    """Merge the settings of the test's markers; the one nearest to the test counts.

    Raises:
        pytest.UsageError: a marker has another setting.
    """
    settings: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if marker.args or not set(marker.kwargs) <= set(SETTINGS):
            raise pytest.UsageError(f"{MARKER} takes {', '.join(SETTINGS)}, by keyword")
        settings.update(marker.kwargs)
    return settings


def _told_by(server: HammsServer) -> str:
    """List the latest connections and requests, a line each."""
    connections, requests = server.ledger.connections(), server.ledger.requests()
    lines = [repr(record) for record in connections[-SHOWN_RECORDS:]]
    lines += [
        f"{record!r} on connection {record.connection.number}"
        + (f", ignored {', '.join(record.ignored_parameters)}" if record.ignored_parameters else "")
        + (", struck" if record.struck else "")
        for record in requests[-SHOWN_RECORDS:]
    ]
    return "\n".join(lines) or "no client has connected"


@pytest.fixture(scope="session")
def _workbench_server() -> Iterator[HammsServer]:
    from hamms_trio.blocking import HammsServer

    with HammsServer(beginning_port=0, only=("status",), workbench=True) as server:
        yield server


@pytest.fixture
def workbench(_workbench_server: HammsServer) -> BlockingWorkbench:
    """A running workbench on a free port: ``workbench.url(path)``, ``mock(...)``, ``history()``, ``verify(...)``.

    One server in a thread of its own serves the whole session. Before each test it has no mocks and no history.
    """
    workbench = _workbench_server.workbench
    workbench.start_afresh()
    return workbench
