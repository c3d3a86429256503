"""The list of revoked certificates, and the OCSP response, for the certificates that are revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from hamms_trio.pki.mint import Mint
from hamms_trio.pki.recipes import Recipe

AGO = timedelta(hours=1)
VALID = timedelta(days=1)


def revoked_list(mint: Mint, recipe: Recipe) -> bytes:
    """Return the issuer's revocation list with a recipe's certificate, in DER (RFC 5280 §5)."""
    assert isinstance(recipe.issuer, Recipe)
    now = datetime.now(UTC)
    revoked = (
        x509.RevokedCertificateBuilder()
        .serial_number(mint.certificate(recipe).serial_number)
        .revocation_date(now - AGO)
        .build()
    )
    issuer, key = mint.certificate(recipe.issuer), mint.key(recipe.issuer)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - AGO)
        .next_update(now + VALID)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .add_revoked_certificate(revoked)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def ocsp_response(mint: Mint, recipe: Recipe) -> bytes:
    """Return the issuer's response that a recipe's certificate is revoked, in DER (RFC 6960 §4.2)."""
    assert isinstance(recipe.issuer, Recipe)
    now = datetime.now(UTC)
    issuer, key = mint.certificate(recipe.issuer), mint.key(recipe.issuer)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=mint.certificate(recipe),
        issuer=issuer,
        algorithm=hashes.SHA1(),  # of the certificate's identifier; clients ask with it
        cert_status=ocsp.OCSPCertStatus.REVOKED,
        this_update=now - AGO,
        next_update=now + VALID,
        revocation_time=now - AGO,
        revocation_reason=None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer).sign(
        key, hashes.SHA256()
    )
    return signed.public_bytes(Encoding.DER)
