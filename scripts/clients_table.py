"""Ask every failure mode by every client of the tests, and write how each fared: ``make clients-table``.

A run completes the table of an earlier one with the same versions of all clients; delete the table to begin anew.
The table holds for the versions that are installed; `mode_pages` shows it on the page of each mode. A mode's
declaration says how it is met (see `ways`): clients follow redirects, ask for a tunnel, or trust the authority.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic
from typing import Any

from hamms_trio import HammsServer
from hamms_trio.canary import Damage, examine
from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.control.outcomes import BY_VERSION
from hamms_trio.lab.doors import Door
from hamms_trio.modes import CATALOGUE
from scripts.ways import Way
from tests.clients.adapters import CLIENTS, SESSIONS, opened
from tests.clients.outcomes import Answer, Failure, classify
from tests.clients.sessions import How

SECONDS = 6.0  # until a client gives up
PATIENCE = 20.0  # with a client whose timeout is for each read
BOMBS = "max=1048576"  # a bomb of a MiB shows the same as one of 256
LONG, BODIES = ("redirect-body",), "size=1048576"  # and so does a body that nobody wants
PROXIED = "origin.hamms.localhost"  # a host of which the modes have a certificate at a tunnel's end
# The secrets that a client must not take along to another origin.
SECRETS = {"Authorization": "Bearer of-the-first", "X-Api-Key": "of-the-first"}


def main() -> int:
    """Write the table."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
    names = list(CLIENTS)
    heading = ["door", *(f"{name} {_version(name)}" for name in names)]
    rows = _known(heading)
    doors = listed_doors(CATALOGUE)
    with HammsServer(beginning_port=0) as hamms, TemporaryDirectory() as folder:
        authority = Path(folder) / "ca.pem"
        authority.write_text(hamms.ca_pem)
        for door in doors:
            if door.name not in rows:
                rows[door.name] = [door.name, *_outcomes(hamms, door, names, authority)]
                print(*rows[door.name], sep="\t", flush=True)
                _write([heading, *rows.values()])
    # In order, and without those that are gone.
    _write([heading, *(rows[door.name] for door in doors)])
    return 0


def _known(heading: list[str]) -> dict[str, list[str]]:
    """Return the rows of an earlier run with the same clients, which this run completes."""
    if not BY_VERSION.exists():
        return {}
    with BY_VERSION.open(encoding="utf-8", newline="") as file:
        found, *rows = csv.reader(file, delimiter="\t")
    return {row[0]: row for row in rows} if found == heading else {}


def _write(rows: list[list[str]]) -> None:
    with BY_VERSION.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)


def _outcomes(hamms: HammsServer, door: Door, clients: list[str], authority: Path) -> list[str]:
    """Ask by all clients at once; one that is still busy long after its timeout waits."""
    found: dict[str, str] = {}
    way = Way.to(door.mode)

    def ask(client: str) -> None:
        if way.proxy and way.proxy not in SESSIONS[client].proxies:
            found[client] = "unable"
        else:
            nonce = "".join(letter for letter in client if letter.isalnum())
            found[client] = _ask(hamms, door, way, client, nonce, authority)

    threads = [Thread(target=ask, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    until = monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
    return [found.get(client, "waits") for client in clients]


def _place(hamms: HammsServer, door: Door, way: Way, nonce: str, stack: ExitStack) -> str:
    """Return the URL of the mode; one that the path door can't serve has a door for each client."""
    names = {parameter.name for parameter in door.mode.parameters}
    less = f"&{BOMBS}" if "max" in names else ""
    less += f"&{BODIES}" if door.name in LONG else ""
    given = f"nonce={nonce}&key={nonce}{less}"
    if way.proxy or door.mode.speaks_tls or (door.mode.needs_port and door.offset is None):
        opened_door = stack.enter_context(
            hamms.open(door.name, **door.given, nonce=nonce, key=nonce)
        )
        scheme = "https" if way.secure else "http"
        return f"{scheme}://localhost:{opened_door.port}/?{given}"
    if door.name in hamms.ports:
        return hamms.url(door.name, "/") + f"?{given}"
    return hamms.url("path", f"/mode/{door.name}/") + f"?{given}"


def _ask(hamms: HammsServer, door: Door, way: Way, client: str, nonce: str, trusted: Path) -> str:
    """Return the outcome of one request, in a word or two."""
    with ExitStack() as stack:
        how: How = {"timeout": SECONDS}
        if way.secure or way.proxy:
            how["authority"] = trusted
        if way.proxy:
            authority = _place(hamms, door, way, nonce, stack).partition("//")[2].partition("/")[0]
            how["proxy"] = f"{way.proxy}://{authority}"
        session = stack.enter_context(opened(client, **how))
        # Only now, since a mode may count the time from its door's beginning.
        url = f"https://{PROXIED}/" if way.proxy else _place(hamms, door, way, nonce, stack)
        fields = SECRETS if way.crosses else {}
        try:
            answer = session.request("GET", url, fields=fields, follow=way.follows)
        except Exception as error:  # noqa: BLE001 # whatever the client raises, its user has an error
            return "waits" if _is_timeout(error) else "error"
    return _answered(answer, way, nonce)


def _is_timeout(error: Exception) -> bool:
    try:
        return classify(error) is Failure.TIMEOUT
    except AssertionError:  # of a kind that the tests don't know
        return False


def _answered(answer: Answer, way: Way, nonce: str) -> str:
    if answer.status != 200:
        return f"status {answer.status}"
    if way.follows:  # where a redirect leads, the mode may have another nonce, and says so
        nonce = answer.fields.get("x-hamms-nonce", nonce)
    found = examine(answer.body, nonce=nonce)
    if found.is_exact:
        return "whole"
    if way.follows and answer.body.startswith(b"{"):
        return _reported(json.loads(answer.body), way)
    if not answer.body:
        return "empty"
    return "truncated" if found.damages == {Damage.TRUNCATED} else "other"


def _reported(report: dict[str, Any], way: Way) -> str:
    """Say what arrived where a redirect has led, as the mode there reports it."""
    if not way.crosses:
        return "report"
    brought = [name for name in report.get("secrets", []) if name != "cookie"]
    brought += [f"cookie {name}" for name in report["cookies"]]
    return "brought " + (", ".join(brought) or "nothing")


def _version(client: str) -> str:
    if client == "http.client":
        return platform.python_version()
    if client == "curl":
        said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
        return said.stdout.split()[1]
    if client == "fetch":
        said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        return f"of Node {said.stdout.strip().removeprefix('v')}"
    return version(client.partition(" ")[0])


if __name__ == "__main__":
    sys.exit(main())
