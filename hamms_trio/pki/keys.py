"""Private keys, made when they are first needed, and kept in memory for one run."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from hamms_trio.pki.known_primes import PRIMES

EXPONENT = 65537
_CURVES: dict[str, ec.EllipticCurve] = {"ec-256": ec.SECP256R1(), "ec-384": ec.SECP384R1()}


class Keys:
    """The keys of one run: one for each kind and use."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], CertificateIssuerPrivateKeyTypes] = {}

    def get(self, kind: str, use: str) -> CertificateIssuerPrivateKeyTypes:
        """Return the key of this kind (see `recipes.Recipe.key`) for this use, such as ``leaf``."""
        known = self._made.get((kind, use))
        if known is None:
            known = self._made[kind, use] = make_key(kind)
        return known


def make_key(kind: str) -> CertificateIssuerPrivateKeyTypes:
    """Make a new key; those that take too long, or are too short to be made, come from known primes."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    bits = int(kind.removeprefix("rsa-"))
    if bits in PRIMES:
        return _rsa_key(*PRIMES[bits])
    return rsa.generate_private_key(EXPONENT, bits)


def _rsa_key(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
