"""Real clients of streams, as specified by a table of measured outcomes; each cell is provoked by a failure mode.

The letters: X exact, T a silent prefix, Z silently nothing, O other text, E an error of the client's own, e one
of a foreign library, H the client waits beyond its timeout, as long as the server does.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from shutil import which

import pytest

from hamms_trio import HammsServer
from tests.clients.stream_readers import (
    NODE_MODULES,
    NodeReaders,
    Read,
    StreamOutcome,
    anthropic_readers,
    httpx_sse_readers,
    openai_readers,
)

TEXT = "t0 t1 t2 t3 n1"
TIMEOUT = 1.0  # of clients that meet a mode that waits
HOLD = 2.5  # that such a mode waits before it ends the connection: longer than a client's timeout
BUSY = "llm-status--status-429--retry-after-1"
RETRIES = 2
PATIENCE = 30.0  # of clients that have nothing to wait for
WAITING = ("llm-stall", "llm-heartbeat")

CLIENTS = (
    "py chat", "py responses", "py responses helper", "py messages", "py messages helper",
    "js chat", "js responses", "js messages", "js messages helper",
    "js ai chat", "js ai messages", "httpx-sse",
)  # fmt: skip
# In the order of CLIENTS; a dash stands for a cell that was not measured, or for whichever of several outcomes.
MEASURED = {
    "llm-ok": "XXX XX XX XX XX X",
    "llm-cut": "TTe TT TT TE TT T",
    "llm-cut--at-inside": "TTe TT TT TE TT T",
    "llm-cut--how-delimited": "TTe TT TT TE TT T",
    "llm-cut--how-gzip": "TTe TT TT TE TT T",
    "llm-cut--how-fin": "EEE ee ee eE EE E",
    "llm-cut--how-rst": "EEE ee ee eE EE E",
    "llm-no-finish": "T-- TT TT TT TT T",
    "llm-stall": "EE- ee HH HH EE E",
    "llm-stall--at-inside": "EE- ee HH HH EE E",
    "llm-heartbeat": "HHH HH HH HH EE H",
    "llm-heartbeat--kind-ping": "HHH HH HH HH -E H",
    "llm-stall--at-after": "XEE ee HH HH EE X",
    "llm-error-event": "ETe EE ET EE EE -",
    "llm-error-200": "ZZe Ze ZZ ZE ZE E",
    "llm-error-200--kind-json": "ZZe Ze ZZ ZE ZE E",
    "llm-error-200--kind-empty": "ZZe Ze ZZ ZE ZE Z",
    "llm-bad-event--kind-empty": "eee XX ee XX EE X",
    "llm-bad-event--kind-no-data": "eee XX XX XX XX X",
    "llm-bad-event--kind-event-only": "eee XX ee XX XX X",
    "llm-bad-event--kind-unknown": "XXX XX XX XX EE X",
    "llm-after-end": "XOX OO XO OX OO X",
    "sse-bytewise": "XXX XX XX XX XX X",
    "sse-crlf-split--case-crlf": "XXX XX XX XX XX X",
    "sse-crlf-split--case-cr": "XXX XX XX XX XX X",
    "sse-line-separators": "XXX XX XX XX XX X",
    "sse-bom": "XXX Xe XX XX XX X",
}


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def readers() -> Iterator[dict[str, Read]]:
    """Those that are installed."""
    found: dict[str, Read] = {}
    for package, make in (
        ("openai", openai_readers),
        ("anthropic", anthropic_readers),
        ("httpx_sse", httpx_sse_readers),
    ):
        if find_spec(package):
            found |= make()
    if which("node") and NODE_MODULES.exists():
        with NodeReaders() as node:
            yield found | {f"js {name}": node.reader(name) for name in NodeReaders.NAMES}
    elif found:
        yield found
    else:
        pytest.skip("no client of streams is installed: see the extra clients, and examples/")


def letter_of(outcome: StreamOutcome, slug: str) -> str:
    if outcome.error:
        if slug.startswith(WAITING) and not outcome.timed_out:
            return "H"
        return "E" if outcome.own else "e"
    text = outcome.text
    if "separators" in slug:
        text = text.replace("\u2028", "")
    if text == TEXT:
        return "X"
    if not text:
        return "Z"
    return "T" if TEXT.startswith(text) else "O"


@pytest.mark.parametrize("slug", MEASURED)
def test_clients_have_the_outcomes_of_the_table(
    server: HammsServer, readers: dict[str, Read], slug: str
) -> None:
    expected = dict(zip(CLIENTS, MEASURED[slug].replace(" ", ""), strict=True))
    timeout = TIMEOUT if slug.startswith(WAITING) else PATIENCE
    with ThreadPoolExecutor(len(readers)) as pool:
        reading = {
            client: pool.submit(read, base_url(server, slug, client), timeout)
            for client, read in readers.items()
        }
        outcomes = {client: outcome.result() for client, outcome in reading.items()}
    letters = {client: letter_of(outcome, slug) for client, outcome in outcomes.items()}
    measured = {client: expected[client] for client in letters if expected[client] != "-"}
    assert letters == letters | measured, outcomes


@pytest.fixture(scope="module")
def retrying() -> Iterator[dict[str, Read]]:
    """Those that are installed, with two retries, as many as the SDKs have by default."""
    found: dict[str, Read] = {}
    if find_spec("openai"):
        found |= openai_readers(RETRIES)
    if find_spec("anthropic"):
        found |= anthropic_readers(RETRIES)
    if find_spec("httpx_sse"):
        found |= httpx_sse_readers()  # has no retries
    if which("node") and NODE_MODULES.exists():
        with NodeReaders() as node:
            names = NodeReaders.NAMES
            yield found | {f"js {name}": node.reader(name, RETRIES) for name in names}
    elif found:
        yield found
    else:
        pytest.skip("no client of streams is installed: see the extra clients, and examples/")


def test_clients_retry_a_429_once_after_its_retry_after(
    server: HammsServer, retrying: dict[str, Read]
) -> None:
    keys = {client: client.replace(" ", "").replace("-", "") for client in retrying}
    with ThreadPoolExecutor(len(retrying)) as pool:
        reading = {
            client: pool.submit(
                read, base_url(server, f"{BUSY}--key-{keys[client]}", client), PATIENCE
            )
            for client, read in retrying.items()
        }
        outcomes = {client: outcome.result() for client, outcome in reading.items()}
    for client, outcome in outcomes.items():
        tries = server.ledger.requests("llm-status", key=keys[client])
        if client == "httpx-sse":
            assert (letter_of(outcome, BUSY), len(tries)) == ("E", 1), outcome
        else:
            assert (letter_of(outcome, BUSY), len(tries)) == ("X", 2), (client, outcome)
            assert tries.spacing[0] >= 1.0, client


def base_url(server: HammsServer, slug: str, client: str) -> str:
    """Return a client's base URL for a failure mode, with a short text and short waits."""
    segment = f"{slug}--tokens-4--nonce-n1"
    if slug.startswith((*WAITING, "llm-cut", "llm-no", "llm-error-event")):
        segment += "--after-2"
    if slug.startswith(WAITING):
        segment += f"--hold-{HOLD}"
    if slug.startswith("llm-heartbeat"):
        segment += "--every-0.1"
    if slug.startswith("sse-"):
        segment += f"--shape-{shape_of(client)}"
    return server.url("path", f"/mode/{segment}")


def shape_of(client: str) -> str:
    names = ("responses", "messages")
    return next((name for name in names if name in client), "chat")
