"""Certificates that no library makes, because their version or their serial number is invalid (RFC 5280 §4.1.2).

A valid certificate is made first; then its octets are changed, and its issuer's key signs them again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from hamms_trio.pki.material.der import BIT_STRING, INTEGER, SEQUENCE, der

_VERSION, _EXTENSIONS = 0xA0, 0xA3  # tags of the two parts that version 1 does not have
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")  # RFC 5758 §3.2


def altered(
    certificate: x509.Certificate,
    key: CertificateIssuerPrivateKeyTypes,
    *,
    is_version_1: bool,
    serial: bytes,
) -> x509.Certificate:
    """Return the certificate with these changes and a new signature; the same one if there are none.

    Args:
        key: the issuer's, on an elliptic curve.
        serial: the octets of the serial number; none to leave it.
    """
    if not is_version_1 and not serial:
        return certificate
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # the recipe's issuer has one
    parts = []
    for tag, element in _elements(certificate.tbs_certificate_bytes):
        if is_version_1 and tag in (_VERSION, _EXTENSIONS):
            continue
        parts.append(der(INTEGER, serial) if serial and tag == INTEGER else element)
    signed = der(SEQUENCE, b"".join(parts))
    signature = der(BIT_STRING, b"\0" + key.sign(signed, ec.ECDSA(hashes.SHA256())))
    with warnings.catch_warnings():  # the fault is wanted
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(
            der(SEQUENCE, signed + _ECDSA_WITH_SHA256 + signature)
        )


def _elements(sequence: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the octets of each element in a sequence."""
    at, _ = _content(sequence, 0)
    while at < len(sequence):
        _, ends = _content(sequence, at)
        yield sequence[at], sequence[at:ends]
        at = ends


def _content(octets: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at a place begins and ends."""
    length = octets[at + 1]
    begins = at + 2
    if length & 0x80:
        begins += length & 0x7F
        length = int.from_bytes(octets[at + 2 : begins], "big")
    return begins, begins + length
