"""Connect's client for gRPC-web makes a call whose status fails on its way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from hamms_trio import HammsServer
from tests.clients.outcomes import SAFETY_NET
from tests.clients.stream_readers import NODE_MODULES

SCRIPT = Path(__file__).with_name("grpcweb.mjs")
TEXT = {"text": "t0 n1"}

pytestmark = pytest.mark.skipif(
    not (which("node") and (NODE_MODULES / "@connectrpc").exists()),
    reason="needs Node and, in examples/, npm install",
)


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0) as server:
        yield server


def call(server: HammsServer, mode: str) -> dict[str, str]:
    """Return the text of the answer, or the code and the message of the failure."""
    url = server.url("path", f"/mode/{mode}--nonce-n1")
    done = subprocess.run(
        ["node", str(SCRIPT), url], capture_output=True, text=True, timeout=SAFETY_NET, check=True
    )
    outcome: dict[str, str] = json.loads(done.stdout)
    return outcome


@pytest.mark.parametrize("mode", ["grpcweb-trailers-split", "grpcweb-status-twice--case-same"])
def test_a_call_succeeds_whatever_the_chunks_and_the_repeated_status(
    server: HammsServer, mode: str
) -> None:
    assert call(server, mode) == TEXT


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("grpcweb-no-trailers", "Unknown"),
        ("grpcweb-no-trailers--how-fin", "Unknown"),
        ("grpcweb-no-trailers--how-rst", "Unknown"),
        ("grpcweb-trailers-cut", "InvalidArgument"),
        ("grpcweb-trailers-only-body", "Internal"),
        ("grpcweb-status-twice", "Internal"),
    ],
)
def test_a_call_without_a_whole_and_good_status_fails(
    server: HammsServer, mode: str, code: str
) -> None:
    assert call(server, mode)["code"] == code


def test_connect_overlooks_an_error_that_comes_before_a_good_status(server: HammsServer) -> None:
    assert call(server, "grpcweb-status-twice--case-error-first") == TEXT
