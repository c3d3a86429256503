"""One server alone in a process, from its start to the signal that ends it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, TypedDict

import click

from hamms_trio.cli.options import RunningOptions, TlsOptions
from hamms_trio.line_writer import STDERR
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.certificates import ServerCertificate
    from hamms_trio.cli.running.signals import Signals
    from hamms_trio.http.accounting.access_log import LogFormat
    from hamms_trio.http.serving.running import RunningServer

logger = logging.getLogger(__name__)


class AccessLogChoice(TypedDict):
    """A server's keyword arguments for the access log."""

    log_format: LogFormat
    log_descriptor: int | None


def configure_logs(running: RunningOptions) -> AccessLogChoice:
    """Send the log to standard error, and the access log too unless it is switched off."""
    from hamms_trio.cli.running.log import configure_logging
    from hamms_trio.http.accounting.access_log import LogFormat

    configure_logging(running.log_format, verbose=running.verbose)
    return {
        "log_format": LogFormat(running.log_format),
        "log_descriptor": STDERR if running.access_log else None,
    }


def serve_alone(
    signals: Signals,
    opened: AbstractAsyncContextManager[RunningServer],
    title: str,
    *,
    key: str,
    running: RunningOptions,
) -> None:
    """Serve until a signal comes, then drain the server.

    Args:
        signals: the process's signals.
        opened: the server.
        title: the server's name in the printed line.
        key: the server's name in the ready file.
        running: the user's options.

    Raises:
        Refused: the port is taken, or the ready file or standard output can't be written.
    """
    import trio

    from hamms_trio.cli.running.process import (
        collect_garbage_rarely,
        kept_ready_file,
        raise_descriptor_limit,
        switch_threads_often,
    )
    from hamms_trio.errors import PortUnavailable, StateUnusable

    async def main() -> None:
        async with signals.watched() as signalled, opened as server:
            signals.on_hangup(partial(_reload_soon, server))
            collect_garbage_rarely()
            switch_threads_often()
            _announce(server, title, key, running.ready_file)
            await signalled.wait()
            logger.info("signal_received signal=%s action=drain_and_stop", signals.first)
            await server.drain(running.drain_timeout)

    raise_descriptor_limit()
    try:
        with kept_ready_file(running.ready_file):
            trio.run(main)
    except (PortUnavailable, StateUnusable) as error:
        raise Refused(str(error)) from None


def _announce(server: RunningServer, title: str, key: str, ready_file: Path | None) -> None:
    from hamms_trio.cli.running.process import announcing, write_ready_file

    with announcing():
        if ready_file is not None:
            servers = {key: server, **server.companions}
            addresses = {name: {"port": s.port, "url": s.url} for name, s in servers.items()}
            write_ready_file(ready_file, addresses)
        click.echo(f"{title} is ready on {server.url}")
        for name, companion in server.companions.items():
            click.echo(f"{name} is ready on {companion.url}")


@contextmanager
def certificate_of(tls: TlsOptions) -> Iterator[ServerCertificate | None]:
    """Load the user's certificate, or make one and print its authority; yield None without TLS.

    Raises:
        Refused: the certificate is unusable.
    """
    if not tls.enable_tls:
        yield None
        return
    from hamms_trio.certificates import ServerCertificate
    from hamms_trio.errors import CertificateUnusable
    from hamms_trio.pki.folder import throwaway_certificates

    cert_file, key_file = tls.cert_file, tls.key_file
    with ExitStack() as stack:
        try:
            if cert_file is None:
                made = stack.enter_context(throwaway_certificates())
                cert_file, key_file = made.certificate, made.key
                authority = quote(str(made.authority))
                click.echo(f"certificate made on the fly: curl --cacert {authority} ...")
            certificate = ServerCertificate(cert_file, key_file)
        except CertificateUnusable as error:
            raise Refused(str(error)) from None
        yield certificate


def _reload_soon(server: RunningServer) -> None:
    """Start a task that reloads the certificate; the loop's thread calls this."""
    import trio

    trio.lowlevel.spawn_system_task(_reload, server)


async def _reload(server: RunningServer) -> None:
    from hamms_trio.errors import CertificateUnusable

    try:
        await server.reload()
    except CertificateUnusable as error:
        logger.error("the previous certificate stays in use: %s", error)
    else:
        logger.info("signal_received signal=SIGHUP action=reload")
