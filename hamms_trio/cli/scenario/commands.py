"""The commands beneath ``hamms-trio scenario``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from hamms_trio.cli import options
from hamms_trio.cli.remote import FAILED, REMOTE, AnswerRefused, Remote, WorkbenchUnreachable
from hamms_trio.cli.scenario.proxying import proxy
from netsplode.usage import Commands, Refused

if TYPE_CHECKING:
    from hamms_trio.workbench.scenarios import Report

RUN_FAILED = 3  # the exit code
SEED = 1337
SEED_RANGE = click.IntRange(-(2**63), 2**63 - 1)
JUNIT = click.option(
    "--junit", type=options.FILE, help="Write the report as JUnit XML to this file."
)
VARIABLES = click.option(
    "--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable; may be repeated."
)
TAGS = click.option("--tag", "tags", multiple=True, help="Run only steps with this tag.")


@click.group(cls=Commands, short_help="Run scenarios, here or in a workbench.")
def scenario() -> None:
    """Run scenarios, list those of a running workbench, and watch them.

    Exit code 0 if a run passes, 3 if it fails.
    """


@scenario.command("run")
@click.argument("file", type=options.FILE)
@click.option(
    "--base-url",
    envvar="HAMMS_SERVER",
    show_envvar=True,
    show_default="https://127.0.0.1:8443 if something listens there, else http://127.0.0.1:8080",
    help="The server of local steps.",
)
@click.option("--seed", default=SEED, show_default=True, type=SEED_RANGE, help="Seed of chaos.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--max-steps",
    default=50,
    show_default=True,
    type=click.IntRange(1),
    help="Steps of the scenario.",
)
@click.option(
    "--max-assertions",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Limit of assertions in a step.",
)
@click.option(
    "--token",
    default="",
    envvar="HAMMS_TOKEN",
    show_envvar=True,
    help="Bearer token of the caller.",
)
@click.option("--live", is_flag=True, help="Print each step as it begins and ends.")
@click.option(
    "--insecure", is_flag=True, help="Trust any certificate; loopback addresses need none."
)
@JUNIT
@VARIABLES
@TAGS
@click.pass_context
def run(
    context: click.Context,
    file: Path,
    base_url: str | None,
    seed: int,
    as_json: bool,
    max_steps: int,
    max_assertions: int,
    token: str,
    live: bool,
    insecure: bool,
    junit: Path | None,
    variables: tuple[str, ...],
    tags: tuple[str, ...],
) -> None:
    """Run the scenario in FILE from here, step by step over HTTP.

    Exit code 0 if it passes, 3 if it fails, 1 if FILE is missing, 2 if the scenario is invalid.
    """
    from hamms_trio.cli.scenario.running import default_base_url, run_file

    report = run_file(
        file,
        base_url or default_base_url(),
        seed=seed,
        max_steps=max_steps,
        max_assertions=max_assertions,
        token=token,
        live=live,
        insecure=insecure,
        variables=dict(map(_variable, variables)),
        tags=tags,
    )
    _show(report, as_json=as_json, junit=junit)
    context.exit(0 if report.passed else RUN_FAILED)


@scenario.command("list")
@click.option("--tag", help="Only scenarios with this tag.")
@REMOTE
def list_scenarios(tag: str | None, remote: Remote) -> None:
    """List the scenarios of a running workbench."""
    with _failing_with_1():
        document = remote.ask("GET", "/api/scenarios", None, tag=tag)
    lines = [
        f"{one['id']}\t{one['name']}\tsteps={len(one['steps'])}" for one in document["scenarios"]
    ]
    remote.show(document, "\n".join(lines))


@scenario.command("run-remote")
@click.argument("id")
@click.option("--seed", type=SEED_RANGE, help="Seed of chaos; by default the workbench's own.")
@JUNIT
@VARIABLES
@TAGS
@REMOTE
@click.pass_context
def run_remote(
    context: click.Context,
    id: str,
    seed: int | None,
    junit: Path | None,
    variables: tuple[str, ...],
    tags: tuple[str, ...],
    remote: Remote,
) -> None:
    """Run the scenario ID in a running workbench.

    Exit code 0 if it passes, 3 if it fails, 1 if the workbench refuses or can't be reached.
    """
    import msgspec

    from hamms_trio.workbench.scenarios import Report

    order: dict[str, object] = {} if seed is None else {"seed": seed}
    if variables:
        order["variables"] = dict(map(_variable, variables))
    if tags:
        order["tags"] = list(tags)
    with _failing_with_1():
        document = remote.ask("POST", f"/api/scenarios/{quote(id, safe='')}/run", order)
    report = msgspec.convert(document["run"], Report)
    _show(report, as_json=remote.json, junit=junit)
    context.exit(0 if report.passed else RUN_FAILED)


@scenario.command("live")
@click.option(
    "--refresh-ms", default=100, show_default=True, help="Milliseconds between two updates."
)
@click.option("--failed-only", is_flag=True, help="Start with failures only.")
@click.option("--no-color", is_flag=True, help="Use no colours.")
@REMOTE
@click.pass_context
def live(
    context: click.Context, refresh_ms: int, failed_only: bool, no_color: bool, remote: Remote
) -> None:
    """Watch a running workbench: requests, scenarios, and calls of targets.

    Keys: q quits, f shows failures only, r begins at the oldest event, c clears. Without a terminal, or with
    --json, each event is one line.
    """
    if refresh_ms <= 0:
        click.echo(f"--refresh-ms {refresh_ms} is no interval: give at least 1", err=True)
        context.exit(FAILED)
    from hamms_trio.cli.scenario.watching import watch

    with _failing_with_1():
        watch(remote, refresh=refresh_ms / 1000, failed_only=failed_only, no_color=no_color)


def _show(report: Report, *, as_json: bool, junit: Path | None) -> None:
    from hamms_trio.cli.scenario.text import report_text
    from hamms_trio.workbench.scenarios import junit_xml
    from hamms_trio.workbench.scenarios.reports import written

    if junit is not None:
        try:
            junit.write_bytes(junit_xml(report))
        except OSError as error:
            raise Refused(f"--junit {junit} can't be written: {error.strerror}") from None
    click.echo(written(report, indent=2).decode() if as_json else report_text(report))


def _variable(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise Refused(f"--var {text!r} has no '=': give NAME=VALUE")
    return name, value


@contextmanager
def _failing_with_1() -> Iterator[None]:
    """End with exit code 1 if no workbench answers, which scripts rely on."""
    try:
        yield
    except WorkbenchUnreachable as error:
        raise AnswerRefused(error.message) from None


scenario.add_command(proxy)
