"""Chains that are expired, broken, untrusted, or in an order that a client has to mend."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from hamms_trio.modes.declare import insists
from hamms_trio.modes.model.expectation import Level, may_choose, must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice, Range
from hamms_trio.pki.recipes import (
    INTERMEDIATE,
    LEAF,
    ChainRoot,
    authority,
    below,
    chain_of,
    server,
)
from hamms_trio.pki.terms import Terms, presenting

SERIALS = {"zero": b"\0", "negative": b"\xff", "long": b"\x7f" * 21}

Serial = Annotated[str, Choice(*SERIALS)]
Days = Annotated[float, Range("days", 0, 3650)]

MIDDLE = authority(subject="hamms-trio middle", key_use="middle")
EXPIRED = authority(ends=-0.5)
ANOTHER = authority(subject="hamms-trio, another branch", key_use="another")
NO_AUTHORITY = below(INTERMEDIATE, subject="a server that signs", key_use="signer")


@insists(client=must_error("RFC 5280 §6.1.3, RFC 9110 §4.3.4"))
def tls_expired(*, days: Days = 1.0) -> Terms:
    """Present a certificate that expired yesterday."""
    return presenting(server(begins=-days - 10, ends=-days))


@insists(client=must_error("RFC 5280 §6.1.3"))
def tls_not_yet_valid(*, days: Days = 5.0) -> Terms:
    """Present a certificate that becomes valid in five days."""
    return presenting(server(begins=days, ends=days + 30))


@insists(
    client=must_error("RFC 9110 §4.3.4, RFC 5280 §6.1"),
    mended=presenting(server(issuer=ChainRoot.OURS)),
)
def tls_self_signed() -> Terms:
    """Present a certificate that signs itself."""
    return presenting(server(issuer=None))


@insists(client=must_error("RFC 5280 §6.1"), mended=presenting(server(issuer=ChainRoot.OURS)))
def tls_untrusted_root() -> Terms:
    """Present a certificate that is signed by a root that no client trusts."""
    return presenting(server(issuer=ChainRoot.UNKNOWN))


@insists(
    client=must_error("RFC 8446 §4.4.2"),
)
def tls_incomplete_chain() -> Terms:
    """Leave out the intermediate certificate.

    A client that fetches missing certificates finds none either: the certificate does not say where one would be.
    """
    return presenting((LEAF,))


@insists(
    client=must_succeed("RFC 8446 §4.4.2", level=Level.SHOULD),
    mended=presenting(chain_of(below(authority(issuer=MIDDLE)))),
)
def tls_reversed_chain() -> Terms:
    """Send the two certificates above the server's own in the wrong order."""
    own, *others = chain_of(below(authority(issuer=MIDDLE)))
    return presenting((own, *reversed(others)))


@insists(client=must_succeed("RFC 8446 §4.4.2", level=Level.SHOULD))
def tls_extra_certs() -> Terms:
    """Send unrelated certificates before the one that completes the chain."""
    unrelated = (ANOTHER, below(ANOTHER, subject="another server"))
    return presenting((LEAF, *unrelated, INTERMEDIATE))


@insists(client=must_error("RFC 5280 §6.1.3"))
def tls_expired_intermediate() -> Terms:
    """Present a certificate that is fine, below an intermediate that has expired."""
    return presenting(chain_of(below(EXPIRED)))


@insists(
    client=must_succeed("RFC 5280 §6.1, RFC 4158 §2.4, RFC 8446 §4.4.2", level=Level.SHOULD),
    issues=("libressl/portable#595", "certifi/python-certifi#129"),
)
def tls_expired_cross_sign() -> Terms:
    """Send two certificates of one intermediate, first the expired one, then the one that is valid.

    A client has to look for another path when the first one fails, as in May 2020, when AddTrust's root expired.
    """
    return presenting((LEAF, EXPIRED, INTERMEDIATE))


@insists(client=must_succeed("RFC 5280 §6.1, RFC 4158 §2.4, RFC 8446 §4.4.2", level=Level.SHOULD))
def tls_untrusted_cross_sign() -> Terms:
    """Send two certificates of one intermediate, first that of an unknown root, then that of the trusted one."""
    return presenting((LEAF, authority(issuer=ChainRoot.UNKNOWN), INTERMEDIATE))


@insists(
    client=must_error("RFC 5280 §6.1.4(k)"),
    mended=presenting(
        chain_of(
            below(replace(NO_AUTHORITY, is_authority=True, usages=("key_cert_sign",), purposes=()))
        )
    ),
)
def tls_issuer_not_ca() -> Terms:
    """Present a certificate that is signed with another server's certificate, which is no authority's."""
    return presenting(chain_of(below(NO_AUTHORITY)))


@insists(client=must_error("RFC 5280 §4.2.1.9, §6.1.4(k)"))
def tls_no_basic_constraints() -> Terms:
    """Present a certificate below an intermediate that does not say whether it is an authority."""
    return presenting(chain_of(below(authority(is_authority=None))))


@insists(
    client=must_error("RFC 5280 §6.1.4(l)"),
    mended=presenting(chain_of(below(authority(issuer=MIDDLE)))),
)
def tls_pathlen() -> Terms:
    """Present a chain with an authority below one that allows none below it (pathLenConstraint 0)."""
    return presenting(chain_of(below(authority(issuer=replace(MIDDLE, path_length=0)))))


@insists(client=must_succeed("RFC 5280 §4.2.1.9, §6.1.4(m)"))
def tls_pathlen_increases() -> Terms:
    """Present a chain whose second authority allows more authorities below it than the one above allows.

    The longer limit never counts, and the chain keeps the shorter one.
    """
    above = replace(MIDDLE, path_length=1)
    return presenting(chain_of(below(authority(issuer=above, path_length=2))))


@insists(client=may_choose("RFC 5280 §4.2.1.9"))
def tls_server_is_ca() -> Terms:
    """Present a server's certificate that is an authority's, too.

    Mozilla's verifier refuses such a certificate, OpenSSL accepts it.
    """
    return presenting(server(is_authority=True, usages=("digital_signature", "key_cert_sign")))


@insists(client=may_choose("RFC 5280 §4.1.2.2", level=Level.SHOULD))
def tls_serial_edge(*, case: Serial = "zero") -> Terms:
    """Present a certificate with a serial number that no authority may give: zero, negative, or of 21 octets.

    RFC 5280 asks clients to take zero and negative ones; Go has refused negative ones since 1.23.
    """
    return presenting(server(serial=SERIALS[case]))


@insists(client=must_error("RFC 5280 §4.1.2.1, RFC 9110 §4.3.4"))
def tls_cert_v1() -> Terms:
    """Present a certificate of X.509 version 1, which names no host but in its common name, localhost."""
    return presenting(server(subject="localhost", is_version_1=True))


@insists(client=may_choose("CA/Browser Forum Baseline Requirements §6.3.2", level=Level.QUALITY))
def tls_validity_10y() -> Terms:
    """Present a certificate that is valid for ten years; browsers allow 398 days at most."""
    return presenting(server(ends=3650.0))
