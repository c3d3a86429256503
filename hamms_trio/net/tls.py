"""TLS on the hub: OpenSSL on the descriptor itself, stepped when it is readable or writable.

The handshake comes after the accept and before the connection proper, in turns and with a deadline, so a client
that is silent, slow or gone costs only a timer.
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from hamms_trio.certificates import ServerCertificate
from hamms_trio.net.hubs.hub import IN, Hub, Timer
from hamms_trio.net.socket import HubSocket

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
TURN_SECONDS = 0.001  # for handshakes; one takes about half of that, mostly for a signature
RECORD_OCTETS = 16 * 1024  # the maximum of a record (RFC 8446 §5.1)

_WANTED = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
_SPEAKS_HTTP = "HTTP_REQUEST"  # OpenSSL's name for octets that look like an HTTP request
_USE_HTTPS = b"This port speaks TLS: use https://\n"
_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_USE_HTTPS), _USE_HTTPS)
)


class TlsSocket(ssl.SSLSocket):
    """A socket that sends and receives TLS content, and raises the errors of a plain socket."""

    _is_shut = False  # True once shut for writing

    def recv(self, buflen: int = RECORD_OCTETS, flags: int = 0) -> bytes:
        """Read at least one whole record, since epoll does not see octets that OpenSSL has buffered.

        After `shutdown`, return the raw octets, which the caller only discards: OpenSSL raises an error for content
        after our close_notify, although RFC 8446 §6.1 lets each side close by itself.
        """
        if flags or self._is_shut:  # MSG_PEEK only checks the connection
            return socket.socket.recv(self, buflen, flags)
        try:
            return super().recv(max(buflen, RECORD_OCTETS))
        except _WANTED:
            raise BlockingIOError(errno.EAGAIN, "the TLS record is incomplete") from None
        except ssl.SSLError as error:
            raise _broken(error) from error

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:  # type: ignore[override] # typeshed: any buffer
        if flags:  # urgent data is beside the stream that OpenSSL fills with records
            return socket.socket.send(self, data, flags)
        try:
            return super().send(data, flags)
        except _WANTED:
            raise BlockingIOError(errno.EAGAIN, "the send buffer is full") from None
        except ssl.SSLError as error:
            raise _broken(error) from error

    def shutdown(self, how: int) -> None:
        """Send close_notify before FIN (RFC 8446 §6.1); a FIN alone would look like a truncation."""
        if how != socket.SHUT_RD:
            with suppress(
                OSError, ValueError
            ):  # unwrap raises while the client's close_notify is missing, as usual
                self.unwrap()
            self._is_shut = True
        socket.socket.shutdown(self, how)

    def close(self) -> None:
        """Send close_notify, unless that was done or the descriptor is closed; then close."""
        if self.fileno() >= 0 and not self._is_shut:
            with suppress(OSError, ValueError):
                self.unwrap()
        super().close()

    def refuse_plain_http(self) -> None:
        """Answer a client that speaks plain HTTP with a 400 in plain HTTP."""
        with suppress(OSError):
            socket.socket.send(self, _REFUSAL)
            socket.socket.shutdown(self, socket.SHUT_WR)
        self._is_shut = True


class Handshakes:
    """The TLS handshakes of one server.

    Args:
        on_failure: the callback for each failed handshake, with the reason.
    """

    def __init__(
        self,
        hub: Hub,
        certificate: ServerCertificate,
        *,
        seconds: float = HANDSHAKE_SECONDS,
        on_failure: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._hub = hub
        self._certificate = certificate
        self._seconds = seconds
        self._on_failure = on_failure
        self._queue: deque[Handshake] = deque()

    def begin(self, sock: socket.socket, then: Callable[[TlsSocket], None]) -> None:
        """Take over an accepted, non-blocking socket and begin its handshake.

        Args:
            sock: the accepted socket.
            then: the callback for the TLS socket after the handshake; its OSError closes the socket.

        Raises:
            OSError: the kernel has no memory for its registration; the caller closes the socket.
        """
        Handshake(self._hub, self, sock, then, self._hub.now() + self._seconds)

    def secure(self, sock: socket.socket) -> TlsSocket:
        """Wrap a socket in TLS, without the handshake.

        Raises:
            OSError, ValueError: the client has reset the connection after its first octets; the socket is closed.
        """
        context = self._certificate.context
        context.sslsocket_class = TlsSocket
        try:
            secured = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            sock.close()
            raise
        assert isinstance(secured, TlsSocket)
        return secured

    def enqueue(self, handshake: Handshake) -> None:
        """Queue a handshake's next step: a signature takes long, and other connections wait."""
        if not self._queue:
            self._hub.call_next(self._serve)
        self._queue.append(handshake)

    def note_failure(self, reason: str) -> None:
        logger.info("tls_handshake_failed error=%s", reason)
        self._on_failure(reason)

    def _serve(self) -> None:
        now = self._hub.now
        turn_ends = now() + TURN_SECONDS
        while self._queue:
            self._queue.popleft().step()
            if now() >= turn_ends:
                break
        if self._queue:
            self._hub.call_next(self._serve)


class Handshake(HubSocket):
    """A handshake in progress.

    OpenSSL's state is created at the client's first octet, so that a silent client costs little memory.
    """

    __slots__ = ("_is_queued", "_others", "_refused_for", "_secured", "_then", "_timer")

    def __init__(
        self,
        hub: Hub,
        others: Handshakes,
        sock: socket.socket,
        then: Callable[[TlsSocket], None],
        deadline: float,
    ) -> None:
        super().__init__(hub, sock, IN)
        self._others, self._then = others, then
        self._secured: TlsSocket | None = None
        self._refused_for: str | None = (
            None  # the reason, once the client was refused in plain HTTP
        )
        self._is_queued = False
        self._timer: Timer | None = hub.call_at(deadline, self._on_deadline)

    def on_event(self, _events: int) -> None:
        if not self._is_queued:
            self._is_queued = True
            self._others.enqueue(self)

    def abandon(self) -> None:
        self._end(None)

    def step(self) -> None:
        self._is_queued = False
        if self._timer is None:  # the deadline passed while the step was queued
            return
        try:
            secured = self._secured or self._secure()
            if self._refused_for is not None:
                self._drain(self._refused_for)
            elif self.shake_hands(secured):
                self._end(secured)
        except (OSError, ValueError) as error:  # ssl.SSLError is one
            reason = _reason(error)
            if reason == _SPEAKS_HTTP and self._secured is not None:
                self._secured.refuse_plain_http()
                self._refused_for = reason
                self.watch_for(IN)
            else:
                self._fail(self._refused_for or reason)

    def _drain(self, reason: str) -> None:
        """Discard the octets that a refused client still sends; an early close would reset (RFC 9112 §9.6)."""
        if self.read(RECORD_OCTETS) == b"":
            self._fail(reason)

    def _secure(self) -> TlsSocket:
        self.exchange(self._others.secure)
        secured = self._socket
        assert isinstance(secured, TlsSocket)
        self._secured = secured
        return secured

    def _on_deadline(self, _due: float) -> None:
        self._fail(self._refused_for or "TIMEOUT")

    def _fail(self, reason: str) -> None:
        self._end(None)
        self._others.note_failure(reason)

    def _end(self, secured: TlsSocket | None) -> None:
        timer, self._timer = self._timer, None
        if timer is None:
            return
        self._hub.cancel(timer)
        if secured is None:
            self.close()
            return
        self._detach()
        try:
            self._then(secured)
        except OSError:  # the kernel has no memory for the registration
            secured.close()


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or type(error).__name__


def _broken(error: ssl.SSLError) -> OSError:
    """Return the error of a broken connection for an error of TLS."""
    return ConnectionResetError(errno.ECONNRESET, f"TLS: {error.reason or error}")
