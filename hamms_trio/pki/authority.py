"""The authority: the root certificate that clients of the lab trust, and its private key."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID

from hamms_trio.pki.material.keys import make_key

THROWAWAY_DAYS = 7
CLOCK_SKEW = timedelta(days=1)  # a client's clock may be slow by this much
PERMITTED = ("localhost",)
PERMITTED_NETWORKS = ("127.0.0.0/8", "::1/128")


class Authority:
    """A root that is valid for seven days, and constrained to localhost and loopback addresses.

    Args:
        is_constrained: False for clients that can't read name constraints.
        name: the common name of the root.
        days: days until the root expires.

    Attributes:
        root: the root's certificate.
        key: the root's key.
    """

    def __init__(
        self,
        *,
        is_constrained: bool = True,
        name: str = "hamms-trio root",
        days: int = THROWAWAY_DAYS,
    ) -> None:
        self.key: CertificateIssuerPrivateKeyTypes = make_key("ec-256")
        self.root = _make_root(self.key, name, is_constrained=is_constrained, days=days)

    @classmethod
    def from_pem(cls, certificate: bytes, key: bytes) -> Authority:
        """Return the authority of a root that was made earlier; certificate and key belong together.

        Raises:
            ValueError: one of them is not in PEM.
        """
        authority = cls.__new__(cls)
        authority.root = x509.load_pem_x509_certificate(certificate)
        authority.key = cast(
            CertificateIssuerPrivateKeyTypes, serialization.load_pem_private_key(key, None)
        )
        return authority

    @property
    def pem(self) -> bytes:
        """The root's certificate, which clients trust."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The root's private key, without encryption."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def is_constrained(self) -> bool:
        """True if name constraints limit the root."""
        return any(each.oid == x509.NameConstraints.oid for each in self.root.extensions)

    def is_valid_for(self, days: float) -> bool:
        """Return True if the root is valid now, and will be in ``days`` from now."""
        now = datetime.now(UTC)
        begins, ends = self.root.not_valid_before_utc, self.root.not_valid_after_utc
        return begins <= now and now + timedelta(days=days) <= ends


def _make_root(
    key: CertificateIssuerPrivateKeyTypes, name: str, *, is_constrained: bool, days: int
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if is_constrained:
        names: list[x509.GeneralName] = [x509.DNSName(each) for each in PERMITTED]
        networks = map(ipaddress.ip_network, PERMITTED_NETWORKS)
        names += [x509.IPAddress(network) for network in networks]
        builder = builder.add_extension(x509.NameConstraints(names, None), critical=True)
    return builder.sign(key, hashes.SHA256())
