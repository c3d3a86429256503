"""The authority: a root that clients of the lab trust, and what it signs."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID

from hamms_trio.pki.keys import make_key

DAYS = 7
CLOCK_SKEW = timedelta(days=1)  # a client's clock may be slow by this much
PERMITTED = ("localhost",)
PERMITTED_NETWORKS = ("127.0.0.0/8", "::1/128")


class Authority:
    """A root that is valid for seven days, and constrained to localhost and loopback addresses.

    Args:
        is_constrained: False for clients that can't read name constraints.
        name: the common name of the root.

    Attributes:
        root: the root's certificate.
        key: the root's key.
    """

    def __init__(self, *, is_constrained: bool = True, name: str = "hamms-trio root") -> None:
        self.key: CertificateIssuerPrivateKeyTypes = make_key("ec-256")
        self.root = _make_root(self.key, name, is_constrained=is_constrained)


def _make_root(
    key: CertificateIssuerPrivateKeyTypes, name: str, *, is_constrained: bool
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
        .not_valid_after(now + timedelta(days=DAYS))
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
