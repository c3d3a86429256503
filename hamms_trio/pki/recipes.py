"""Recipes of certificates: values that describe a certificate and its issuer.

A faulty chain is a healthy one with one field changed, so that its control is the same chain without the change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

# Certificates of healthy chains name these.
LOCAL_NAMES = ("localhost", "*.hamms.localhost", "127.0.0.1", "::1")


class ChainRoot(Enum):
    """The roots of all chains."""

    OURS = "the root that clients trust"
    UNKNOWN = "a root that nobody trusts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The description of a certificate.

    Attributes:
        subject: the common name; None for an empty subject.
        organization: the organization in the subject; "" for none.
        names: of subjectAltName: host names, addresses, or mail addresses; none for a certificate without it.
        dns_names: further host names, taken as they are, even if they look like an address.
        begins: days from now until it becomes valid.
        ends: days from now until it expires.
        key: ``ec-256``, ``ec-384``, ``ed25519`` or ``rsa-`` and the number of bits.
        key_use: tells several keys of one kind apart; "" for the usual one.
        digest: of the signature: ``sha256``, ``sha1`` or ``md5``; the last two need an issuer with an RSA key.
        issuer: the signer; None for a self-signed certificate.
        is_authority: True for the certificate of an authority; None for one without basicConstraints.
        path_length: authorities that may follow below it; None for any number.
        usages: of the key, with the names of `cryptography.x509.KeyUsage`.
        purposes: of extendedKeyUsage: ``server``, ``client``, ``any``.
        permitted: names that may be in certificates below it, those of addresses with a prefix length.
        excluded: names that may not be there.
        has_unknown_extension: True for a critical extension that nobody knows.
        serial: the octets of the serial number; none for a random one. Any are taken, if the issuer's key is EC.
        is_version_1: True for X.509 version 1, which has no extensions, and so no names of hosts.
        must_staple: True for the TLS feature of RFC 7633: clients want an OCSP response in the handshake.
        revoked_by: where its revocation is published: ``crl`` or ``ocsp``; "" if nowhere.
    """

    subject: str | None = "a server under test"
    organization: str = ""
    names: tuple[str, ...] = LOCAL_NAMES
    dns_names: tuple[str, ...] = ()
    begins: float = -1.0
    ends: float = 6.0
    key: str = "ec-256"
    key_use: str = ""
    digest: str = "sha256"
    issuer: Recipe | ChainRoot | None = None
    is_authority: bool | None = False
    path_length: int | None = None
    usages: tuple[str, ...] = ("digital_signature",)
    purposes: tuple[str, ...] = ("server",)
    permitted: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    has_unknown_extension: bool = False
    serial: bytes = b""
    is_version_1: bool = False
    must_staple: bool = False
    revoked_by: str = ""


Chain = tuple[Recipe, ...]

INTERMEDIATE = Recipe(
    subject="hamms-trio intermediate",
    names=(),
    issuer=ChainRoot.OURS,
    key_use="intermediate",
    is_authority=True,
    usages=("key_cert_sign", "crl_sign", "digital_signature"),
    purposes=(),
)
LEAF = Recipe(issuer=INTERMEDIATE)


def chain_of(leaf: Recipe) -> Chain:
    """Return a certificate and those above it, in order, without the root."""
    chain = [leaf]
    while isinstance(issuer := chain[-1].issuer, Recipe):
        chain.append(issuer)
    return tuple(chain)


def below(issuer: Recipe | ChainRoot, **changes: object) -> Recipe:
    """Return the recipe of a healthy server certificate with these changes, signed by ``issuer``."""
    return replace(LEAF, issuer=issuer, **changes)  # type: ignore[arg-type] # fields of a recipe


def authority(**changes: object) -> Recipe:
    """Return the recipe of a healthy intermediate authority with these changes."""
    return replace(INTERMEDIATE, **changes)  # type: ignore[arg-type] # fields of a recipe


def server(**changes: object) -> Chain:
    """Return a healthy chain with these changes to the server's own certificate."""
    return chain_of(replace(LEAF, **changes))  # type: ignore[arg-type] # fields of a recipe


HEALTHY_CHAIN = chain_of(LEAF)
