"""Loads on servers with TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

import netsplode.trio
from hamms_trio.load.counts.tally import Failure
from hamms_trio.load.plan import Plan
from hamms_trio.load.plan.target import LoadTarget, client_tls
from hamms_trio.load.run import EndedBy, LoadOutcome
from tests.conftest import HUBS
from tests.load.loads import ANSWER, Play, Requests, answering, make, serving

FEW = Plan(concurrency=2, requests=10, duration=30.0, timeout=20.0)

pytestmark = pytest.mark.parametrize("over", HUBS)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is needed to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    asked = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    )
    arguments = [*asked.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-keyout", "-", "-out", "-"]
    done = subprocess.run([openssl, *arguments, *out], capture_output=True, check=True)
    path.write_bytes(done.stdout)
    return path


@asynccontextmanager
async def serving_tls(play: Play, certificate: Path, *, orderly: bool = True) -> AsyncIterator[str]:
    """Run a server that plays on each connection after the handshake, and give its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def play_tls(stream: trio.abc.Stream) -> None:
        tls = trio.SSLStream(stream, context, server_side=True)
        try:
            await play(tls)
            if orderly:
                await tls.aclose()
        except trio.BrokenResourceError:
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async with serving(play_tls) as url:
        yield url.replace("http:", "https:")


async def make_tls(url: str, plan: Plan, context: ssl.SSLContext, over: str) -> LoadOutcome:
    return await make(url, plan, over=over, target=partial(replace_tls, context))


def replace_tls(context: ssl.SSLContext, target: LoadTarget) -> LoadTarget:
    return replace(target, tls=context)


def assert_unreachable(outcome: LoadOutcome, failure: Failure) -> None:
    """Check that every attempt failed alike.

    On a slow machine one client tries again before the first attempt of another one fails, so there may be
    more attempts than clients.
    """
    assert outcome.ended_by is EndedBy.UNREACHABLE
    assert set(outcome.tally.failures) == {failure}
    assert outcome.tally.failures[failure] == outcome.tally.connections.failed >= FEW.concurrency
    assert not outcome.tally.connections.opened


@pytest.mark.parametrize("keepalive", [True, False])
async def test_a_server_is_trusted_by_the_certificates_given(
    certificate: Path, over: str, keepalive: bool
) -> None:
    plan = replace(FEW, keepalive=keepalive)
    async with serving_tls(answering(), certificate) as url:
        outcome = await make_tls(url, plan, client_tls(ca=certificate), over)
    assert outcome.tally.statuses == {200: 10}
    assert not outcome.tally.failures
    assert outcome.tally.connections.opened == (2 if keepalive else 10)


async def test_a_server_is_not_trusted_otherwise(certificate: Path, over: str) -> None:
    async with serving_tls(answering(), certificate) as url:
        outcome = await make_tls(url, FEW, client_tls(), over)
    assert_unreachable(outcome, Failure.TLS)
    assert "not trusted" in outcome.tally.details[Failure.TLS]


async def test_insecure_trusts_any_server(certificate: Path, over: str) -> None:
    async with serving_tls(answering(), certificate) as url:
        outcome = await make_tls(url, FEW, client_tls(insecure=True), over)
    assert outcome.tally.statuses == {200: 10}


async def test_a_server_without_tls_fails_the_handshake(over: str) -> None:
    async def talk(stream: trio.abc.Stream) -> None:
        await stream.send_all(ANSWER)
        await stream.receive_some()

    async with serving(talk) as url:
        outcome = await make_tls(url, FEW, client_tls(insecure=True), over)
    assert_unreachable(outcome, Failure.TLS)


async def test_a_handshake_has_a_timeout(over: str) -> None:
    async def hang(stream: trio.abc.Stream) -> None:
        while await stream.receive_some():
            pass

    async with serving(hang) as url:
        plan = replace(FEW, timeout=0.2)
        outcome = await make_tls(url, plan, client_tls(insecure=True), over)
    assert_unreachable(outcome, Failure.CONNECT_TIMEOUT)
    assert outcome.tally.details[Failure.CONNECT_TIMEOUT] == "not connected in 0.2 seconds"


async def test_a_reset_during_the_handshake_is_counted(over: str) -> None:
    async def reset(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.receive_some()
        await netsplode.trio.reset_connection(stream)

    async with serving(reset) as url:
        outcome = await make_tls(url, FEW, client_tls(insecure=True), over)
    assert_unreachable(outcome, Failure.TLS)
    assert outcome.tally.details[Failure.TLS]


@pytest.mark.parametrize("orderly", [True, False])
async def test_a_body_that_ends_with_the_connection_needs_an_orderly_end(
    certificate: Path, over: str, orderly: bool
) -> None:
    async def until_close(stream: trio.abc.Stream) -> None:
        await Requests(stream).next()
        await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\nsome octets")

    async with serving_tls(until_close, certificate, orderly=orderly) as url:
        outcome = await make_tls(url, FEW, client_tls(insecure=True), over)
    if orderly:
        assert outcome.tally.statuses == {200: 10}
    else:
        assert outcome.tally.failures == {Failure.TRUNCATED: 10}
        detail = outcome.tally.details[Failure.TRUNCATED]
        assert detail == "TLS ended without close_notify within a response"


async def test_large_messages_go_both_ways(certificate: Path, over: str) -> None:
    body, received = b"x" * 2_000_000, []

    async def play(stream: trio.abc.Stream) -> None:
        requests = Requests(stream)
        while await requests.next():
            received.append(len(await requests.body(len(body))))
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + body)

    async with serving_tls(play, certificate) as url:
        outcome = await make(
            url,
            replace(FEW, requests=4),
            over=over,
            body=body,
            target=partial(replace_tls, client_tls(insecure=True)),
        )
    assert outcome.tally.statuses == {200: 4}
    assert received == [len(body)] * 4
