"""The events of the well-behaved server's own handshakes."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
import trio

from hamms_trio import events
from hamms_trio.certificates import ServerCertificate
from hamms_trio.http import Router
from hamms_trio.http.resources.basics import add_basics
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.names import Names
from hamms_trio.recording.recorder import Recording
from hamms_trio.wire.tls.records import ContentType, split_records
from tests.clients import tls
from tests.http.server import read_all, serving

ALERT, CONTENT, TICKET = ContentType.ALERT, ContentType.APPLICATION_DATA, ContentType.HANDSHAKE


def basics() -> Router:
    router = Router()
    add_basics(router)
    return router


def visit(port: int, context: ssl.SSLContext) -> None:
    with tls.connected(("127.0.0.1", port), context) as client, suppress(ssl.SSLError):
        client.shake_hands()
        client.ask()


async def events_of_a_visit(
    certificate: ServerCertificate, context: ssl.SSLContext
) -> list[object]:
    seen: list[object] = []
    async with serving(basics(), certificate=certificate) as server:
        recording = Recording(Ledger(Names({}, {}, {})))
        server.service.publish_to(recording)
        with recording.bus.subscribe() as subscription:
            await trio.to_thread.run_sync(visit, server.port, context)
            while not any(isinstance(event, events.Closed) for event in seen):
                await subscription.wait()
                seen += subscription.take()
    return seen


async def test_a_handshake_is_an_event_before_its_request(
    certificate: ServerCertificate, trusting: ssl.SSLContext
) -> None:
    opened, hello, done, *_ = await events_of_a_visit(certificate, trusting)
    assert isinstance(opened, events.Opened)
    assert isinstance(hello, events.HelloReceived)
    assert hello.server_name == "localhost"
    assert isinstance(done, events.HandshakeDone)
    assert (done.version, done.server_name) == ("TLSv1.3", "localhost")


async def test_a_refused_certificate_is_an_alert_and_a_failure(
    certificate: ServerCertificate,
) -> None:
    seen = await events_of_a_visit(certificate, ssl.create_default_context())
    assert [type(event) for event in seen] == [
        events.Opened,
        events.HelloReceived,
        events.AlertReceived,
        events.HandshakeFailed,
        events.Closed,
    ]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_request_in_the_segment_of_finished_and_close_notify_is_answered(
    certificate: ServerCertificate, trusting: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    trusting.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
    async with serving(basics(), certificate=certificate) as server:
        async with await server.connect() as stream:
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await stream.send_all(outgoing.read())
                    incoming.write(await stream.receive_some())
            client.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with suppress(ssl.SSLWantReadError):
                client.unwrap()  # sends close_notify; no FIN follows
            await stream.send_all(outgoing.read())
            answered = split_records(await read_all(stream))[0]
    assert len(answered) >= 2  # the answer, and close_notify
    assert all(record.type in (ALERT, CONTENT, TICKET) for record in answered)
