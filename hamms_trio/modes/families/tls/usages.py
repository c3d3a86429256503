"""Certificates that are for another use, are revoked, or have an unknown extension."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import insists, on_request
from hamms_trio.modes.model.expectation import Level, may_choose, must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.pki.recipes import Recipe, authority, below, chain_of, server
from hamms_trio.pki.terms import Terms, presenting
from hamms_trio.wire import RequestHead

How = Annotated[str, Choice("muststaple", "crl", "ocsp")]

_ELSEWHERE = b"There is something at /crl and at /ocsp.\n"
_TYPES = {"crl": "application/pkix-crl", "ocsp": "application/ocsp-response"}


@insists(client=must_error("RFC 5280 §4.2.1.3"))
def tls_keyusage() -> Terms:
    """Present a certificate whose key may neither sign (digitalSignature) nor encipher keys."""
    return presenting(server(usages=("content_commitment",)))


@insists(client=must_error("RFC 5280 §4.2.1.3, §6.1.4(n)"))
def tls_issuer_may_not_sign() -> Terms:
    """Present a certificate below an intermediate whose key may not sign certificates (keyCertSign)."""
    return presenting(chain_of(below(authority(usages=("digital_signature",)))))


@insists(client=must_error("RFC 5280 §4.2.1.12"))
def tls_eku_client_only() -> Terms:
    """Present a certificate that is for clients alone (extKeyUsage clientAuth).

    One of eleven measured clients accepts it: wget with GnuTLS.
    """
    return presenting(server(purposes=("client",)))


@insists(client=may_choose("RFC 5280 §4.2.1.12", level=Level.QUALITY))
def tls_eku_any() -> Terms:
    """Present a certificate for any purpose (anyExtendedKeyUsage).

    Go accepts it; OpenSSL and browsers refuse.
    """
    return presenting(server(purposes=("any",)))


@insists(client=must_succeed("RFC 5280 §4.2.1.12"))
def tls_eku_absent() -> Terms:
    """Present a certificate that states no purpose, so that it may be used for any."""
    return presenting(server(purposes=()))


@insists(
    client=must_error("CA/Browser Forum Baseline Requirements §7.1.2.10.6", level=Level.SHOULD)
)
def tls_eku_of_issuer() -> Terms:
    """Present a server's certificate below an intermediate that is for clients alone.

    RFC 5280 does not apply an issuer's purposes to what it signs; browsers and OpenSSL do.
    """
    return presenting(chain_of(below(authority(purposes=("client",)))))


@insists(client=must_error("RFC 5280 §4.2"))
def tls_critical_unknown_ext() -> Terms:
    """Present a certificate with a critical extension that nobody knows."""
    return presenting(server(has_unknown_extension=True))


@insists(client=must_error("RFC 5280 §4.2"))
def tls_critical_unknown_ext_issuer() -> Terms:
    """Present a certificate below an intermediate with a critical extension that nobody knows."""
    return presenting(chain_of(below(authority(has_unknown_extension=True))))


def _revoked(how: str) -> Recipe:
    is_listed = how != "muststaple"
    return server(must_staple=not is_listed, revoked_by=how if is_listed else "")[0]


@insists(client=may_choose("RFC 5280 §6.3, RFC 7633 §4.2.3"))
def tls_revoked(*, how: How = "muststaple") -> Terms:
    """Present a certificate that is revoked, or that demands a proof that it is not.

    With ``crl`` and ``ocsp``, this server's universal door has the list or the answer, which declares it
    revoked; most clients never ask. With ``muststaple``, the certificate demands an answer in the handshake, and
    none comes.
    """
    return presenting(chain_of(_revoked(how)))


@on_request(client=must_succeed("RFC 5280 §5, RFC 6960 §4.2"), decides=True)
async def tls_revocation(peer: Peer, request: RequestHead) -> None:
    """Answer with the list of revoked certificates at ``/crl``, and with an OCSP response at ``/ocsp``.

    ``tls-revoked`` leads clients here. A request for an OCSP response is answered for the one certificate that is
    revoked, whatever it asks.
    """
    from hamms_trio.pki import revocation  # only now: cryptography takes long to import

    which = peer.http.path[1:].partition("/")[0]
    if which not in _TYPES:
        await peer.http.respond(request, 404, ("Content-Type", "text/plain"), body=_ELSEWHERE)
        return
    make = revocation.revoked_list if which == "crl" else revocation.ocsp_response
    body = make(peer.environment.contexts.mint, _revoked(which))
    await peer.http.respond(request, 200, ("Content-Type", _TYPES[which]), body=body)
