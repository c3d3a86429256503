"""Keys and signatures that are too weak, or unusual, and certificates that are too large."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import insists
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error,
    must_error_or_succeed,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Range
from hamms_trio.pki.recipes import (
    LEAF,
    LOCAL_NAMES,
    Recipe,
    authority,
    below,
    chain_of,
    server,
)
from hamms_trio.pki.terms import Terms, presenting

Names = Annotated[int, Range("names", 1, 20_000)]
Certificates = Annotated[int, Range("certificates", 1, 500)]

RSA = "rsa-2048"
BOTH = ("digital_signature", "key_encipherment")
RSA_ISSUER = authority(subject="hamms-trio RSA intermediate", key=RSA)


def _rsa(**changes: object) -> Terms:
    """Return terms with RSA keys, at a security level that still allows weak ones."""
    settings: dict[str, object] = {"key": RSA, "usages": BOTH, **changes}
    return presenting(chain_of(below(RSA_ISSUER, **settings)), level=0)


@insists(client=must_error("RFC 8446 §4.2.3, §4.4.2.4"), mended=_rsa())
def tls_sig_sha1() -> Terms:
    """Present a certificate that is signed with SHA-1.

    Two of eleven measured clients accept it below a private authority: Bun 1.4 and Java 17.
    """
    return _rsa(digest="sha1")


@insists(client=must_error("RFC 8446 §4.2.3, §4.4.2.4"), mended=_rsa())
def tls_sig_md5() -> Terms:
    """Present a certificate that is signed with MD5."""
    return _rsa(digest="md5")


@insists(client=must_error("RFC 9325 §4.5", level=Level.SHOULD), mended=_rsa())
def tls_rsa_1024() -> Terms:
    """Present a certificate with an RSA key of 1024 bits.

    Five of eleven measured clients accept it: Node, Bun, Go 1.19, Java 17 and wget with GnuTLS.
    """
    return _rsa(key="rsa-1024")


@insists(client=must_error("RFC 9325 §4.5"), mended=_rsa())
def tls_rsa_512() -> Terms:
    """Present a certificate with an RSA key of 512 bits, which anybody can factor; TLS 1.2 at most."""
    return presenting(chain_of(below(RSA_ISSUER, key="rsa-512", usages=BOTH)), level=0, most="1.2")


@insists(client=must_succeed("RFC 9325 §4.5", level=Level.QUALITY), mended=_rsa())
def tls_rsa_8192() -> Terms:
    """Present a certificate with an RSA key of 8192 bits; its signature takes long, and is still good."""
    return _rsa(key="rsa-8192")


@insists(client=must_succeed("RFC 8446 §9.1"))
def tls_ecc256() -> Terms:
    """Present a certificate with a key on the curve P-256, which every client has to support."""
    return presenting(server(key="ec-256"))


@insists(client=must_succeed("RFC 8446 §4.2.3", level=Level.QUALITY))
def tls_ecc384() -> Terms:
    """Present a certificate with a key on the curve P-384."""
    return presenting(server(key="ec-384"))


@insists(client=may_choose("RFC 8410, RFC 8446 §4.2.3", level=Level.QUALITY))
def tls_ed25519() -> Terms:
    """Present a certificate with an Ed25519 key, which many clients do not offer to accept."""
    return presenting(server(key="ed25519"))


@insists(client=must_succeed("RFC 8446 §4.4.2", level=Level.QUALITY))
def tls_san_1000(*, n: Names = 1000) -> Terms:
    """Present a certificate with a thousand names."""
    return presenting(_many_names(n))


@insists(client=must_error_or_succeed("RFC 8446 §4.4.2", level=Level.QUALITY))
def tls_san_10000(*, n: Names = 10_000) -> Terms:
    """Present a certificate with ten thousand names, larger than most clients accept.

    OpenSSL takes 100 KB, Go 64 KB and Java 32 KB of certificates.
    """
    return presenting(_many_names(n))


@insists(client=must_error_or_succeed("RFC 8446 §4.4.2", level=Level.QUALITY))
def tls_huge_chain(*, n: Certificates = 180) -> Terms:
    """Send the chain, and ``n`` further certificates that nobody needs: more than OpenSSL's 100 KB."""
    return presenting((*chain_of(LEAF), *map(_ballast, range(n))))


def _many_names(n: int) -> tuple[Recipe, ...]:
    names = (f"host-{number}.localhost" for number in range(n))
    return server(names=(*names, *LOCAL_NAMES))


def _ballast(number: int) -> Recipe:
    changes = {"subject": f"hamms-trio ballast {number}", "key": RSA, "key_use": "ballast"}
    return authority(issuer=RSA_ISSUER, **changes)
