"""The check of a client: a server, the client and the grading are put together here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio

from hamms_trio.app import catalogue_with, open_hamms
from hamms_trio.check.client import PythonCallable, Tested
from hamms_trio.check.plan.suites import chosen
from hamms_trio.check.report import CheckReport
from hamms_trio.check.running.cells import Trust
from hamms_trio.check.running.options import OnProgress, Options, no_progress
from hamms_trio.check.running.run import Run
from hamms_trio.errors import CheckInterrupted
from hamms_trio.lab.secure.twins import SNI
from hamms_trio.modes.catalogue import ModeSource
from hamms_trio.net.nursery import ungrouped

FILE_TEXT = b"hamms: this file belongs to the client's machine.\n"


async def run_check(
    tested: Tested,
    options: Options | None = None,
    *,
    modes: tuple[ModeSource, ...] = (),
    on_progress: OnProgress = no_progress,
    interruption: trio.CancelScope | None = None,
) -> CheckReport:
    """Check a client, and return the report.

    Args:
        modes: the caller's own failure modes, beside the built-in ones.
        on_progress: called as each cell begins and ends.
        interruption: once this scope is cancelled, the report has the cells that were finished before.

    Raises:
        ClientUnusable: the client can't be run, or fails against a healthy server.
        UnknownMode: a suite does not exist.
        CheckInterrupted: it was cancelled before anything was found.
    """
    options = options or Options()
    scope = interruption or trio.CancelScope()
    speaks_tls = _speaks_tls(options, modes)
    with TemporaryDirectory(prefix="hamms-check-") as folder:
        file = Path(folder, "canary.txt")
        file.write_bytes(FILE_TEXT)  # noqa: ASYNC240 # a few octets, before anything runs
        with ungrouped():
            async with open_hamms(
                beginning_port=0,
                seed=options.seed,
                modes=modes,
                canary_file=file,
                ca_dir=Path(folder, "ca") if speaks_tls else None,
            ) as hamms:
                run = Run(
                    hamms,
                    tested,
                    options,
                    hamms.doors.catalogue,
                    on_progress,
                    FILE_TEXT.strip(),
                    _trust(Path(folder, "ca")) if speaks_tls else Trust(),
                )
                with scope, ungrouped():
                    return await run.run()
                if run.subject is None:
                    raise CheckInterrupted("the check was interrupted before it had found anything")
                return run.report(complete=False)


def _speaks_tls(options: Options, modes: tuple[ModeSource, ...]) -> bool:
    """Return True if a client needs the root of the lab's authority, whose making takes a moment."""
    planned = chosen(catalogue_with(modes), options.suites, options.excluded)
    return options.door == SNI or any(mode.speaks_tls for mode in planned.values())


def _trust(folder: Path) -> Trust:
    """Write the root's truststore beside it, and return how clients trust it."""
    from hamms_trio.pki.trust import truststore, variables

    pem, store = folder / "ca.pem", folder / "ca.p12"
    store.write_bytes(truststore(pem.read_bytes()))
    return Trust(str(pem), variables(pem, store))


def check_client(
    client: Callable[..., Any], *suites: str, name: str = "", **options: Any
) -> CheckReport:
    """Check a Python function, or coroutine function, that sends one request to the URL it is given.

    The function returns the body, or a response with ``content``, ``body`` or ``read()``, and raises an exception
    if the call failed. It may take ``timeout``, ``method``, ``headers`` and ``body`` by keyword.

    Args:
        suites: ``core`` unless given.
        name: for the report; the function's own by default.
        options: those of `hamms_trio.check.running.options.Options`.

    Raises:
        ClientUnusable: the client fails against a healthy server.
    """
    called = name or getattr(client, "__qualname__", type(client).__qualname__)
    chosen = Options(suites=suites or ("core",), **options)
    return trio.run(partial(run_check, PythonCallable(call=client, name=called), chosen))
