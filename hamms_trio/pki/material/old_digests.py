"""Signatures with digests that are no longer accepted: SHA-1 and MD5.

Libraries no longer make such certificates. A certificate is therefore made with SHA-256, the name of the algorithm
is replaced in its octets, and the octets are signed again.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from hamms_trio.pki.material.der import BIT_STRING, NULL, SEQUENCE, der

# sha256WithRSAEncryption and its predecessors (RFC 8017 §A.2.4); their names have equal lengths.
_SHA256 = bytes.fromhex("06092a864886f70d01010b")
_OLD: dict[str, tuple[bytes, hashes.HashAlgorithm]] = {
    "sha1": (bytes.fromhex("06092a864886f70d010105"), hashes.SHA1()),
    "md5": (bytes.fromhex("06092a864886f70d010104"), hashes.MD5()),
}


def resign(
    certificate: x509.Certificate, key: CertificateIssuerPrivateKeyTypes, digest: str
) -> x509.Certificate:
    """Return the certificate with a signature of this digest; the same certificate for ``sha256``.

    Args:
        key: the issuer's, for RSA if the digest is an old one.
    """
    if digest not in _OLD:
        return certificate
    assert isinstance(key, rsa.RSAPrivateKey)  # the recipe's issuer has an RSA key
    name, algorithm = _OLD[digest]
    signed = certificate.tbs_certificate_bytes.replace(_SHA256, name)
    signature = key.sign(signed, padding.PKCS1v15(), algorithm)
    parts = signed, der(SEQUENCE, name + NULL), der(BIT_STRING, b"\0" + signature)
    return x509.load_der_x509_certificate(der(SEQUENCE, b"".join(parts)))
