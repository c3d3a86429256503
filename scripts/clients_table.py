"""Ask every failure mode by every client of the tests, and write how each fared: ``make clients-table``.

A run completes the table of an earlier one with the same versions of all clients; delete the table to begin anew.
The table holds for the versions that are installed; `mode_pages` shows it on the page of each mode. Modes that lead
a client to other addresses, act on a request to a proxy, or speak TLS, are left out.
"""

from __future__ import annotations

import csv
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from threading import Thread
from time import monotonic

from hamms_trio import HammsServer
from hamms_trio.canary import Damage, examine
from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.control.outcomes import BY_VERSION
from hamms_trio.lab.doors import Door
from hamms_trio.modes import CATALOGUE
from tests.clients.adapters import CLIENTS, Get
from tests.clients.outcomes import Answer, Failure
from tests.clients.programs import close_shared_nodes

SECONDS = 6.0  # until a client gives up
PATIENCE = 20.0  # with a client whose timeout is for each read
# Families that lead elsewhere, need a request to a proxy, or an authority that the clients trust.
LEFT_OUT = ("redirect", "proxy", "tls")
BOMBS = "max=1048576"  # a bomb of a MiB shows the same as one of 256


def main() -> int:
    """Write the table."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
    names = list(CLIENTS)
    heading = ["door", *(f"{name} {_version(name)}" for name in names)]
    rows = _known(heading)
    with HammsServer(beginning_port=0) as hamms:
        for door in _doors():
            if door.name not in rows:
                rows[door.name] = [door.name, *_outcomes(hamms, door, names)]
                print(*rows[door.name], sep="\t", flush=True)
                _write([heading, *rows.values()])
    close_shared_nodes()
    present = [rows[door.name] for door in _doors()]  # in order, and without those that are gone
    _write([heading, *present])
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


def _doors() -> Iterable[Door]:
    for door in listed_doors(CATALOGUE):
        reachable = door.offset is not None or not door.mode.needs_port
        if reachable and door.mode.family not in LEFT_OUT and not door.mode.crosses:
            yield door


def _outcomes(hamms: HammsServer, door: Door, clients: list[str]) -> list[str]:
    """Ask by all clients at once; one that is still busy long after its timeout waits."""
    found: dict[str, str] = {}

    def ask(client: str) -> None:
        found[client] = _outcome(hamms, door, client)

    threads = [Thread(target=ask, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    until = monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
    return [found.get(client, "waits") for client in clients]


def _outcome(hamms: HammsServer, door: Door, client: str) -> str:
    nonce = "".join(letter for letter in client if letter.isalnum())
    names = {parameter.name for parameter in door.mode.parameters}
    given = f"nonce={nonce}&key={nonce}" + (f"&{BOMBS}" if "max" in names else "")
    if door.name in hamms.ports:
        url = hamms.url(door.name, "/") + f"?{given}"
    else:
        url = hamms.url("path", f"/mode/{door.name}/") + f"?{given}"
    return _ask(CLIENTS[client], url, nonce)


def _ask(get: Get, url: str, nonce: str) -> str:
    """Return the outcome of one request, in a word or two."""
    try:
        outcome = get(url, SECONDS)
    except Exception:  # noqa: BLE001 # whatever the client raises, its user has an error
        return "error"
    if not isinstance(outcome, Answer):
        return "waits" if outcome is Failure.TIMEOUT else "error"
    if outcome.status != 200:
        return f"status {outcome.status}"
    found = examine(outcome.body, nonce=nonce)
    if found.is_exact:
        return "whole"
    if not outcome.body:
        return "empty"
    return "truncated" if found.damages == {Damage.TRUNCATED} else "other"


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
