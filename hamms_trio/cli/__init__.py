"""``hamms-trio``: the command line."""

from __future__ import annotations

import os

import click

from hamms_trio.cli.lazy import LazyCommand
from hamms_trio.cli.serve import serve
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
for _name, _summary in {
    "one": "Serve one failure mode at one port, and print the port.",
    "workbench": "Serve the workbench, the well-behaved server.",
    "files": "Serve the files of a directory.",
    "modes": "List the failure modes, or describe one.",
    "hosts": "Print lines for /etc/hosts, a name for each failure mode.",
    "decisions": "Print the requests that a failure mode strikes.",
    "certs": "Show how clients trust the authority, or make a certificate.",
    "check": "Grade how an HTTP client reacts to the failure modes.",
    "load": "Measure a server of your own under load.",
    "scenario": "Run scenarios, here or in a workbench.",
    "mock": "Define answers of a running workbench.",
    "target": "Put real services behind a running workbench.",
    "incident": "Strike requests to a running workbench.",
    "history": "Show what a running workbench answered.",
    "events": "Watch a running workbench.",
    "verify": "Check which requests reached a workbench.",
    "report": "Merge reports of checks into one matrix.",
}.items():
    main.add_command(LazyCommand(_name, f"hamms_trio.cli.{_name}", _summary))
main.add_command(
    LazyCommand(
        "import", "hamms_trio.cli.state", "Import JSON state files.", attribute="import_files"
    )
)
main.add_command(LazyCommand("export", "hamms_trio.cli.state", "Export the state file as JSON."))
