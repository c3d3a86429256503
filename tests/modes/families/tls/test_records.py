"""Connections that fail above the handshake: damaged and cut records, and ends that lie."""

from __future__ import annotations

import ssl

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.wire.tls.records import ContentType
from tests.clients import raw, tls
from tests.modes.families.tls.test_handshakes import silent

WHOLE = 64 * 1024
DAMAGED = "DECRYPTION_FAILED|BAD_RECORD_MAC"


@pytest.mark.parametrize(("record", "octets"), [(1, 0), (3, 32768)])
def test_a_damaged_record_ends_the_content_before_it(
    server: HammsServer, trusts: ssl.SSLContext, record: int, octets: int
) -> None:
    with tls.met(server, trusts, "tls-bad-mac", record=record) as client:
        client.shake_hands()
        with pytest.raises(ssl.SSLError, match=DAMAGED):
            client.ask()

    assert len(client.content) == octets


def test_each_octet_has_a_record_of_its_own(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with tls.met(server, trusts, "tls-1byte-records") as client:
        client.shake_hands()
        content = client.ask()
        (message,) = raw.messages(content)

    sizes = [len(r.fragment) for r in client.records if r.type == ContentType.APPLICATION_DATA]
    assert len([size for size in sizes if size == 1 + 1 + 16]) == len(content)  # type and tag
    assert examine(message.body, nonce=message.fields["x-hamms-nonce"]).is_exact


@pytest.mark.parametrize(
    ("framing", "octets"), [("close", WHOLE // 2), ("cl", WHOLE), ("chunked", WHOLE + 7)]
)
def test_a_truncated_connection_ends_without_close_notify(
    server: HammsServer, trusts: ssl.SSLContext, framing: str, octets: int
) -> None:
    with tls.met(server, trusts, "tls-truncation", framing=framing) as client:
        client.shake_hands()
        with pytest.raises(ssl.SSLEOFError):
            client.ask()

    _, _, body = client.content.partition(b"\r\n\r\n")
    assert len(body) == octets + 2 * (framing == "chunked")


def test_close_notify_comes_and_the_connection_stays(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-close-notify-no-fin") as client:
        client.shake_hands()
        _, _, body = client.ask().partition(b"\r\n\r\n")
        assert len(body) == WHOLE
        assert silent(client.sock)


def test_an_alert_in_the_middle_of_a_body_is_encrypted(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-alert-mid-body") as client:
        client.shake_hands()
        with pytest.raises(ssl.SSLError, match="ALERT_BAD_RECORD_MAC"):
            client.ask()

    assert len(client.content.partition(b"\r\n\r\n")[2]) == WHOLE // 2
    assert client.records[-1].type == ContentType.APPLICATION_DATA


def test_a_reset_within_tls_reaches_the_client_as_a_reset(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with server.open("tls-close-notify-no-fin") as door:
        with tls.connected(door.address, trusts) as client:
            client.shake_hands()
            client.ask()
            door.close()
            with pytest.raises(ConnectionResetError):
                client.receive()


def test_records_leave_at_the_pace_of_the_modifiers(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with server.open("tls-expired", share=0, slice=100, delay=30.0) as door:
        with tls.connected(door.address, trusts) as client:
            client.send_hello()
            client.receive()
            first = len(client.received)

    assert first < 1000  # octets of a flight that has more


def test_sliced_records_arrive_whole(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with server.open("tls-expired", share=0, slice=100) as door:
        with tls.connected(door.address, trusts) as client:
            client.shake_hands()
            (message,) = raw.messages(client.ask())

    assert examine(message.body, nonce=message.fields["x-hamms-nonce"]).is_exact
