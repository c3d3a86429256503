"""Running one server alone, from its start to the signal that ends it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, TypedDict

import click

from hamms_trio.cli.options import Running, Tls
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.certificates import ServerCertificate
    from hamms_trio.cli.signals import Signals
    from hamms_trio.http.serving.running import RunningServer
    from hamms_trio.http.telling.access_log import LogFormat

logger = logging.getLogger(__name__)

STDERR = 2


class AccessLogChoice(TypedDict):
    """What a server is told of its access log."""

    log_format: LogFormat
    log_descriptor: int | None


def configure_logs(running: Running) -> AccessLogChoice:
    """Send the log to standard error; the access log as well, if it is wanted."""
    from hamms_trio.cli.log import configure_logging
    from hamms_trio.http.telling.access_log import LogFormat

    configure_logging(running.log_format, verbose=running.verbose)
    return {
        "log_format": LogFormat(running.log_format),
        "log_descriptor": STDERR if running.access_log else None,
    }


def serve_alone(
    signals: Signals,
    opened: AbstractAsyncContextManager[RunningServer],
    what: str,
    *,
    key: str,
    running: Running,
) -> None:
    """Serve until a signal comes, drain, and end the process if something was wrong.

    Args:
        what: as the server is called where it says that it is ready.
        key: under which its ready file tells the port.

    Raises:
        Refused: it can't be served, or not be told where.
    """
    import trio

    from hamms_trio.cli.process import collect_garbage_rarely, raise_descriptor_limit
    from hamms_trio.errors import PortUnavailable

    async def main() -> None:
        async with signals.heeded() as signalled, opened as server:
            signals.on_hangup(partial(_reload, server))
            collect_garbage_rarely()
            _tell_where(server, what, key, running.ready_file)
            await signalled.wait()
            logger.info("signal_received signal=%s action=drain_and_stop", signals.came)
            await server.drain(running.drain_timeout)

    raise_descriptor_limit()
    try:
        trio.run(main)
    except PortUnavailable as error:
        raise Refused(str(error)) from None


def _tell_where(server: RunningServer, what: str, key: str, ready_file: Path | None) -> None:
    from hamms_trio.cli.process import told, write_ready_file

    with told():
        if ready_file is not None:
            servers = {key: server, **server.companions}
            where = {name: {"port": s.port, "url": s.url} for name, s in servers.items()}
            write_ready_file(ready_file, where)
        click.echo(f"{what} is ready on {server.url}")
        for name, companion in server.companions.items():
            click.echo(f"{name} is ready on {companion.url}")


@contextmanager
def certificate_of(tls: Tls) -> Iterator[ServerCertificate | None]:
    """What the user gave, or one made on the fly, of which they are told; None without TLS.

    Raises:
        Refused: it is unusable.
    """
    if not tls.enable_tls:
        yield None
        return
    from hamms_trio.certificates import ServerCertificate, throwaway_certificates
    from hamms_trio.errors import CertificateUnusable

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


def _reload(server: RunningServer) -> None:
    from hamms_trio.errors import CertificateUnusable

    try:
        server.reload()
    except CertificateUnusable as error:
        logger.error("the certificate stays as it was: %s", error)
    else:
        logger.info("signal_received signal=SIGHUP action=reload")
