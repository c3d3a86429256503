"""``hamms-trio target``: the targets of a running workbench."""

from __future__ import annotations

from urllib.parse import quote

import click

from hamms_trio.cli.remote import REMOTE, Remote, RemoteDocument
from netsplode.usage import Commands


@click.group(cls=Commands, short_help="Put real services behind a running workbench.")
def target() -> None:
    """List, add and delete the targets of a running workbench.

    Clients reach a target at /proxy/ID/ of the workbench; `hamms-trio scenario proxy` makes one request.
    """


@target.command("list")
@REMOTE
def list_targets(remote: Remote) -> None:
    """List the targets in the order of creation."""
    document = remote.ask("GET", "/api/targets")
    remote.show(document, "\n".join(map(_line, document["targets"])))


@target.command("add")
@click.argument("name")
@click.argument("base_url", metavar="URL")
@click.option("--id", help="Id; by default the workbench chooses one.")
@click.option("--timeout-ms", type=float, help="Milliseconds until an answer is due.")
@click.option("--no-verify-tls", is_flag=True, help="Trust any certificate.")
@click.option(
    "--fail", metavar="SLUG", help="The failure mode that answers, with or without a query."
)
@click.option("--share", type=float, help="The share of the requests that --fail answers, 0 to 1.")
@click.option("--seed", type=int, help="Seed of the choice of these requests.")
@REMOTE
def add_target(
    name: str, base_url: str, no_verify_tls: bool, remote: Remote, **members: object
) -> None:
    """Add the service at URL as the target NAME."""
    document: RemoteDocument = {"name": name, "base_url": base_url}
    document |= {member: value for member, value in members.items() if value is not None}
    if no_verify_tls:
        document["verify_tls"] = False
    added = remote.ask("POST", "/api/targets", document)
    remote.show(added, _line(added["target"]))


@target.command("delete")
@click.argument("id")
@REMOTE
def delete_target(id: str, remote: Remote) -> None:
    """Delete a target."""
    remote.show(remote.ask("DELETE", f"/api/targets/{quote(id, safe='')}"), f"deleted {id}")


def _line(document: RemoteDocument) -> str:
    state = "enabled" if document["enabled"] else "disabled"
    return "\t".join((document["id"], document["name"], document["base_url"], state))
