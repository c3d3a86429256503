"""``hamms-trio check``: the options, the run, and the reports that it writes."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli import options as shared
from hamms_trio.cli.options import STANDARD_OUTPUT, NamedPath
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.check.baseline import Baseline, Comparison
    from hamms_trio.check.client import Tested
    from hamms_trio.check.report import CheckReport
    from hamms_trio.check.running.options import Options
    from hamms_trio.modes.catalogue import ModeSource

logger = logging.getLogger(__name__)

CHECK_FAILED, INTERNAL_ERROR, INTERRUPTED = 1, 3, 130
_META = "stderr-prefix="
_FAIL_ON = ("crash", "silent", "fail", "warn", "regression")
_SHAPES = ("chat", "responses", "messages", "plain", "ndjson", "mcp", "grpcweb")


@click.command(
    short_help="Grade how an HTTP client reacts to the failure modes.",
    # Options behind the first word of COMMAND are the client's, also without "--".
    context_settings={"allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="NAME[=PLACE]",
    help="A client that has an adapter, such as curl, requests or node-fetch (docs/clients.md lists all); "
    "may be repeated.",
)
@click.option(
    "--suite",
    "-s",
    "suites",
    multiple=True,
    metavar="SUITE",
    help="core (the default), full, streams, tls, a family, a slug, or a word within slugs; may be repeated.",
)
@click.option(
    "--exclude",
    "excluded",
    multiple=True,
    metavar="SUITE",
    help="Leave these out; may be repeated.",
)
@click.option(
    "--timeout",
    default=1.0,
    show_default=True,
    help="The client's timeout in seconds, {timeout} in the command.",
)
@click.option(
    "--cap",
    default=0.0,
    help="Seconds before a client is stopped; by default the shortest time that separates the verdicts.",
)
@click.option("--jobs", "-j", default=16, show_default=True, help="Modes at once.")
@click.option(
    "--repeat",
    default=1,
    show_default=True,
    help="Number of runs of each mode; a verdict that varies is FLAKY.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--door",
    type=click.Choice(["port", "path", "sni"]),
    default="port",
    show_default=True,
    help="Place of each mode: a port of its own, a path at one port, or a name at one port of TLS.",
)
@click.option(
    "--driver",
    type=click.Choice(["command", "lines"]),
    default="command",
    show_default=True,
    help="lines: the command reads requests and writes outcomes, in JSON lines.",
)
@click.option(
    "--shape",
    type=click.Choice(_SHAPES),
    help="The client reads event streams of this shape, and prints their text.",
)
@click.option(
    "--can",
    multiple=True,
    metavar="WORD",
    help="An ability of the client that no probe finds, such as json or resume; may be repeated.",
)
@click.option(
    "--meta",
    default=f"{_META}HAMMS:",
    show_default=True,
    metavar="stderr-prefix=TEXT",
    help="Prefix of a line of JSON on standard error with more facts.",
)
@click.option("--name", default="", help="The client's name in the report.")
@click.option(
    "--version-cmd",
    default="",
    metavar="COMMAND",
    help="Command whose first line of output is the client's version.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="term, json=FILE, junit=FILE, md=FILE, html=FILE or badge=FILE; may be repeated. "
    "{client} in FILE is the client's name.",
)
@click.option(
    "--baseline",
    type=NamedPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Known findings, which do not fail the run. {client} in FILE is the client's name.",
)
@click.option(
    "--update-baseline", is_flag=True, help="Write the findings of this run to the baseline."
)
@click.option(
    "--fail-on",
    type=click.Choice(_FAIL_ON),
    default="fail",
    show_default=True,
    help="The mildest verdict that fails the run.",
)
@click.option(
    "--list", "lists", is_flag=True, help="List the modes of the suite, and what each needs."
)
@click.option("--dry-run", is_flag=True, help="Print the plan of the run, and run nothing.")
@shared.MODES_FROM
def check(command: tuple[str, ...], clients: tuple[str, ...], **given: object) -> None:
    """Run an HTTP client through the catalogue of failure modes, and report what it gets wrong.

    COMMAND sends one request to {url}, such as: hamms-trio check -- curl -sSf --max-time {timeout} {url}
    """
    from hamms_trio.errors import CheckInterrupted, HammsError

    try:
        with _sigterm_as_sigint():
            code = _check(command, clients, given)
    except CheckInterrupted as error:
        click.echo(f"hamms-trio: {error}", err=True)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except HammsError as error:
        raise Refused(str(error)) from None
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):  # click ends for them
        raise
    except Exception:  # the edge of the command: a fault of ours has an exit code of its own
        logger.exception("the check failed")
        sys.exit(INTERNAL_ERROR)
    sys.exit(code)


@contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    """Have SIGTERM undo what has begun outside the run, such as the build of a driver, as SIGINT does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check(command: tuple[str, ...], clients: tuple[str, ...], given: dict[str, object]) -> int:
    from hamms_trio.modes.catalogue import modes_of_module

    options = _options(given)
    modes = tuple(modes_of_module(name) for name in given["modes_from"])  # type: ignore[attr-defined] # a tuple
    if given["lists"] or given["dry_run"]:
        from hamms_trio.cli.check.listing import show_plan

        show_plan(options, modes, with_calls=bool(given["dry_run"]))
        return 0
    if given["update_baseline"] and given["baseline"] is None:
        raise Refused("--update-baseline needs --baseline FILE")
    if given["update_baseline"]:
        file = Path(str(given["baseline"])).absolute()
        _check_writable(f"--baseline {given['baseline']}", file)
    if bool(command) == bool(clients):
        raise Refused("give either a command after --, or --client NAME")
    _check_reports(given["reports"])  # type: ignore[arg-type] # a tuple
    worst = 0
    for name in clients or ("",):
        worst = max(worst, _check_one(name, command, options, modes, given))
        if worst == INTERRUPTED:
            break
    return worst


def _check_one(
    name: str,
    command: tuple[str, ...],
    options: Options,
    modes: tuple[ModeSource, ...],
    given: dict[str, object],
) -> int:
    """Check one client, write its reports, and return the exit code."""
    import trio

    from hamms_trio.check.adapters import ClientMissing
    from hamms_trio.check.baseline import FailOn, offenders, read_baseline
    from hamms_trio.cli.check.progress import checked, progress_line
    from hamms_trio.cli.running.process import raise_descriptor_limit

    raise_descriptor_limit()
    try:
        with _tested(name, command, given) as tested, progress_line(tested.name) as on_progress:
            # A wrong baseline is found before the run, which takes a while.
            if given["baseline"] is not None:
                read_baseline(_file_of(str(given["baseline"]), tested.name))
            report = trio.run(partial(checked, tested, options, modes, on_progress))
    except ClientMissing as missing:
        click.echo(f"hamms-trio: skipped {name}: {missing}", err=True)
        return 0
    comparison = _compared(report, given)
    _write_reports(report, comparison, given["reports"])  # type: ignore[arg-type] # a tuple
    if not report.summary.complete:
        return INTERRUPTED
    return CHECK_FAILED if offenders(report, FailOn(given["fail_on"]), comparison) else 0


def _options(given: dict[str, object]) -> Options:
    from hamms_trio.check.running.options import Options

    meta = str(given["meta"])
    if not meta.startswith(_META):
        raise Refused(f"--meta {meta}: give {_META}TEXT")
    same = ("excluded", "timeout", "cap", "jobs", "repeat", "seed", "door", "can")
    return Options(
        suites=given["suites"] or ("core",),  # type: ignore[arg-type] # a tuple
        meta=meta.removeprefix(_META),
        **{name: given[name] for name in same},  # type: ignore[arg-type] # click has checked their types
    )


@contextmanager
def _tested(name: str, command: tuple[str, ...], given: dict[str, object]) -> Iterator[Tested]:
    from hamms_trio.check.adapters import prepared
    from hamms_trio.check.client import Command, Lines

    if name:
        with prepared(name) as tested:
            yield tested
        return
    kind = Lines if given["driver"] == "lines" else Command
    yield kind(
        argv=command,
        name=str(given["name"]) or Path(command[0]).name,
        version=_version(str(given["version_cmd"])),
        shape=str(given["shape"] or ""),
    )


def _version(command: str) -> str:
    """Return the first line that a command prints; "" without one."""
    if not command:
        return ""
    import subprocess

    from hamms_trio.errors import reason_of

    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Refused(f"--version-cmd {command}: {reason_of(error)}") from None
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def _compared(report: CheckReport, given: dict[str, object]) -> Comparison | None:
    from hamms_trio.check.baseline import compare, read_baseline, updated, write_baseline

    if given["baseline"] is None:
        return None
    file = _file_of(str(given["baseline"]), report.client.name)
    baseline: Baseline = read_baseline(file)
    if given["update_baseline"] and report.summary.complete:
        baseline = updated(baseline, report)
        write_baseline(file, baseline)
    return compare(report, baseline)


def _file_of(name: str, client: str) -> Path:
    """Return the path with the client's name in its place."""
    return Path(name.replace("{client}", client))


def _check_reports(reports: tuple[str, ...]) -> None:
    """Refuse a format or a file that can't be used before the run, which takes a while."""
    from hamms_trio.check.reports import FORMATS

    for each in reports:
        name, _, file = each.partition("=")
        if name not in (*FORMATS, "term"):
            raise Refused(f"--report {each}: give one of term, {', '.join(FORMATS)}")
        if name != "term" and not file:
            raise Refused(f"--report {each}: give {name}=FILE, or {name}=- for the standard output")
        if file and file != STANDARD_OUTPUT:
            _check_writable(f"--report {each}", Path(file).absolute())


def _check_writable(option: str, file: Path) -> None:
    if "{client}" in str(file.parent):  # the client's name is not known yet
        return
    if not file.parent.is_dir():
        raise Refused(f"{option}: the directory is missing")
    if file.is_dir():
        raise Refused(f"{option}: this is a directory; name a file")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise Refused(f"{option}: this file may not be written")


def _write_reports(
    report: CheckReport, comparison: Comparison | None, reports: tuple[str, ...]
) -> None:
    from hamms_trio.check.reports import render
    from hamms_trio.cli.check.terminal import show

    for each in reports or ("term",):
        name, _, file = each.partition("=")
        if name == "term":
            show(report, comparison)
            continue
        text = render(name, report, comparison)
        if file == STANDARD_OUTPUT:
            click.echo(text, nl=not text.endswith("\n"))
            continue
        path = _file_of(file, report.client.name)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Refused(f"can't write {path}: {error.strerror}") from None
