"""The workbench's routes, and the server that serves them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from hamms_trio.certificates import ServerCertificate
from hamms_trio.files import FileTree, Root
from hamms_trio.http import ServerLimits, Service
from hamms_trio.http.accounting.access_log import LogFormat
from hamms_trio.http.accounting.metrics import add_metrics
from hamms_trio.http.resources.basics import GREETING, add_basics
from hamms_trio.http.resources.files import add_challenge, add_static
from hamms_trio.http.resources.redirect import RedirectRouter
from hamms_trio.http.routes.visitors import AllowedHosts
from hamms_trio.http.serving.running import RunningServer, open_server
from hamms_trio.http.serving.service import SERVER_NAME
from hamms_trio.net.listening.ports import open_port
from hamms_trio.workbench.accounts import Guard
from hamms_trio.workbench.bench import Bench
from hamms_trio.workbench.building import WorkbenchOptions, metrics_of, open_bench
from hamms_trio.workbench.failures import Failures, open_failures
from hamms_trio.workbench.library import Workbench
from hamms_trio.workbench.routing.page import VARYING_GREETING, add_page
from hamms_trio.workbench.routing.router import WorkbenchRouter

WORKBENCH_PORT = 8080
CHALLENGE_PORT = 4221
STATIC = Path(__file__).parent / "static"


@asynccontextmanager
async def open_workbench(
    *,
    host: str = "127.0.0.1",
    port: int = WORKBENCH_PORT,
    port_option: str = "--port",
    limits: ServerLimits | None = None,
    log_format: LogFormat = LogFormat.PLAIN,
    log_descriptor: int | None = None,
    static: str | os.PathLike[str] = STATIC,
    certificate: ServerCertificate | None = None,
    redirect_port: int | None = None,
    challenge: bool = False,
    directory: str | os.PathLike[str] | None = None,
    options: WorkbenchOptions | None = None,
    failures: Failures | None = None,
    allow_hosts: Iterable[str] = (),
    allow_targets: Iterable[str] = (),
    server_name: str = SERVER_NAME,
    expect_continue: bool = True,
) -> AsyncIterator[Workbench]:
    """Serve the workbench while the ``async with`` block runs.

    Args:
        port: 0 takes a free one.
        port_option: the option by which the user chooses the port, for the error's message.
        log_descriptor: where the access log is written; None for nowhere.
        static: the directory of /static/.
        certificate: for TLS; None for plain HTTP.
        redirect_port: the port at which plain HTTP is redirected to ``port``; None for none.
        challenge: True to serve the routes of the codecrafters.io challenge, too.
        directory: the directory of the challenge's /files/.
        options: the state file, accounts, and limits of the records; everything in memory without them.
        failures: plays the failure modes of mocks; None for modes of the workbench's own.
        server_name: the value of the Server field; "" for none.
        expect_continue: False to send no 100 (Continue), even to a client that waits for it.
        allow_hosts: names of this server in URLs, besides localhost, its addresses and ``host``.
        allow_targets: host names, addresses and networks that targets may have, besides loopback.

    Raises:
        PortUnavailable: the port can't be listened on.
        StateUnusable: the state file, or a file to import, can't be used.
        ValueError: an entry of ``allow_targets`` is neither a host name nor an address nor a network.
    """
    options = _with_allowed(options or WorkbenchOptions(), allow_hosts, allow_targets)
    guard = options.guard()
    router = _declared_router(guard, options, static, directory, challenge=challenge)
    hosts = AllowedHosts([host, *options.settings.names])
    service = Service(
        router, limits=limits, hosts=hosts, server_name=server_name, invites=expect_continue
    )
    async with (
        _open_records(service, router, guard, options, failures) as bench,
        _open_servers(
            service, host, port, port_option, redirect_port, certificate, log_format, log_descriptor
        ) as running,
    ):
        yield Workbench(running, bench)


def _with_allowed(
    options: WorkbenchOptions, hosts: Iterable[str], targets: Iterable[str]
) -> WorkbenchOptions:
    """Return the options with further names of this server, and further targets."""
    names = options.settings.names.union(hosts)
    allowed = (*options.settings.allow_targets, *targets)
    settings = replace(options.settings, names=names, allow_targets=allowed)
    return replace(options, settings=settings)


def _declared_router(
    guard: Guard,
    options: WorkbenchOptions,
    static: str | os.PathLike[str],
    directory: str | os.PathLike[str] | None,
    *,
    challenge: bool,
) -> WorkbenchRouter:
    """Return a router with the routes that need no records."""
    router = WorkbenchRouter(guard)
    if challenge:
        add_challenge(router, None if directory is None else Root(directory))
    add_basics(router, VARYING_GREETING if options.playground else GREETING)
    if options.playground:
        add_page(router)
    add_static(router, FileTree(root=Root(static), prefix="/static/"))
    return router


@asynccontextmanager
async def _open_records(
    service: Service,
    router: WorkbenchRouter,
    guard: Guard,
    options: WorkbenchOptions,
    failures: Failures | None,
) -> AsyncIterator[Bench]:
    """Open the bench, with failure modes of its own if none are given, and declare its metrics."""
    async with AsyncExitStack() as stack:
        if failures is None:
            own = open_failures(seed=options.settings.seed)
            failures = await stack.enter_async_context(own)
        opened = open_bench(service, router, guard, options, failures)
        bench = await stack.enter_async_context(opened)
        add_metrics(router, service, metrics_of(bench))
        yield bench


@asynccontextmanager
async def _open_servers(
    service: Service,
    host: str,
    port: int,
    port_option: str,
    redirect_port: int | None,
    certificate: ServerCertificate | None,
    log_format: LogFormat,
    log_descriptor: int | None,
) -> AsyncIterator[RunningServer]:
    """Serve at the port, and redirect plain HTTP to it from ``redirect_port``."""
    port, sockets = open_port(host, port, purpose="the workbench", option=port_option)
    opened = open_server(
        service,
        host,
        port,
        sockets,
        certificate=certificate,
        log_format=log_format,
        log_descriptor=log_descriptor,
    )
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(opened)
        if redirect_port is not None:
            redirect = await stack.enter_async_context(_open_redirect(host, redirect_port, port))
            running.companions["redirect"] = redirect
        yield running


@asynccontextmanager
async def _open_redirect(host: str, port: int, to_port: int) -> AsyncIterator[RunningServer]:
    service = Service(RedirectRouter(to_port, host))
    port, sockets = open_port(host, port, purpose="the redirect to https://", option="--port")
    async with open_server(service, host, port, sockets) as running:
        yield running
