"""``hamms-trio mock``: the mocks of a running workbench."""

from __future__ import annotations

import json
from typing import IO, Any
from urllib.parse import quote

import click

from hamms_trio.cli.remote import REMOTE, Remote, RemoteDocument
from netsplode.usage import Commands, Refused


@click.group(cls=Commands, short_help="Define answers of a running workbench.")
def mock() -> None:
    """List, show, add, change and delete the mocks of a running workbench."""


@mock.command("list")
@REMOTE
def list_mocks(remote: Remote) -> None:
    """List the mocks in the order of creation."""
    document = remote.ask("GET", "/api/mocks")
    remote.show(document, "\n".join(map(_line, document["mocks"])))


@mock.command("show")
@click.argument("id")
@REMOTE
def show_mock(id: str, remote: Remote) -> None:
    """Show the document of a mock."""
    document = remote.ask("GET", _path(id))
    click.echo(json.dumps(document["mock"], indent=2, sort_keys=True))


@mock.command("add")
@click.argument("method")
@click.argument("path")
@click.option("--status", default=200, show_default=True, help="The status of the answer.")
@click.option("--body", default="", help="The body of the answer; may have {{path.name}} in it.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="A field of the answer; may be repeated.",
)
@click.option("--content-type", help="Media type of the answer; application/json by default.")
@click.option("--delay-ms", type=float, help="Milliseconds before the answer.")
@click.option("--priority", type=int, help="The matching mock with the highest priority answers.")
@click.option(
    "--sequence",
    metavar="STATUS,...",
    help="Statuses of successive answers, such as 500,500,200; the last one stays.",
)
@click.option("--id", help="Id; by default the workbench chooses one.")
@REMOTE
def add_mock(
    method: str,
    path: str,
    status: int,
    headers: tuple[str, ...],
    sequence: str | None,
    remote: Remote,
    **members: Any,
) -> None:
    """Add a mock for METHOD and PATH, such as GET '/users/{id}'."""
    document: RemoteDocument = {"method": method, "path_pattern": path, "status": status}
    document |= {name: value for name, value in members.items() if value is not None}
    if headers:
        document["headers"] = dict(map(_header, headers))
    if sequence:
        document["sequence"] = [{"status": step.strip()} for step in sequence.split(",")]
    added = remote.ask("POST", "/api/mocks", document)
    remote.show(added, _line(added["mock"]))


@mock.command("load")
@click.argument("file", type=click.File("r"))
@REMOTE
def load_mock(file: IO[str], remote: Remote) -> None:
    """Add the mock whose document is in FILE, - for standard input."""
    try:
        document = json.load(file)
    except ValueError as error:
        raise Refused(f"{file.name} is not JSON: {error}") from None
    added = remote.ask("POST", "/api/mocks", document)
    remote.show(added, _line(added["mock"]))


@mock.command("delete")
@click.argument("id")
@REMOTE
def delete_mock(id: str, remote: Remote) -> None:
    """Delete a mock."""
    remote.show(remote.ask("DELETE", _path(id)), f"deleted {id}")


def _path(id: str) -> str:
    return f"/api/mocks/{quote(id, safe='')}"


def _line(document: RemoteDocument) -> str:
    return "\t".join(str(document[name]) for name in ("id", "method", "path_pattern", "status"))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise Refused(f"--header {text!r} has no colon: give NAME:VALUE")
    return name.strip(), value.strip()
