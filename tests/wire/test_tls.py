"""Records and the ClientHello, whole, octet by octet and damaged."""

from __future__ import annotations

import ssl

import pytest

from hamms_trio.errors import MalformedRequest
from hamms_trio.wire.tls.client_hello import ClientHello, is_tls, read_client_hello
from hamms_trio.wire.tls.names import RecordNames, is_of_tls
from hamms_trio.wire.tls.records import Record, alert_octets, record_octets, split_records
from hamms_trio.wire.tls.server_hello import message, messages_in, with_alpn, with_cipher

TLS_1_2, TLS_1_3 = 0x0303, 0x0304
EMPTY_HELLO = bytes.fromhex("0303") + bytes(32) + bytes.fromhex("00 0002 0005 01 00")
SERVER_HELLO = (
    bytes.fromhex("0303") + bytes(32) + bytes.fromhex("02 aaaa c02b 00 0005 ff01 0001 00")
)


def hello_of(name: str | None, *protocols: str, most: str = "TLSv1_3") -> bytes:
    """Return the ClientHello that OpenSSL sends."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    context.maximum_version = ssl.TLSVersion[most]
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def split_over(octets: bytes, size: int) -> bytes:
    """Return a handshake message in records of at most so many octets."""
    (record,), _ = split_records(octets)
    pieces = range(0, len(record.fragment), size)
    return b"".join(record_octets(22, record.fragment[at : at + size]) for at in pieces)


def read(octets: bytes) -> ClientHello:
    hello = read_client_hello(octets)
    assert hello is not None
    return hello


def test_a_hello_has_name_protocols_and_versions() -> None:
    hello = read(hello_of("Foo.localhost", "h2", "http/1.1"))

    assert hello.server_name == "foo.localhost"
    assert hello.protocols == ("h2", "http/1.1")
    assert {TLS_1_2, TLS_1_3} <= set(hello.versions)
    assert 0x1301 in hello.ciphers
    assert 29 in hello.groups  # x25519


def test_a_hello_of_tls_1_2_may_lack_everything() -> None:
    assert read(hello_of(None, most="TLSv1_2")).server_name is None
    hello = read(record_octets(22, message(1, EMPTY_HELLO)))
    assert hello == ClientHello(TLS_1_2, bytes(32), b"", (5,), versions=(TLS_1_2,))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_hello_may_come_in_many_records(size: int) -> None:
    octets = hello_of("localhost")

    assert read(split_over(octets, size)) == read(octets)


def test_a_hello_that_is_cut_anywhere_needs_more() -> None:
    octets = hello_of("localhost", "h2")

    assert [read_client_hello(octets[:at]) for at in range(len(octets))] == [None] * len(octets)
    assert read(octets + b"more") == read(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n",
        record_octets(21, b"\2\x28"),
        record_octets(22, message(2, EMPTY_HELLO)),
        record_octets(22, message(1, EMPTY_HELLO[:-1])),
        record_octets(22, b""),
        record_octets(22, message(1, EMPTY_HELLO + bytes.fromhex("0004 0000 0009"))),
        record_octets(22, b"\1\xff\xff\xff" + bytes(16000)) * 5,
    ],
)
def test_octets_that_are_no_hello_are_refused(octets: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_client_hello(octets)


def test_the_first_octet_tells_tls_from_http() -> None:
    assert is_tls(hello_of("localhost"))
    assert not is_tls(b"GET / HTTP/1.1\r\n")
    assert not is_tls(b"")


def test_records_are_split_and_the_rest_is_kept() -> None:
    octets = alert_octets(40) + record_octets(23, b"abc", 0x0500)

    records, rest = split_records(octets + b"\x17\3\3\0\1")

    assert records == [Record(21, b"\2\x28"), Record(23, b"abc", 0x0500)]
    assert b"".join(record.octets for record in records) == octets
    assert rest == b"\x17\3\3\0\1"
    assert records[1].flipped().fragment == b"abb"


def test_a_suite_and_a_protocol_are_written_into_a_server_hello() -> None:
    record = Record(22, message(2, SERVER_HELLO) + message(14, b""))

    (_, suited), _ = messages_in(with_cipher(record, 5))
    (_, chosen), _ = messages_in(with_alpn(record, "spdy/99"))

    assert suited == SERVER_HELLO.replace(b"\xc0\x2b", b"\0\5")
    alpn = bytes.fromhex("0010 000a 0008 07") + b"spdy/99"
    assert chosen == SERVER_HELLO[:-7] + bytes.fromhex("0013 ff01 0001 00") + alpn
    # A choice that is there already is replaced.
    assert with_alpn(with_alpn(record, "h2"), "spdy/99") == with_alpn(record, "spdy/99")


def test_other_records_stay_as_they_are() -> None:
    for record in (Record(23, b"\2\0\0\1a"), Record(22, message(11, b"abc")), Record(22, b"\2\0")):
        assert with_cipher(record, 5) is record


def test_records_are_named_until_they_are_encrypted() -> None:
    sent = RecordNames()
    hello = record_octets(22, message(2, SERVER_HELLO))
    hidden = record_octets(22, bytes(40)) * 2 + record_octets(23, bytes(40))
    assert sent.joined(hello + record_octets(20, b"\x01") + hidden[:-1]) == (
        "ServerHello, ChangeCipherSpec, 2 x encrypted, a part of a record"
    )
    assert sent.joined(alert_octets(40)) == "alert 40 at level 2"
    assert sent.joined(b"HTTP/1.1 200 OK") is None


@pytest.mark.parametrize(
    ("octets", "is_record"), [(b"\x16\x03\x03", True), (b"HTTP/1.1", False), (b"", False)]
)
def test_octets_of_tls_are_told_from_others(octets: bytes, is_record: bool) -> None:
    assert is_of_tls(octets) == is_record
