"""``hamms-trio``: the command line."""

from __future__ import annotations

import os

import click

from hamms_trio.cli.certs import certs
from hamms_trio.cli.decisions import decisions
from hamms_trio.cli.files import files
from hamms_trio.cli.hosts import hosts
from hamms_trio.cli.lazy import LazyCommand
from hamms_trio.cli.modes import modes
from hamms_trio.cli.one import one
from hamms_trio.cli.serve import serve
from hamms_trio.cli.workbench import workbench
from hamms_trio.version import VERSION
from netsplode.usage import Commands

_STANDARD_ERROR = 2


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="hamms-trio")
def main() -> None:
    """Run the resilience lab for HTTP clients: listeners that each misbehave in one exact way."""
    _fill_standard_descriptors()


def _fill_standard_descriptors() -> None:
    """Open descriptors 0, 1 and 2 if they are closed, or a socket would receive the lines meant for them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)


main.add_command(serve)
main.add_command(one)
main.add_command(workbench)
main.add_command(files)
main.add_command(modes)
main.add_command(hosts)
main.add_command(decisions)
main.add_command(certs)
main.add_command(
    LazyCommand("check", "hamms_trio.cli.check", "Tell an HTTP client what it gets wrong.")
)
main.add_command(LazyCommand("load", "hamms_trio.cli.load", "Put a server of your own under load."))
main.add_command(
    LazyCommand("mock", "hamms_trio.cli.mock", "Define answers of a running workbench.")
)
main.add_command(
    LazyCommand("history", "hamms_trio.cli.history", "Show what a running workbench answered.")
)
main.add_command(LazyCommand("events", "hamms_trio.cli.events", "Watch a running workbench."))
main.add_command(
    LazyCommand("verify", "hamms_trio.cli.verify", "Check which requests reached a workbench.")
)
main.add_command(
    LazyCommand(
        "import", "hamms_trio.cli.state", "Import JSON state files.", attribute="import_files"
    )
)
main.add_command(
    LazyCommand("report", "hamms_trio.cli.report", "Put reports of checks side by side.")
)
main.add_command(LazyCommand("export", "hamms_trio.cli.state", "Export the state file as JSON."))
