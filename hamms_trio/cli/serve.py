"""``hamms-trio serve``: every failure mode on its port, until a signal."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hamms_trio.app import Hamms


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address or name to listen on; a name's every address. 0.0.0.0 or :: for all.",
)
@click.option(
    "--beginning-port",
    default=5500,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Each mode listens on this plus its offset; 0 takes free ports.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="SLUG",
    help="Serve this failure mode only; more of them may follow.",
)
@click.argument("more", nargs=-1, metavar="[SLUG]...")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    help="How many seconds pass for a failure mode in one real second.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help='Write {slug: {"port", "url"}} here once every port accepts.',
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="How log lines on standard error look.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every connection and request.")
def serve(
    host: str,
    beginning_port: int,
    only: tuple[str, ...],
    more: tuple[str, ...],
    seed: int,
    speed: float,
    ready_file: Path | None,
    log_format: str,
    verbose: bool,
) -> None:
    """Serve every failure mode on its own port until interrupted (SIGINT or SIGTERM)."""
    if more and not only:
        raise click.UsageError(f"unexpected {more[0]!r}: name failure modes after --only")

    signals = Signals()  # before the imports, which take most of the start
    import trio

    from hamms_trio.app import open_hamms
    from hamms_trio.cli.descriptors import raise_descriptor_limit
    from hamms_trio.cli.log import configure_logging
    from hamms_trio.errors import PortUnavailable, UnknownMode

    async def main() -> str | None:
        async with (
            signals.heeded(),
            open_hamms(
                host=host,
                beginning_port=beginning_port,
                only=only + more,
                seed=seed,
                speed=speed,
            ) as hamms,
        ):
            _collect_garbage_rarely()
            try:
                if ready_file is not None:
                    _write_ready_file(ready_file, hamms)
                _print_table(hamms)
            except OSError as error:
                return f"can't write {error.filename or 'to standard output'}: {error.strerror}"
            await trio.sleep_forever()
        return None

    configure_logging(log_format, verbose=verbose)
    raise_descriptor_limit()
    try:
        problem = trio.run(main)
    except (PortUnavailable, UnknownMode, ValueError) as error:
        problem = str(error)
    if problem:
        click.echo(f"hamms-trio: {problem}", err=True)
        sys.exit(2)


class Signals:
    """SIGINT and SIGTERM from now on end the server in good order, however many there come."""

    def __init__(self) -> None:
        self._came = False
        self._end: Callable[[], None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    @asynccontextmanager
    async def heeded(self) -> AsyncIterator[None]:
        """Cancel the block when a signal comes, or at once if one has come already."""
        import trio

        token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:
            self._end = partial(token.run_sync_soon, scope.cancel, idempotent=True)
            if self._came:
                scope.cancel()
            yield

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._came = True
        if self._end is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._end()


def _collect_garbage_rarely() -> None:
    """A connection leaves no cycles behind, and with ten thousand of them a full collection takes long."""
    gc.freeze()
    gc.set_threshold(10_000, 50, 1_000)


def _write_ready_file(path: Path, hamms: Hamms) -> None:
    """Whoever sees the file sees the whole of it."""
    content = {slug: {"port": port, "url": hamms.url(slug)} for slug, port in hamms.ports.items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def _print_table(hamms: Hamms) -> None:
    from hamms_trio.modes import CATALOGUE

    if sys.stdout is None:  # closed by whoever started us
        return
    rows = [(str(port), slug, CATALOGUE[slug].summary) for slug, port in hamms.ports.items()]
    if sys.stdout.isatty():
        _print_rich(rows)
        return
    width = max(len(slug) for _, slug, _ in rows)
    lines = [f"{port:>5}  {slug:{width}}  {what}" for port, slug, what in _HEADER + rows]
    click.echo("\n".join(lines))


_HEADER = [("port", "mode", "what it does")]


def _print_rich(rows: list[tuple[str, str, str]]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, title="hamms-trio is ready; Ctrl-C ends it")
    table.add_column("port", justify="right", style="bold cyan")
    table.add_column("mode", style="bold", no_wrap=True)
    table.add_column("what it does")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
