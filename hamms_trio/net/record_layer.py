"""The record layer: a server's side of TLS in memory, whose octets pass through our hands in both directions.

OpenSSL reads from one buffer and writes to another (`ssl.MemoryBIO`), so each record can be held, cut, dribbled or
damaged on its way. A reset stays visible as one, while `ssl.SSLSocket` reports the end of input.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass

from hamms_trio.errors import TlsFailure

# The maximum of a record (RFC 8446 §5.1); OpenSSL returns one at a time.
RECORD_READ_OCTETS = 16 * 1024

ENDED_EARLY = "UNEXPECTED_EOF_WHILE_READING"  # OpenSSL's reason for a FIN without close_notify


@dataclass(frozen=True, slots=True)
class Agreed:
    """The outcome of a handshake.

    Attributes:
        version: such as ``TLSv1.3``.
        cipher: the cipher suite.
        protocol: the protocol that ALPN chose, or None.
        is_resumed: True if the handshake resumed an earlier session.
        client_certificate: the client's certificate in DER, or None.
    """

    version: str | None
    cipher: str | None
    protocol: str | None
    is_resumed: bool
    client_certificate: bytes | None


class RecordLayer:
    """OpenSSL's state of one connection.

    Attributes:
        is_established: True once the handshake is complete.
        is_closed: True once our close_notify is queued.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls", "is_closed", "is_established")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_established = False
        self.is_closed = False

    def _take_over(self, layer: RecordLayer) -> None:
        """Adopt the state of another layer, which must not be used any more."""
        self._incoming, self._outgoing, self._tls = layer._incoming, layer._outgoing, layer._tls
        self.is_established, self.is_closed = layer.is_established, layer.is_closed

    # Records

    def feed(self, octets: bytes) -> None:
        """Pass on octets from the client; an empty value is the end of its input."""
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()

    def take(self) -> bytes:
        """Return the records that are to be sent."""
        return self._outgoing.read()

    @property
    def has_more(self) -> bool:
        """True if octets came that OpenSSL has not looked at; they may be a part of a record."""
        return self._incoming.pending > 0

    # The handshake

    def shake_hands(self) -> bool:
        """Continue the handshake; return True once it is complete, False while the client's octets are missing.

        Raises:
            TlsFailure: the handshake has failed; `take` may return our alert.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise _failure(error) from error
        self.is_established = True
        return True

    @property
    def sends_tickets_last(self) -> bool:
        """True if what follows a complete handshake are tickets alone, for which no client waits (TLS 1.3)."""
        return self._tls.version() == "TLSv1.3"

    # The content

    def read(self) -> bytes | None:
        """Return content, none after the client's close_notify, or None while octets are missing.

        Raises:
            TlsFailure: the client has sent an alert or a damaged record, or its octets ended without close_notify.
        """
        try:
            return self._tls.read(RECORD_READ_OCTETS)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            raise _failure(error) from error

    def write(self, octets: bytes | memoryview) -> None:
        """Encrypt content, which `take` then returns.

        Raises:
            TlsFailure: the connection has failed.
        """
        try:
            self._tls.write(octets)
        except ssl.SSLError as error:
            raise _failure(error) from error

    def close(self) -> None:
        """Queue close_notify (RFC 8446 §6.1)."""
        if not self.is_closed:
            self.is_closed = True
            # It raises as long as the client's own close_notify is missing, as usual.
            with suppress(ssl.SSLError, ValueError):
                self._tls.unwrap()

    def is_closed_by_client(self) -> bool:
        """Return True if the client's close_notify has come, once our own is sent."""
        try:
            self._tls.unwrap()
        except (ssl.SSLError, ValueError):
            return False
        return True

    # Facts

    @property
    def agreed(self) -> Agreed:
        """The outcome of the handshake, once it is complete."""
        tls = self._tls
        chosen = tls.cipher()
        return Agreed(
            tls.version(),
            chosen[0] if chosen else None,
            tls.selected_alpn_protocol(),
            bool(tls.session_reused),
            tls.getpeercert(binary_form=True),
        )


def _failure(error: ssl.SSLError) -> TlsFailure:
    return TlsFailure(error.reason or str(error))
