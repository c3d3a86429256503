"""Forged records after a real handshake, sealed with the keys of the connection.

OpenSSL has no call for many messages that a server may send later, such as HelloRequest or endless KeyUpdates. But
it discloses the secrets of a handshake (``keylog_filename``), from which the server's key and the nonce of each
record are derived (RFC 8446 §5.2, §7.1; RFC 5246 §6.2.3.3, §6.3; RFC 5288 §3).
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hamms_trio.errors import TermsUnavailable
from hamms_trio.net.record_layer import RecordLayer
from hamms_trio.wire.tls.records import (
    LEGACY_VERSION,
    MAX_FRAGMENT_OCTETS,
    AlertLevel,
    ContentType,
    HandshakeType,
    record_octets,
)
from hamms_trio.wire.tls.server_hello import message

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

TAG_OCTETS = 16
IV_OCTETS = 12
SUITE_12 = "ECDHE-ECDSA-AES128-GCM-SHA256"  # the one of TLS 1.2 that `Sealer12` knows
_KEY_12, _SALT = 16, 4  # octets
_SUITES = {
    "TLS_AES_128_GCM_SHA256": ("sha256", 16),
    "TLS_AES_256_GCM_SHA384": ("sha384", 32),
    "TLS_CHACHA20_POLY1305_SHA256": ("sha256", 32),
}
Secrets = Mapping[str, bytes]


class Sealer(ABC):
    """A sealer of a server's records, one after the other."""

    @abstractmethod
    def seal(self, type: int, fragment: bytes) -> bytes:
        """Return a record with this content."""


class Sealer12(Sealer):
    """A sealer for TLS 1.2 with AES-128-GCM; Finished was the record before its first.

    Args:
        secrets: the lines of the key log, by their labels.
    """

    def __init__(self, secrets: Secrets, client_random: bytes, server_random: bytes) -> None:
        # Only now: it takes long to import.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        seed = b"key expansion" + server_random + client_random
        block = _prf(secrets["CLIENT_RANDOM"], seed, 2 * (_KEY_12 + _SALT))
        self._aead = AESGCM(block[_KEY_12 : 2 * _KEY_12])
        self._salt = block[-_SALT:]
        self._number = 1

    def seal(self, type: int, fragment: bytes) -> bytes:
        number = self._number.to_bytes(8, "big")
        self._number += 1
        header = bytes((type,)) + LEGACY_VERSION.to_bytes(2, "big")
        associated = number + header + len(fragment).to_bytes(2, "big")
        sealed = self._aead.encrypt(self._salt + number, fragment, associated)
        return record_octets(type, number + sealed)


class Sealer13(Sealer):
    """A sealer for TLS 1.3; no record was sent with the secret before its first."""

    def __init__(self, secrets: Secrets, suite: str) -> None:
        self._digest, self._key_octets = _SUITES[suite]
        self._is_chacha = "CHACHA" in suite
        self._secret = secrets["SERVER_TRAFFIC_SECRET_0"]
        self._begin()

    def seal(self, type: int, fragment: bytes) -> bytes:
        nonce = int.from_bytes(self._iv, "big") ^ self._number
        self._number += 1
        inner = fragment + bytes((type,))
        outer = ContentType.APPLICATION_DATA
        header = record_octets(outer, b"", length=len(inner) + TAG_OCTETS)
        return header + self._aead.encrypt(nonce.to_bytes(IV_OCTETS, "big"), inner, header)

    def update(self, *, asks: bool) -> bytes:
        """Return a KeyUpdate, after which new keys seal (RFC 8446 §4.6.3).

        Args:
            asks: True if the client has to update its keys as well.
        """
        body = message(HandshakeType.KEY_UPDATE, bytes((asks,)))
        record = self.seal(ContentType.HANDSHAKE, body)
        self._secret = self._expand("traffic upd", len(self._secret))
        self._begin()
        return record

    def _begin(self) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

        key = self._expand("key", self._key_octets)
        self._aead: AESGCM | ChaCha20Poly1305
        self._aead = ChaCha20Poly1305(key) if self._is_chacha else AESGCM(key)
        self._iv = self._expand("iv", IV_OCTETS)
        self._number = 0

    def _expand(self, label: str, octets: int) -> bytes:
        """Return HKDF-Expand-Label without a context (RFC 8446 §7.1); one block is enough."""
        name = b"tls13 " + label.encode()
        info = octets.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
        return hmac.digest(self._secret, info + b"\1", self._digest)[:octets]


class SealedLayer(RecordLayer):
    """The record layer of a connection, whose outgoing records are forged from now on.

    Attributes:
        sealer: the sealer of the outgoing records.
        between: called after each record of content; nothing by default.
    """

    __slots__ = ("_sealed", "between", "sealer")

    def __init__(self, layer: RecordLayer, sealer: Sealer) -> None:
        self._take_over(layer)
        self.sealer = sealer
        self._sealed = b""
        self.between: Callable[[], None] = lambda: None

    def add(self, record: bytes) -> None:
        """Queue a record that is sealed already."""
        self._sealed += record

    def forge(self, type: int, fragment: bytes) -> None:
        """Queue a record of any type."""
        self.add(self.sealer.seal(type, fragment))

    def take(self) -> bytes:
        super().take()  # drops the records of OpenSSL, whose numbers are used already
        sealed, self._sealed = self._sealed, b""
        return sealed

    def write(self, octets: bytes | memoryview) -> None:
        for at in range(0, len(octets), MAX_FRAGMENT_OCTETS):
            self.forge(ContentType.APPLICATION_DATA, bytes(octets[at : at + MAX_FRAGMENT_OCTETS]))
            self.between()

    def close(self) -> None:
        if not self.is_closed:
            super().close()
            self.forge(ContentType.ALERT, bytes((AlertLevel.WARNING, 0)))


def sealer_for(
    layer: RecordLayer, secrets: Secrets, client_random: bytes, server_random: bytes
) -> Sealer:
    """Return a sealer for a connection whose handshake is complete.

    Raises:
        TermsUnavailable: OpenSSL has not disclosed the secrets, or another suite was chosen.
    """
    suite = layer.agreed.cipher or ""
    try:
        if suite == SUITE_12:
            return Sealer12(secrets, client_random, server_random)
        return Sealer13(secrets, suite)
    except KeyError as error:
        raise TermsUnavailable(
            f"no record can be sealed with {suite}: {error} is unknown"
        ) from None


def _prf(secret: bytes, seed: bytes, octets: int) -> bytes:
    """Return this number of octets of P_SHA256 (RFC 5246 §5)."""
    made, a = b"", seed
    while len(made) < octets:
        a = hmac.digest(secret, a, "sha256")
        made += hmac.digest(secret, a + seed, "sha256")
    return made[:octets]
