"""TLS on the hub: OpenSSL in memory (see `record_layer`), fed with what the socket has, and stepped by its events.

The handshake comes after the accept and before the connection proper, with a deadline, so a client that is silent,
slow or gone costs only a timer. A step takes up to half a millisecond, mostly for a signature; the hub's turns are
bounded by time, so that other clients wait no longer.

Each flight is one call of the kernel. OpenSSL on the descriptor itself would read each record in two calls, write
each ticket in another, and need a second socket object.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from hamms_trio.certificates import ServerCertificate
from hamms_trio.errors import TlsFailure
from hamms_trio.net.hubs.hub import IN, OUT, Hub, Timer
from hamms_trio.net.record_layer import ENDED_EARLY, Agreed, RecordLayer
from hamms_trio.net.socket import HubSocket

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
HELLO_OCTETS = 8 * 1024  # to read at a time; a ClientHello has up to two thousand
ENCRYPTED_OCTETS = 32 * 1024  # of content at a time, which may have to wait for room in the kernel
MOST_HELD = 64 * 1024  # octets of records that the client does not read while it asks for more

_SPEAKS_HTTP = "HTTP_REQUEST"  # OpenSSL's name for octets that look like an HTTP request
_USE_HTTPS = b"This port speaks TLS: use https://\n"
_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_USE_HTTPS), _USE_HTTPS)
)


class TlsSocket:
    """A socket that sends and receives content by TLS, and raises the errors of a plain socket.

    Args:
        sock: the non-blocking socket beneath.
        layer: OpenSSL's state after the handshake.
        held: records that go out with the first content, such as tickets.
        hello: the ClientHello's octets, if somebody may want to read them.
    """

    __slots__ = ("_has_ended", "_held", "_is_shut", "_layer", "_owed", "_socket", "hello")

    def __init__(
        self, sock: socket.socket, layer: RecordLayer, held: bytes = b"", hello: bytes = b""
    ) -> None:
        self.hello = hello
        self._socket = sock
        self._layer = layer
        self._held = held  # records that wait for room in the kernel
        self._owed = 0  # octets of content in them, which the caller will pass once more
        self._has_ended = False  # True once the client's close_notify has come
        self._is_shut = False  # True once shut for writing

    @property
    def agreed(self) -> Agreed:
        """The outcome of the handshake."""
        return self._layer.agreed

    def fileno(self) -> int:
        return self._socket.fileno()

    def getsockopt(self, level: int, option: int) -> int:
        return self._socket.getsockopt(level, option)

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        self._socket.setsockopt(level, option, value)

    def recv(self, most: int, flags: int = 0) -> bytes:
        """Return all content of the records that have come, even if that is more than ``most`` octets.

        The hub sees no octets that were read from the kernel already. After `shutdown`, return the raw octets,
        which the caller only discards.
        """
        if flags or self._is_shut:  # MSG_PEEK only checks the connection
            return self._socket.recv(most, flags)
        octets = self._socket.recv(most)
        if not octets or self._has_ended:
            return b""
        self._layer.feed(octets)
        content = self.take_content()
        if not content and not self._has_ended:
            raise BlockingIOError(errno.EAGAIN, "the TLS record is incomplete")
        return content

    def take_content(self) -> bytes:
        """Return the content of records that are in memory already.

        Raises:
            OSError: the client has sent an alert, or a record that is none.
        """
        layer = self._layer
        try:
            content = layer.read()
            if not layer.has_more and content:
                return content
            pieces = []
            while content:
                pieces.append(content)
                content = layer.read()
        except TlsFailure as error:
            self._answer(layer.take())
            raise _broken(error) from error
        if content is not None:
            self._end_input()
        self._answer(layer.take())
        return b"".join(pieces)

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        """Send content, and return the number of octets that the kernel has taken, in records.

        As with OpenSSL, the rest has to be passed again as it is: some of it may be encrypted already.
        """
        if flags:  # urgent data is beside the stream of records
            return self._socket.send(data, flags)
        at = 0
        if self._owed:
            self._flush()
            if self._held:
                raise BlockingIOError(errno.EAGAIN, "the send buffer is full")
            at, self._owed = self._owed, 0
        while at < len(data):
            piece = data[at : at + ENCRYPTED_OCTETS]
            try:
                self._layer.write(piece)
            except TlsFailure as error:
                raise _broken(error) from error
            self._held += self._layer.take()
            self._flush()
            if self._held:
                self._owed = len(piece)
                if not at:
                    raise BlockingIOError(errno.EAGAIN, "the send buffer is full")
                break
            at += len(piece)
        return at

    def shutdown(self, how: int) -> None:
        """Send close_notify before FIN (RFC 8446 §6.1); a FIN alone would look like a truncation."""
        if how != socket.SHUT_RD:
            self._notify_close()
        self._socket.shutdown(how)

    def close(self) -> None:
        """Send close_notify, unless that was done or the descriptor is closed; then close."""
        if self.fileno() >= 0 and not self._is_shut:
            self._notify_close()
        self._socket.close()

    def _notify_close(self) -> None:
        self._is_shut = True
        self._layer.close()
        self._held += self._layer.take()
        with suppress(OSError):  # the client has left
            self._flush()

    def _end_input(self) -> None:
        """Have the kernel report the end of input, since the hub sees no close_notify."""
        self._has_ended = True
        with suppress(OSError):  # the client has reset the connection
            self._socket.shutdown(socket.SHUT_RD)

    def _answer(self, records: bytes) -> None:
        """Send what OpenSSL has to answer, such as an alert or a KeyUpdate.

        Raises:
            OSError: the client has left, or asks for answers without reading them.
        """
        if not records:
            return
        self._held += records
        self._flush()
        if len(self._held) > MOST_HELD + ENCRYPTED_OCTETS:
            raise ConnectionResetError(errno.ECONNRESET, "TLS: the client reads no answers")

    def _flush(self) -> None:
        """Hand records to the kernel, and hold those for which it has no room."""
        held = self._held
        if held:
            try:
                sent = self._socket.send(held)
            except BlockingIOError:
                return
            self._held = held[sent:]


Then = Callable[[TlsSocket, bytes], None]
Fail = Callable[[str, bytes], None]


class Handshakes:
    """The TLS handshakes of one server.

    Args:
        keeps_hello: says whether the octets of a ClientHello are kept until its handshake has ended.
    """

    def __init__(
        self,
        hub: Hub,
        certificate: ServerCertificate,
        *,
        seconds: float = HANDSHAKE_SECONDS,
        keeps_hello: Callable[[], bool] = lambda: False,
    ) -> None:
        self._hub = hub
        self._certificate = certificate
        self._seconds = seconds
        self.keeps_hello = keeps_hello

    def begin(self, sock: socket.socket, then: Then, fail: Fail) -> None:
        """Take over an accepted, non-blocking socket and begin its handshake.

        Args:
            sock: the accepted socket.
            then: the callback for the TLS socket after the handshake, and for the content that has come already;
                its OSError closes the socket.
            fail: the callback for a handshake that fails, with the reason and the ClientHello, if that is kept.

        Raises:
            OSError: the kernel has no memory for its registration; the caller closes the socket.
        """
        Handshake(self._hub, self, sock, then, fail, self._hub.now() + self._seconds)

    def layer(self) -> RecordLayer:
        """Return OpenSSL's state for a new handshake, with the current certificate."""
        return RecordLayer(self._certificate.context)


class Handshake(HubSocket):
    """A handshake in progress.

    OpenSSL's state is created at the client's first octet, so that a silent client costs little memory.
    """

    __slots__ = ("_fail_with", "_hello", "_layer", "_others", "_refused_for", "_then", "_timer")

    def __init__(
        self,
        hub: Hub,
        others: Handshakes,
        sock: socket.socket,
        then: Then,
        fail: Fail,
        deadline: float,
    ) -> None:
        super().__init__(hub, sock, IN)
        self._others, self._then, self._fail_with = others, then, fail
        self._hello = b""
        self._layer: RecordLayer | None = None
        # The reason, once the client was refused in plain HTTP.
        self._refused_for: str | None = None
        self._timer: Timer | None = hub.call_at(deadline, self._on_deadline)

    @property
    def group(self) -> str:
        """The group of all handshakes: a signature takes long, and other connections have their turns between."""
        return "handshakes"

    def abandon(self) -> None:
        self._end(None)

    def on_event(self, _events: int) -> None:
        try:
            if self._unsent:
                self._send_rest()
            elif (octets := self.read(HELLO_OCTETS)) is not None:
                self._receive(octets)
        except TlsFailure as error:
            self._on_failure(str(error))
        except OSError as error:
            self._fail(self._refused_for or type(error).__name__)

    def _receive(self, octets: bytes) -> None:
        if self._refused_for is not None:
            # Octets of a refused client are discarded; an early close would reset (RFC 9112 §9.6).
            if not octets:
                self._fail(self._refused_for)
            return
        if not octets:
            self._fail(ENDED_EARLY)
            return
        layer = self._layer
        if layer is None:
            layer = self._layer = self._others.layer()
        layer.feed(octets)
        if self._others.keeps_hello():
            self._hello += octets
        is_complete = layer.shake_hands()
        if is_complete and layer.sends_tickets_last:
            self._end(layer)  # the tickets go out with the first content
        elif not self.write_or_keep(layer.take()):
            self.watch_for(OUT)
        elif is_complete:
            self._end(layer)

    def _send_rest(self) -> None:
        """Send the rest of a flight that was larger than the kernel's room, such as a huge chain."""
        if not self.write_kept():
            return
        self.watch_for(IN)
        if self._layer is not None and self._layer.is_established:
            self._end(self._layer)

    def _on_failure(self, reason: str) -> None:
        """Send our alert, or the refusal of a client that speaks plain HTTP."""
        assert self._layer is not None
        try:
            if reason == _SPEAKS_HTTP:
                self.write_or_keep(_REFUSAL)
                self.finish()
                self._refused_for = reason
                return
            self.write_or_keep(self._layer.take())
        except OSError:
            pass  # the client has left
        self._fail(reason)

    def _on_deadline(self, _due: float) -> None:
        self._fail(self._refused_for or "TIMEOUT")

    def _fail(self, reason: str) -> None:
        self._end(None)
        self._note_failure(reason)

    def _note_failure(self, reason: str) -> None:
        logger.info("tls_handshake_failed error=%s", reason)
        self._fail_with(reason, self._hello)

    def _end(self, layer: RecordLayer | None) -> None:
        timer, self._timer = self._timer, None
        if timer is None:
            return
        self._hub.cancel(timer)
        if layer is None:
            self.close()
            return
        self._detach()
        secured = TlsSocket(cast(socket.socket, self._socket), layer, layer.take(), self._hello)
        try:
            content = secured.take_content() if layer.has_more else b""
        except OSError as error:
            secured.close()
            self._note_failure(str(error))
            return
        try:
            self._then(secured, content)
        except OSError:  # the kernel has no memory for the registration
            secured.close()


def _broken(error: TlsFailure) -> OSError:
    """Return the error of a broken connection for an error of TLS."""
    return ConnectionResetError(errno.ECONNRESET, f"TLS: {error}")
