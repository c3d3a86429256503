"""The mint: it makes the certificates of recipes, valid and faulty, on first use."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from inspect import signature

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
    ObjectIdentifier,
)

from hamms_trio.pki.authority import Authority
from hamms_trio.pki.material.der import NULL
from hamms_trio.pki.material.keys import Keys
from hamms_trio.pki.material.old_digests import resign
from hamms_trio.pki.material.surgery import altered
from hamms_trio.pki.recipes import LOCAL_NAMES, Chain, ChainRoot, Recipe, chain_of

UNKNOWN_EXTENSION = ObjectIdentifier("1.3.6.1.4.1.99999.1")  # of an enterprise that does not exist
_PURPOSES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_NO_USAGES = dict.fromkeys(signature(x509.KeyUsage).parameters, False)


class Mint:
    """The maker of certificates below an authority's root, and below a root that nobody trusts.

    Attributes:
        authority: the authority whose root clients trust.
        revocation_url: the beginning of the URLs at which revoked certificates are listed; "" if nowhere.
        more_names: further names of this server, in the certificates that have the local names.
        keys: the keys of all certificates.
    """

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.revocation_url = ""
        self.more_names: tuple[str, ...] = ()
        self.keys = Keys()
        self._made: dict[Recipe, x509.Certificate] = {}
        self._roots = {ChainRoot.OURS: authority}

    def pem(self, chain: Chain) -> bytes:
        """Return a server's file: the certificates in their order, then the key of the first."""
        return self.certificate_pem(chain) + self.key_pem(chain[0])

    def certificate_pem(self, chain: Chain) -> bytes:
        """Return the certificates in their order."""
        return b"".join(self.certificate(each).public_bytes(Encoding.PEM) for each in chain)

    def key_pem(self, recipe: Recipe) -> bytes:
        """Return the private key of a recipe's certificate."""
        return self.key(recipe).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def certificate(self, recipe: Recipe) -> x509.Certificate:
        """Return the certificate of a recipe; one recipe has one certificate for as long as the mint exists."""
        made = self._made.get(recipe)
        if made is None:
            made = self._made[recipe] = self._make(recipe)
        return made

    def key(self, recipe: Recipe) -> CertificateIssuerPrivateKeyTypes:
        """Return the private key of a recipe's certificate; recipes of one kind and use share it."""
        return self.keys.get(recipe.key, recipe.key_use)

    def has_keys(self, chain: Chain) -> bool:
        """Return True once the keys of a chain are made; until then, slow ones are made in a thread."""
        recipes = dict.fromkeys(each for own in chain for each in chain_of(own))
        return self.keys.are_ready({(each.key, each.key_use) for each in recipes})

    def root(self, which: ChainRoot) -> Authority:
        """Return one of the two authorities; the one that nobody trusts is made on first use."""
        if which not in self._roots:
            self._roots[which] = Authority(is_constrained=False, name="An unknown root")
        return self._roots[which]

    def _make(self, recipe: Recipe) -> x509.Certificate:
        issuer, signs = self._issuer(recipe)
        now = datetime.now(UTC)
        key = self.key(recipe)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(recipe))
            .issuer_name(_name(recipe) if issuer is None else issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=recipe.begins))
            .not_valid_after(now + timedelta(days=recipe.ends))
        )
        for extension, is_critical in self._extensions(recipe, key, signs):
            builder = builder.add_extension(extension, is_critical)
        digest = None if isinstance(signs, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        made = resign(builder.sign(signs, digest), signs, recipe.digest)
        return altered(made, signs, is_version_1=recipe.is_version_1, serial=recipe.serial)

    def _issuer(
        self, recipe: Recipe
    ) -> tuple[x509.Certificate | None, CertificateIssuerPrivateKeyTypes]:
        """Return the issuer's certificate, None for a self-signed one, and the key that signs."""
        if recipe.issuer is None:
            return None, self.key(recipe)
        if isinstance(recipe.issuer, ChainRoot):
            root = self.root(recipe.issuer)
            return root.root, root.key
        return self.certificate(recipe.issuer), self.key(recipe.issuer)

    def _extensions(
        self,
        recipe: Recipe,
        key: CertificateIssuerPrivateKeyTypes,
        signs: CertificateIssuerPrivateKeyTypes,
    ) -> Iterable[tuple[x509.ExtensionType, bool]]:
        """Yield each extension and True if it is critical."""
        if recipe.is_authority is not None:
            length = recipe.path_length if recipe.is_authority else None
            yield x509.BasicConstraints(recipe.is_authority, length), True
        yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()), False
        if recipe.usages:
            yield x509.KeyUsage(**{**_NO_USAGES, **dict.fromkeys(recipe.usages, True)}), True
        if recipe.purposes:
            yield x509.ExtendedKeyUsage([_PURPOSES[each] for each in recipe.purposes]), False
        names = [*map(_general_name, recipe.names), *map(x509.DNSName, recipe.dns_names)]
        if set(LOCAL_NAMES) <= set(recipe.names):
            names += map(_general_name, self.more_names)
        if names:
            yield x509.SubjectAlternativeName(names), not list(_name(recipe))
        if recipe.permitted or recipe.excluded:
            subtrees = [_subtrees(recipe.permitted), _subtrees(recipe.excluded)]
            yield x509.NameConstraints(*subtrees), True
        if recipe.has_unknown_extension:
            yield x509.UnrecognizedExtension(UNKNOWN_EXTENSION, NULL), True
        if recipe.must_staple:
            yield x509.TLSFeature([x509.TLSFeatureType.status_request]), False
        if recipe.revoked_by and self.revocation_url:
            yield self._revocation(recipe.revoked_by), False

    def _revocation(self, how: str) -> x509.ExtensionType:
        url = x509.UniformResourceIdentifier(self.revocation_url + how)
        if how == "crl":
            return x509.CRLDistributionPoints(
                [x509.DistributionPoint([url], relative_name=None, reasons=None, crl_issuer=None)]
            )
        return x509.AuthorityInformationAccess(
            [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)]
        )


def _name(recipe: Recipe) -> x509.Name:
    """Return the subject of a recipe's certificate."""
    parts = []
    if recipe.organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, recipe.organization))
    if recipe.subject is not None:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, recipe.subject))
    return x509.Name(parts)


def _general_name(name: str) -> x509.GeneralName:
    """Return a name as X.509 has it: an address, a network (with a slash), a mail address, or a host name."""
    if "@" in name:
        return x509.RFC822Name(name)
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_network(name) if "/" in name else _address(name))
    return x509.DNSName(name)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(name)


def _subtrees(names: Iterable[str]) -> list[x509.GeneralName] | None:
    return list(map(_general_name, names)) or None
