"""Private keys, made on first use, and kept in memory for one run."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from hamms_trio.pki.material.known_primes import PRIMES

EXPONENT = 65537
_CURVES: dict[str, ec.EllipticCurve] = {"ec-256": ec.SECP256R1(), "ec-384": ec.SECP384R1()}


Wanted = tuple[str, str]  # kind and use


class Keys:
    """The keys of one run: one for each kind and use.

    Attributes:
        in_thread: True if RSA keys, which take up to half a second, may be made in a thread.
    """

    def __init__(self) -> None:
        self.in_thread = False
        self._made: dict[Wanted, CertificateIssuerPrivateKeyTypes] = {}
        self._making: dict[Wanted, Future[CertificateIssuerPrivateKeyTypes]] = {}

    def get(self, kind: str, use: str) -> CertificateIssuerPrivateKeyTypes:
        """Return the key of this kind (see `recipes.Recipe.key`) for this use, such as ``leaf``."""
        known = self._made.get((kind, use))
        if known is None:
            known = self._made[kind, use] = make_key(kind)
        return known

    def are_ready(self, wanted: Iterable[Wanted]) -> bool:
        """Return True once `get` returns these at once; until then, make the slow ones in threads."""
        if not self.in_thread:
            return True
        slow = [each for each in wanted if each[0].startswith("rsa") and each not in self._made]
        for each in slow:
            if each not in self._making:
                self._making[each] = _in_thread(each[0])
            elif self._making[each].done():
                self._made[each] = self._making.pop(each).result()
        return all(each in self._made for each in slow)


def _in_thread(kind: str) -> Future[CertificateIssuerPrivateKeyTypes]:
    """Start to make a key in a thread of its own, which ends with the key."""
    with_thread = ThreadPoolExecutor(1, "hamms-trio key")
    made = with_thread.submit(make_key, kind)
    with_thread.shutdown(wait=False)
    return made


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
