"""Versions, ciphers, client certificates, SNI and ALPN, as real clients negotiate them."""

from __future__ import annotations

import re
import ssl
import warnings
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from hamms_trio.modes import CATALOGUE
from hamms_trio.pki.contexts import obstacle
from hamms_trio.pki.material.dh_groups import GROUPS
from hamms_trio.pki.mint import Mint
from hamms_trio.pki.recipes import LEAF, ChainRoot, server as server_chain
from hamms_trio.pki.terms import Terms, insisting
from hamms_trio.wire.tls.server_hello import messages_in
from tests.clients import tls
from tests.modes.families.tls.test_handshakes import SERVER_KEY_EXCHANGE

VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
SPOKEN = {
    "tls10-only": {"TLSv1"},
    "tls11-only": {"TLSv1.1"},
    "tls12-only": {"TLSv1.2"},
    "tls13-only": {"TLSv1.3"},
    "tls-min-tls10": {*VERSIONS},
    "tls-min-tls12": {"TLSv1.2", "TLSv1.3"},
}
# The suites that a client offers, and those of which one is chosen.
SUITES = {
    "tls-null": ("eNULL", r"ECDHE-ECDSA-NULL-SHA"),
    "tls-anon": ("aNULL", r"(ADH|AECDH)-.*"),
    "tls-cbc": ("ECDHE-ECDSA-AES128-SHA", r"ECDHE-ECDSA-AES128-SHA"),
    "tls-static-rsa": ("kRSA", r"(AES|CAMELLIA|ARIA).*"),
}


def permissive(root: str, ciphers: str = "ALL:eNULL") -> ssl.SSLContext:
    """Return a context that accepts what no client should."""
    context = tls.trusting(root)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("slug", SPOKEN)
def test_a_server_speaks_these_versions_and_no_other(
    server: HammsServer, slug: str, version: str
) -> None:
    context = permissive(server.ca_pem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = VERSIONS[version]
    with server.open(slug) as door, tls.connected(door.address, context) as client:
        if version in SPOKEN[slug]:
            client.shake_hands()
            assert client.tls.version() == version
        else:
            with pytest.raises(ssl.SSLError, match="PROTOCOL"):
                client.shake_hands()


@pytest.mark.parametrize("slug", SUITES)
def test_a_server_insists_on_its_suites(server: HammsServer, slug: str) -> None:
    offered, chosen = SUITES[slug]
    context = permissive(server.ca_pem, offered)
    if slug == "tls-anon":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with server.open(slug) as door, tls.connected(door.address, context) as client:
        client.shake_hands()
        suite = client.tls.cipher()

    assert suite is not None
    assert re.fullmatch(chosen, suite[0])
    assert client.tls.version() == "TLSv1.2"
    assert (client.tls.getpeercert(binary_form=True) is None) == (slug == "tls-anon")


def test_most_clients_begin_again_after_hello_retry(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with tls.met(server, trusts, "tls-hello-retry") as client:
        client.shake_hands()

    hellos = [record for record in client.records if record.type == 22]
    assert len(hellos) == 2  # HelloRetryRequest and ServerHello


@pytest.mark.parametrize("n", [0, 2, 1000])
def test_n_session_tickets_follow_the_handshake(
    server: HammsServer, trusts: ssl.SSLContext, n: int
) -> None:
    with tls.met(server, trusts, "tls-session-ticket-flood", n=n) as client:
        client.shake_hands()
        before = len(client.records)
        assert b" 200 OK" in client.ask()

    # The tickets, four or five records of content, and close_notify.
    assert n + 4 <= len(client.records) - before <= n + 7


def identified(server: HammsServer, tmp_path: Path, root: ChainRoot) -> ssl.SSLContext:
    """Return the context of a client that has a certificate below one of the roots."""
    mint: Mint = tls.contexts_of(server).mint
    context = tls.trusting(server.ca_pem)
    path = tmp_path / "client.pem"
    issuer = LEAF.issuer if root is ChainRoot.OURS else root
    path.write_bytes(mint.pem(server_chain(purposes=("client",), issuer=issuer)))
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("v", ["1.2", "1.3"])
def test_a_client_needs_a_certificate_of_the_right_authority(
    server: HammsServer, tmp_path: Path, v: str
) -> None:
    with server.open("tls-client-cert-required", v=v) as door:
        message = tls.get(door.address, identified(server, tmp_path, ChainRoot.OURS))
        assert message.status == 200
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            tls.get(door.address, identified(server, tmp_path, ChainRoot.UNKNOWN))


def test_the_lack_of_a_client_certificate_shows_late_in_tls_1_3(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with server.open("tls-client-cert-required", v="1.3") as door:
        with tls.connected(door.address, trusts) as client:
            client.shake_hands()
            with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
                client.ask()
    with server.open("tls-client-cert-required", v="1.2") as door:
        with tls.connected(door.address, trusts) as client:
            with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
                client.shake_hands()


def test_no_certificate_suits_the_wrong_authority(server: HammsServer, tmp_path: Path) -> None:
    with server.open("tls-client-cert-wrong-ca") as door:
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            tls.get(door.address, identified(server, tmp_path, ChainRoot.OURS))


def test_a_name_is_required_in_sni(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with server.open("tls-sni-required") as door:
        assert tls.get(door.address, trusts).status == 200
        trusts.check_hostname = False
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            tls.get(door.address, trusts, name=None)
        assert [c.struck for c in server.ledger.connections(door.name)] == [False, True]


@pytest.mark.parametrize("case", ["certificate", "421"])
def test_a_request_is_answered_for_another_host(
    server: HammsServer, trusts: ssl.SSLContext, case: str
) -> None:
    with server.open("tls-sni-misdirected", case=case) as door:
        if case == "421":
            assert tls.get(door.address, trusts).status == 421
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)mismatch"):
                tls.get(door.address, trusts)


@pytest.mark.parametrize(("slug", "chosen"), [("tls-alpn-none", None), ("tls-ecc256", "http/1.1")])
def test_alpn_is_ignored_or_answered(
    server: HammsServer, trusts: ssl.SSLContext, slug: str, chosen: str | None
) -> None:
    trusts.set_alpn_protocols(["http/1.1"])
    with tls.met(server, trusts, slug) as client:
        client.shake_hands()
        assert client.tls.selected_alpn_protocol() == chosen


def test_http_1_comes_after_http_2_was_chosen(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with server.open("tls-alpn-h2-speaks-h1") as door:
        assert tls.get(door.address, trusts).status == 200
        trusts.set_alpn_protocols(["h2"])
        with tls.connected(door.address, trusts) as client:
            client.shake_hands()
            assert client.tls.selected_alpn_protocol() == "h2"
            client.tls.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            client.flush()
            assert client.read().startswith(b"HTTP/1.1 200 OK\r\n")


def test_terms_beyond_this_openssl_have_a_reason() -> None:
    reason = obstacle(Terms(ciphers="RC4-SHA"))

    assert reason is not None
    assert "\n" not in reason
    assert "refuses" in reason
    assert obstacle(insisting(least="1.0", level=0)) is None


def test_every_mode_says_whether_it_is_available() -> None:
    assert [mode.slug for mode in CATALOGUE.values() if mode.obstacle] == []


def test_an_unavailable_mode_is_reported_in_one_line(
    server: HammsServer, trusts: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    with server.open("tls-dh", p="512") as door:
        for _ in range(2):
            with tls.connected(door.address, trusts) as client:
                client.send_hello()
                assert client.receive_rest() == b""

    (warning,) = [r.getMessage() for r in caplog.records if "tls-dh" in r.getMessage()]
    assert re.fullmatch("tls-dh is not available: OpenSSL .* refuses: .*", warning)


@pytest.mark.parametrize("p", ["1024", "composite", "small-subgroup", "2048"])
def test_diffie_hellman_has_the_modulus_and_generator_of_its_group(
    server: HammsServer, p: str
) -> None:
    context = permissive(server.ca_pem, "kDHE")
    with server.open("tls-dh", p=p) as door, tls.connected(door.address, context) as client:
        client.shake_hands()

    messages = dict(each for record in client.records for each in messages_in(record))
    modulus, generator = (
        number.to_bytes((number.bit_length() + 7) // 8, "big") for number in GROUPS[p]
    )
    begin = b"".join(len(each).to_bytes(2, "big") + each for each in (modulus, generator))
    assert messages[SERVER_KEY_EXCHANGE].startswith(begin)
