"""Running one server alone, from its start to the signal that ends it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hamms_trio.certificates import ServerCertificate
    from hamms_trio.cli.signals import Signals
    from hamms_trio.server.running import RunningServer

logger = logging.getLogger(__name__)

STDERR = 2


def serve_alone(
    signals: Signals,
    opened: AbstractAsyncContextManager[RunningServer],
    what: str,
    *,
    key: str,
    drain_timeout: float,
    ready_file: Path | None,
) -> None:
    """Serve until a signal comes, drain, and end the process if something was wrong.

    Args:
        what: as the server is called where it says that it is ready.
        key: under which its ready file tells the port.
    """
    import trio

    from hamms_trio.cli.process import (
        collect_garbage_rarely,
        raise_descriptor_limit,
        write_ready_file,
    )
    from hamms_trio.errors import PortUnavailable

    async def main() -> str | None:
        async with signals.heeded() as signalled, opened as running:
            signals.on_hangup(partial(_reload, running))
            collect_garbage_rarely()
            try:
                if ready_file is not None:
                    servers = {key: running, **running.companions}
                    where = {name: {"port": s.port, "url": s.url} for name, s in servers.items()}
                    write_ready_file(ready_file, where)
                if sys.stdout is not None:
                    click.echo(f"{what} is ready on {running.url}")
                    for name, companion in running.companions.items():
                        click.echo(f"{name} is ready on {companion.url}")
            except OSError as error:
                return f"can't write {error.filename or 'to standard output'}: {error.strerror}"
            await signalled.wait()
            logger.info("signal_received signal=%s action=drain_and_stop", signals.came)
            await running.drain(drain_timeout)
        return None

    raise_descriptor_limit()
    try:
        problem = trio.run(main)
    except PortUnavailable as error:
        problem = str(error)
    if problem:
        click.echo(f"hamms-trio: {problem}", err=True)
        sys.exit(2)


@contextmanager
def certificate_of(cert_file: Path | None, key_file: Path | None) -> Iterator[ServerCertificate]:
    """What the user gave, or one made on the fly, of which they are told; ends the process if it is unusable."""
    from hamms_trio.certificates import ServerCertificate, throwaway_certificates
    from hamms_trio.errors import CertificateUnusable

    with ExitStack() as stack:
        try:
            if cert_file is None:
                made = stack.enter_context(throwaway_certificates())
                cert_file, key_file = made.certificate, made.key
                click.echo(f"certificate made on the fly: curl --cacert {made.authority} ...")
            certificate = ServerCertificate(cert_file, key_file)
        except CertificateUnusable as error:
            click.echo(f"hamms-trio: {error}", err=True)
            sys.exit(2)
        yield certificate


def _reload(running: RunningServer) -> None:
    from hamms_trio.errors import CertificateUnusable

    try:
        running.reload()
    except CertificateUnusable as error:
        logger.error("the certificate stays as it was: %s", error)
    else:
        logger.info("signal_received signal=SIGHUP action=reload")
