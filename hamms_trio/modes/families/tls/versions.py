"""Versions and ciphers that are too old or too new, and servers that require a client's certificate."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import insists
from hamms_trio.modes.model.expectation import Level, may_choose, must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice, Range
from hamms_trio.pki.recipes import ChainRoot, server
from hamms_trio.pki.terms import Terms, insisting, presenting

Group = Annotated[str, Choice("1024", "composite", "small-subgroup", "512", "2048")]
Tickets = Annotated[int, Range("tickets", 0, 10_000)]
Version = Annotated[str, Choice("1.2", "1.3")]

RSA = server(key="rsa-2048", usages=("digital_signature", "key_encipherment"))


@insists(client=must_error("RFC 8996 §2"))
def tls10_only() -> Terms:
    """Speak TLS 1.0 alone.

    One of eleven measured clients connects: wget with GnuTLS.
    """
    return insisting(least="1.0", most="1.0", level=0)


@insists(client=must_error("RFC 8996 §3"))
def tls11_only() -> Terms:
    """Speak TLS 1.1 alone."""
    return insisting(least="1.1", most="1.1", level=0)


@insists(client=must_succeed("RFC 9325 §3.1.1"))
def tls12_only() -> Terms:
    """Speak TLS 1.2 alone."""
    return insisting(least="1.2", most="1.2")


@insists(client=must_succeed("RFC 9325 §3.1.1", level=Level.SHOULD))
def tls13_only() -> Terms:
    """Speak TLS 1.3 alone."""
    return insisting(least="1.3")


@insists(
    client=must_succeed("RFC 8446 §4.2.1"), aliases=("tls-version-min-1.0", "tls-version-min-10")
)
def tls_min_tls10() -> Terms:
    """Speak TLS 1.0 and higher; a client has to choose the highest version that it knows."""
    return insisting(least="1.0", level=0)


@insists(
    client=must_succeed("RFC 8446 §4.2.1"), aliases=("tls-version-min-1.2", "tls-version-min-12")
)
def tls_min_tls12() -> Terms:
    """Speak TLS 1.2 and higher."""
    return insisting(least="1.2")


@insists(client=must_error("RFC 9325 §4.1"))
def tls_null() -> Terms:
    """Offer only suites that do not encrypt (eNULL)."""
    return insisting(ciphers="eNULL", level=0, most="1.2")


@insists(client=must_error("RFC 9325 §4.1"))
def tls_anon() -> Terms:
    """Offer only suites in which the server shows no certificate (aNULL)."""
    return insisting(ciphers="aNULL", level=0, most="1.2")


@insists(client=may_choose("RFC 9325 §4.2", level=Level.SHOULD))
def tls_cbc() -> Terms:
    """Offer only suites of TLS 1.2 with CBC."""
    return insisting(ciphers="ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA", most="1.2")


@insists(client=must_error("RFC 9325 §4.1", level=Level.SHOULD), mended=presenting(RSA, most="1.2"))
def tls_static_rsa() -> Terms:
    """Offer only suites of TLS 1.2 without forward secrecy: the client encrypts a secret for our RSA key."""
    return presenting(RSA, ciphers="kRSA", level=0, most="1.2")


def _with_group(group: str) -> Terms:
    return presenting(RSA, ciphers="kDHE+aRSA", level=0, most="1.2", group=group)


@insists(
    client=must_error("RFC 9325 §4.1, RFC 7919 §5.1", level=Level.SHOULD),
    aliases=("tls-dh-1024",),
    mended=_with_group("2048"),
)
def tls_dh(*, p: Group = "1024") -> Terms:
    """Offer only Diffie-Hellman of TLS 1.2 with a prime, one that is too short.

    ``p=composite`` is no prime at all, and the generator of ``small-subgroup`` has few powers; a client can hardly
    detect either. Among eleven measured clients, Node accepts the former, and Java 17 hangs on it. OpenSSL 3
    refuses to play ``512``. ``2048`` is healthy; many clients do not offer any Diffie-Hellman with a prime.
    """
    return _with_group(p)


@insists(client=must_succeed("RFC 8446 §4.1.4"))
def tls_hello_retry() -> Terms:
    """Accept only the group P-384, so that most clients get a HelloRetryRequest and have to begin again."""
    return insisting(curve="secp384r1", least="1.3")


@insists(client=must_succeed("RFC 8446 §4.6.1", level=Level.QUALITY))
def tls_session_ticket_flood(*, n: Tickets = 1000) -> Terms:
    """Send ``n`` tickets for resumption after a handshake of TLS 1.3, or none with ``n=0``."""
    return insisting(tickets=n)


@insists(
    client=must_error("RFC 8446 §4.4.2.4, §6.2"),
    issues=("golang/go#33368", "google/conscrypt#777"),
)
def tls_client_cert_required(*, v: Version = "1.2") -> Terms:
    """Require a client's certificate, which the lab's own authority has to have signed.

    In TLS 1.2 the handshake fails; in TLS 1.3 the client believes that it has succeeded, and the alert
    certificate_required comes with the first read. The error has to name the reason: requests says "Transport
    endpoint is not connected", and PHP reports a reset.
    """
    return insisting(wants=ChainRoot.OURS, least=v, most=v)


@insists(client=must_error("RFC 8446 §4.4.2.4"), issues=("golang/go#56371",))
def tls_client_cert_wrong_ca(*, v: Version = "1.2") -> Terms:
    """Require a client's certificate from an authority that has signed none."""
    return insisting(wants=ChainRoot.UNKNOWN, least=v, most=v)
