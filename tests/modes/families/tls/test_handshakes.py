"""Handshakes that stall, break off, or lie in their octets."""

from __future__ import annotations

import socket
import ssl

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.net.observer import Ending
from hamms_trio.wire.tls.records import ContentType
from hamms_trio.wire.tls.server_hello import messages_in
from tests.clients import raw, tls

SILENCE = 0.05  # real seconds in which a silent server sends nothing
SERVER_HELLO, SERVER_KEY_EXCHANGE = 2, 12
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

# The octets that come instead of a handshake: all of them, or the first and the number of all.
ANSWERS: dict[str, tuple[bytes, int]] = {
    "tls-alert": (bytes.fromhex("15 0303 0002 02 28"), 7),
    "tls-close-notify-first": (bytes.fromhex("15 0303 0002 01 00"), 7),
    "tls-plain-http": (HTTP, len(HTTP)),
    "tls-garbage": (b"\xff", 200),
    "tls-record-overflow": (bytes.fromhex("16 0303 ffff") + b"a" * 65535, 5 + 65535),
    "tls-appdata-before-handshake": (
        bytes.fromhex("17 0303") + len(HTTP).to_bytes(2, "big") + HTTP,
        5 + len(HTTP),
    ),
    "tls-close-after-clienthello": (b"", 0),
    "tls-sni-unrecognized": (bytes.fromhex("15 0303 0002 02 70"), 7),
    "tls-alpn-mismatch": (bytes.fromhex("15 0303 0002 02 78"), 7),
}


def silent(sock: socket.socket) -> bool:
    """Return True if nothing comes for a while."""
    sock.settimeout(SILENCE)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("slug", ANSWERS)
def test_a_handshake_is_answered_with_exactly_these_octets(
    server: HammsServer, trusts: ssl.SSLContext, slug: str
) -> None:
    begin, octets = ANSWERS[slug]
    with tls.met(server, trusts, slug) as client:
        client.send_hello()
        answer = client.receive_rest()

    assert (answer[: len(begin)], len(answer)) == (begin, octets)


@pytest.mark.parametrize(
    ("code", "level", "octets"),
    [(255, "fatal", b"\2\xff"), (0, "warning", b"\1\0"), (112, "warning", b"\1\x70")],
)
def test_any_alert_can_be_chosen_with_its_level(
    server: HammsServer, trusts: ssl.SSLContext, code: int, level: str, octets: bytes
) -> None:
    with tls.met(server, trusts, "tls-alert", code=code, level=level) as client:
        client.send_hello()
        assert client.receive_rest() == bytes.fromhex("15 0303 0002") + octets


def test_a_reset_behind_the_hello_is_a_reset(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with server.open("tls-rst-after-clienthello") as door:
        with tls.connected(door.address, trusts) as client:
            client.send_hello()
            with pytest.raises(ConnectionResetError):
                client.receive()
        server.ledger.wait_until(lambda ledger: ledger.connections(door.name)[0].closed)
        (connection,) = server.ledger.connections(door.name)
        assert (connection.ended, connection.struck) == (Ending.RST, True)


@pytest.mark.parametrize(
    ("slug", "begin", "octets"),
    [
        ("tls-sslv3", bytes.fromhex("16 0300 002a 02 000026 0300"), 47),
        ("tls-sslv2", bytes.fromhex("801e 04 00 01 0002 0000 0003 0010 0700c0"), 32),
    ],
)
def test_a_version_of_ssl_is_chosen_and_refused(
    server: HammsServer, trusts: ssl.SSLContext, slug: str, begin: bytes, octets: int
) -> None:
    with tls.met(server, trusts, slug) as client:
        client.send_hello()
        client.receive()
        assert (client.received[: len(begin)], len(client.received)) == (begin, octets)
        with pytest.raises(ssl.SSLError, match=r"VERSION|PROTOCOL"):
            client.tls.do_handshake()


@pytest.mark.parametrize("at", ["accept", "hello"])
def test_a_handshake_hangs_without_an_octet(
    server: HammsServer, trusts: ssl.SSLContext, at: str
) -> None:
    with tls.met(server, trusts, "tls-handshake-hang", at=at) as client:
        client.send_hello()
        assert silent(client.sock)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_handshake_hangs_in_the_middle_of_a_record(
    server: HammsServer, trusts: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    trusts.maximum_version = version
    with tls.met(server, trusts, "tls-handshake-hang", at="flight") as client:
        client.send_hello()
        client.receive()
        assert messages_in(client.records[0]).__next__()[0] == SERVER_HELLO
        whole = sum(len(record.octets) for record in client.records)
        assert whole < len(client.received)
        assert silent(client.sock)


def test_a_handshake_hangs_before_finished_in_tls_1_3(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-handshake-hang", at="finished") as client:
        client.send_hello()
        client.receive()
        # EncryptedExtensions, Certificate and CertificateVerify; Finished is missing.
        types = [record.type for record in client.records]
        assert types[2:] == [ContentType.APPLICATION_DATA] * 3
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        assert silent(client.sock)


def test_a_handshake_hangs_before_finished_in_tls_1_2(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    trusts.maximum_version = ssl.TLSVersion.TLSv1_2
    with tls.met(server, trusts, "tls-handshake-hang", at="finished") as client:
        client.sock.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            client.shake_hands()
        assert client.records[-1].type == ContentType.CHANGE_CIPHER_SPEC


def test_a_dribbled_handshake_succeeds_octet_by_octet(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-handshake-dribble", interval=0.1) as client:
        client.send_hello()
        client.receive()
        first = len(client.received)
        client.shake_hands()
        (message,) = raw.messages(client.ask())

    assert first < 100  # octets, of about a thousand
    assert examine(message.body, nonce=message.fields["x-hamms-nonce"]).is_exact


def test_only_the_version_in_record_headers_is_wrong(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-bad-record-version") as client:
        client.send_hello()
        client.receive()
        assert {record.version for record in client.records} == {0x0500}
        assert messages_in(client.records[0]).__next__()[0] == SERVER_HELLO
        with pytest.raises(ssl.SSLError, match="WRONG_VERSION"):
            client.tls.do_handshake()


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        ("tls-bad-finished", "DECRYPTION_FAILED|BAD_RECORD_MAC|BAD_DECRYPT"),
        ("tls-bad-server-kx", "BAD_SIGNATURE|DECRYPT_ERROR"),
        ("tls-unoffered-suite", "UNKNOWN_CIPHER|WRONG_CIPHER"),
        ("tls-alpn-unoffered", "BAD_EXTENSION|UNSOLICITED_EXTENSION"),
    ],
)
def test_openssl_names_the_damage_in_a_handshake(
    server: HammsServer, trusts: ssl.SSLContext, slug: str, reason: str
) -> None:
    with tls.met(server, trusts, slug) as client:
        with pytest.raises(ssl.SSLError, match=reason):
            client.shake_hands()


def test_the_signature_of_a_key_exchange_differs_by_a_bit(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-bad-server-kx") as client:
        client.send_hello()
        client.receive()
        messages = dict(each for record in client.records for each in messages_in(record))

    assert SERVER_KEY_EXCHANGE in messages
    assert list(messages) == [2, 11, 12, 14]


@pytest.mark.parametrize(
    ("suite", "number"), [("rc4-sha", 5), ("rc4-md5", 4), ("3des", 10), ("export", 3)]
)
def test_an_old_suite_is_chosen_though_nobody_offers_it(
    server: HammsServer, trusts: ssl.SSLContext, suite: str, number: int
) -> None:
    with tls.met(server, trusts, "tls-unoffered-suite", suite=suite) as client:
        client.send_hello()
        client.receive()
        _, hello = next(messages_in(client.records[0]))

    at = 35 + hello[34]  # behind version, random and session id
    assert int.from_bytes(hello[at : at + 2], "big") == number


def test_plain_http_at_a_tls_port_is_refused_in_plain_http(server: HammsServer) -> None:
    with server.open("tls-expired") as door:
        answer = raw.exchange(door.address, b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        (request,) = server.ledger.requests(door.name)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"use https://" in answer
    assert request.target == "/x"


@pytest.mark.parametrize(
    "octets",
    [
        bytes.fromhex("16 0301 0004 02 000000"),
        bytes.fromhex("16 0301 0006 01 000002 0303"),
        bytes.fromhex("16 0301 0000"),
    ],
    ids=["no ClientHello", "too short", "empty"],
)
def test_a_malformed_hello_is_answered_with_decode_error(
    server: HammsServer, octets: bytes
) -> None:
    with server.open("tls-expired") as door:
        assert raw.exchange(door.address, octets) == bytes.fromhex("15 0303 0002 02 32")
