"""Eight HTTP clients on each port: a sample of the pairs, or all with ``HAMMS_CLIENTS=all``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from hamms_trio import HammsServer
from hamms_trio.lab.doors import ports_of
from hamms_trio.modes import CATALOGUE
from tests.clients.adapters import CLIENTS
from tests.clients.outcomes import SAFETY_NET, Answer, Failure, Outcome

LAST_OF_HAMMS = 16  # the offset of the last port that the original hamms has
BRIEF = 0.15  # seconds; for exchanges that are meant to time out

REFUSED: set[Outcome] = {Failure.REFUSED}
CLOSED: set[Outcome] = {Failure.CLOSED}
RESET: set[Outcome] = {Failure.RESET}
PROTOCOL: set[Outcome] = {Failure.PROTOCOL}
TIMEOUT: set[Outcome] = {Failure.TIMEOUT}
INCOMPLETE: set[Outcome] = {Failure.INCOMPLETE}

MORSE = b"-.-- --- ..- / -.. .. -.. / -. --- - / .- ... -.- / ..-. --- .-. / - .... .. ...\n"
DECLARED = Answer(200, b"aaa")
SUCCESS = b'{"success": true}'
LAST_TRY = b'{"key": "default", "success": true, "tries_remaining": 0}'
UNAVAILABLE = b'{"status": 503, "reason": "Service Unavailable", "success": false}'


@dataclass(frozen=True)
class Row:
    """A mode, its parameters, and the outcomes allowed: for every client, or for the clients named."""

    slug: str
    parameters: dict[str, float]
    outcomes: set[Outcome]
    exceptions: dict[str, set[Outcome]] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join(
            [self.slug, *(f"{name}={value}" for name, value in self.parameters.items())]
        )


ROWS = [
    Row("tcp-refused", {}, REFUSED),
    Row("tcp-accept-hang", {}, TIMEOUT),
    # The FIN may come before the request is sent. undici (of Node 20, at least) then never settles the promise.
    Row(
        "tcp-accept-close",
        {},
        CLOSED,
        {"fetch": CLOSED | TIMEOUT, "aiohttp": CLOSED | RESET},
    ),
    Row("tcp-close-after-data", {}, CLOSED),
    # h11 does not parse a status line before its end.
    Row(
        "status-garbage-at-connect",
        {},
        PROTOCOL,
        {"httpx": CLOSED, "httpx in trio": CLOSED, "aiohttp": PROTOCOL | CLOSED | RESET},
    ),
    Row("status-garbage", {}, PROTOCOL, {"httpx": CLOSED, "httpx in trio": CLOSED}),
    Row("pace-byte", {"interval": 0.001}, {Answer(204, b"")}),
    Row("pace-byte", {}, TIMEOUT),
    Row("pace-byte-slow", {"interval": 0.001}, {Answer(204, b"")}),
    Row("pace-first-byte", {"sleep": 60}, TIMEOUT),
    Row("status", {"status": 503}, {Answer(503, UNAVAILABLE)}),
    Row("status", {"status": 204}, {Answer(204, b"")}),
    # No client may hand on more octets than declared.
    Row(
        "frame-cl-long",
        {},
        {DECLARED},
        {
            "fetch": {DECLARED, *PROTOCOL, *CLOSED, *RESET},
            "aiohttp": {DECLARED, *PROTOCOL, *CLOSED, *RESET},
        },
    ),
    # A head of 63 KiB exceeds the limits of aiohttp and undici.
    Row("head-size", {}, {Answer(200, SUCCESS)}, {"aiohttp": PROTOCOL, "fetch": PROTOCOL}),
    Row("head-size", {"size": 1000}, {Answer(200, SUCCESS)}),
    Row("head-size", {"size": 1024 * 1024}, PROTOCOL, {"curl": PROTOCOL | RESET}),
    Row("retries", {"tries": 1}, {Answer(200, LAST_TRY)}),
    Row("tcp-drop-random", {"failrate": 1}, RESET),
    Row("tcp-drop-random", {"failrate": 0}, {Answer(200, SUCCESS)}),
    Row("type-not-accepted", {}, {Answer(200, MORSE)}),
    Row("frame-cl-short-hang", {}, TIMEOUT),
    Row("frame-cl-short-fin", {}, INCOMPLETE),
]


EVERYWHERE = ("http.client", "curl")  # clients that play every row by default


def sample() -> list[tuple[Row, str]]:
    """Pair every client with one row of each family, and two clients with all rows."""
    first = {CATALOGUE[row.slug].family: row for row in reversed(ROWS) if row.slug in CATALOGUE}
    is_all = os.environ.get("HAMMS_CLIENTS") == "all"
    return [
        (row, client)
        for row in ROWS
        for client in CLIENTS
        if is_all or client in EVERYWHERE or row in first.values()
    ]


@pytest.mark.parametrize(("row", "client"), sample(), ids=str)
def test_each_client_reports_the_fault_to_its_user(
    hamms: HammsServer, row: Row, client: str
) -> None:
    allowed = row.exceptions.get(client, row.outcomes)
    timeout = BRIEF if Failure.TIMEOUT in allowed else SAFETY_NET

    assert CLIENTS[client](hamms.url(row.slug, "/", **row.parameters), timeout) in allowed


@pytest.mark.parametrize("client", CLIENTS)
def test_a_late_answer_echoes_the_request_fields_as_json(hamms: HammsServer, client: str) -> None:
    answer = CLIENTS[client](hamms.url("pace-first-byte", sleep=0.01), SAFETY_NET)

    assert isinstance(answer, Answer)
    assert answer.status == 200
    (request,) = hamms.ledger.requests("pace-first-byte")
    assert dict(request.fields) == answer.json()


def test_every_port_of_hamms_is_in_the_table() -> None:
    of_hamms = {door.name for door in ports_of(CATALOGUE) if (door.offset or 0) <= LAST_OF_HAMMS}

    assert {row.slug for row in ROWS} == of_hamms
