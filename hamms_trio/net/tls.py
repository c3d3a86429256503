"""TLS on the hub: OpenSSL on the descriptor itself, stepped when it is readable or writable.

The handshake comes after the accept and before the connection proper, in turns and under a deadline, so a
client that is silent, slow or gone costs a timer and nothing else.
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
from hamms_trio.net.hub import IN, Hub, Timer
from hamms_trio.net.socket import HubSocket

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
TURN_SECONDS = 0.001  # of handshakes, of which one takes about half of that, mostly for a signature
RECORD_OCTETS = 16 * 1024  # the most that a record holds (RFC 8446 §5.1)

_WANTED = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
_SPEAKS_HTTP = "HTTP_REQUEST"  # OpenSSL's name for octets that look like an HTTP request
_USE_HTTPS = b"This port speaks TLS: use https://\n"
_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_USE_HTTPS), _USE_HTTPS)
)


class TlsSocket(ssl.SSLSocket):
    """A socket whose octets are those within TLS, and which fails as a plain one would."""

    _is_shut = False  # for writing

    def recv(self, buflen: int = RECORD_OCTETS, flags: int = 0) -> bytes:
        """At least one whole record at a time: epoll knows nothing of what OpenSSL has read already.

        Once it is shut for writing, what comes only has to be taken, so it comes as it was sent: to OpenSSL, more
        content after our close_notify is an error, though RFC 8446 §6.1 has each side end by itself.
        """
        if flags or self._is_shut:  # MSG_PEEK: whether the connection stands
            return socket.socket.recv(self, buflen, flags)
        try:
            return super().recv(max(buflen, RECORD_OCTETS))
        except _WANTED:
            raise BlockingIOError(errno.EAGAIN, "no whole record yet") from None
        except ssl.SSLError as error:
            raise _broken(error) from error

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:  # type: ignore[override] # typeshed: any buffer
        try:
            return super().send(data, flags)
        except _WANTED:
            raise BlockingIOError(errno.EAGAIN, "no room") from None
        except ssl.SSLError as error:
            raise _broken(error) from error

    def shutdown(self, how: int) -> None:
        """Say close_notify before FIN (RFC 8446 §6.1), or else it would look like a truncation."""
        if how != socket.SHUT_RD:
            with suppress(OSError, ValueError):  # that the client's has not come yet is as usual
                self.unwrap()
            self._is_shut = True
        socket.socket.shutdown(self, how)

    def close(self) -> None:
        """Say close_notify if that was not done; what is not there any more hears nothing."""
        if self.fileno() >= 0 and not self._is_shut:
            with suppress(OSError, ValueError):
                self.unwrap()
        super().close()

    def refuse_plain_http(self) -> None:
        """Tell a client that speaks HTTP without TLS, in its own language."""
        with suppress(OSError):
            socket.socket.send(self, _REFUSAL)
            socket.socket.shutdown(self, socket.SHUT_WR)
        self._is_shut = True


class Handshakes:
    """Makes accepted sockets speak TLS.

    Args:
        on_failure: is told the reason of each that came to nothing.
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
        self._line: deque[Handshake] = deque()

    def begin(self, sock: socket.socket, then: Callable[[TlsSocket], None]) -> None:
        """Shake hands on an accepted, non-blocking socket, which is taken over.

        Args:
            then: is given the socket once its connection is secured; what it raises closes it.

        Raises:
            OSError: the kernel has no memory for its registration; the caller closes the socket.
        """
        Handshake(self._hub, self, sock, then, self._hub.now() + self._seconds)

    def secure(self, sock: socket.socket) -> TlsSocket:
        """The same connection, to shake hands on.

        Raises:
            OSError, ValueError: the client has sent something and gone already; the socket is closed.
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

    def enter_line(self, handshake: Handshake) -> None:
        """Let it have its turn: a signature takes long, and others wait."""
        if not self._line:
            self._hub.call_next(self._serve)
        self._line.append(handshake)

    def note_failure(self, reason: str) -> None:
        logger.info("tls_handshake_failed error=%s", reason)
        self._on_failure(reason)

    def _serve(self) -> None:
        now = self._hub.now
        turn_ends = now() + TURN_SECONDS
        while self._line:
            self._line.popleft().step()
            if now() >= turn_ends:
                break
        if self._line:
            self._hub.call_next(self._serve)


class Handshake(HubSocket):
    """A handshake that is under way.

    OpenSSL's state is made when the client has sent something, so that a silent client stays small.
    """

    __slots__ = ("_in_line", "_others", "_refused_for", "_secured", "_then", "_timer")

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
        self._refused_for: str | None = None  # the reason that the client received in plain HTTP
        self._in_line = False
        self._timer: Timer | None = hub.call_at(deadline, self._on_deadline)

    def on_event(self, _events: int) -> None:
        if not self._in_line:
            self._in_line = True
            self._others.enter_line(self)

    def abandon(self) -> None:
        self._end(None)

    def step(self) -> None:
        self._in_line = False
        if self._timer is None:  # its time was over while it stood in line
            return
        try:
            secured = self._secured or self._secure()
            if self._refused_for is not None:
                self._hear_out(self._refused_for)
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

    def _hear_out(self, reason: str) -> None:
        """Read what a refused client still sends; to close before would reset it (RFC 9112 §9.6)."""
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
        except OSError:  # the kernel has no memory for its registration
            secured.close()


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or type(error).__name__


def _broken(error: ssl.SSLError) -> OSError:
    """Whatever breaks TLS within a connection breaks the connection."""
    return ConnectionResetError(errno.ECONNRESET, f"TLS: {error.reason or error}")
