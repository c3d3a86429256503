"""Messages behind the handshake, sealed with the keys of the connection."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import suppress

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.wire.tls.records import ContentType
from tests.clients import raw, tls

SIXTEEN = 16  # records of an answer with 4096 octets each, and one for the head's octets


def exact_records(server: HammsServer, trusts: ssl.SSLContext, slug: str, **given: object) -> int:
    """Check that the answer is whole, and return the number of records behind the handshake."""
    with server.open(slug, **given) as door, tls.connected(door.address, trusts) as client:
        client.shake_hands()
        before = len(client.records)
        (message,) = raw.messages(client.ask())
    assert examine(message.body, nonce=message.fields["x-hamms-nonce"]).is_exact
    return len(client.records) - before


def test_openssl_follows_each_change_of_keys(server: HammsServer, trusts: ssl.SSLContext) -> None:
    once = exact_records(server, trusts, "tls-keyupdate-flood")
    thrice = exact_records(server, trusts, "tls-keyupdate-flood", n=3, asks=True)
    assert once > 2 * SIXTEEN
    assert thrice > once + SIXTEEN


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"])
def test_each_suite_of_tls_1_3_has_its_sealer(server: HammsServer, suite: str) -> None:
    with server.open("tls-keyupdate-flood") as door:
        command = ["openssl", "s_client", "-quiet", "-ciphersuites", suite, "-connect"]
        got = subprocess.run(
            [*command, "{}:{}".format(*door.address)],
            input=tls.GET,
            capture_output=True,
            check=True,
        )
    (message,) = raw.messages(got.stdout)
    assert examine(message.body, nonce=message.fields["x-hamms-nonce"]).is_exact


def test_a_wish_for_a_new_handshake_comes_before_the_answer(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    trusts.options |= ssl.OP_NO_RENEGOTIATION
    with server.open("tls-renegotiate") as door, tls.connected(door.address, trusts) as client:
        client.shake_hands()
        before = len(client.records)
        with suppress(ssl.SSLError):
            client.ask()
        client.receive_rest()
    assert client.tls.version() == "TLSv1.2"
    assert client.records[before].type == ContentType.HANDSHAKE


def test_a_client_that_ignores_the_wish_gets_the_whole_answer(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    assert exact_records(server, trusts, "tls-renegotiate") > 1


def test_a_late_request_for_a_certificate_is_unexpected(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with server.open("tls-post-handshake-auth") as door:
        with tls.connected(door.address, trusts) as client:
            client.shake_hands()
            with pytest.raises(ssl.SSLError, match="UNEXPECTED_MESSAGE"):
                client.ask()


def test_a_client_that_offers_late_certificates_is_spared(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    trusts.post_handshake_auth = True
    assert exact_records(server, trusts, "tls-post-handshake-auth") > 0
    *_, record = server.ledger.connections("tls-post-handshake-auth")
    assert not record.struck
