"""Connections to targets, by httpcore; imported when a target is called first.

httpcore gets a stream that is connected already, so that the address that was checked is the one that is used, and
the certificate is checked against the name nevertheless. Time is limited by the callers, with one cancel scope for
a whole call, instead of httpcore's timeouts for each read.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import Any, cast

import httpcore
import trio

from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.targets.allowed import AllowedTargets
from hamms_trio.workbench.targets.client import Line, Outgoing
from hamms_trio.workbench.targets.failing import Failing, TargetFailed
from hamms_trio.workbench.targets.fields import length_of
from hamms_trio.workbench.targets.model import Place, Target

MAX_ADDRESSES = 8  # of one name
READ_OCTETS = 256 * 1024  # at once; httpcore itself reads 64 KiB
TURN_OCTETS = 1024 * 1024  # take about a millisecond


class TargetStream(httpcore.AsyncNetworkStream):
    """The octets of one connection.

    Plain octets pass without a turn of the scheduler while the kernel has some, or has room for them: that saves a
    quarter of the time of a large answer. A turn follows at the latest after `TURN_OCTETS`.
    """

    def __init__(
        self,
        sock: socket.socket,
        wrapped: trio.socket.SocketType,
        tls: trio.SSLStream[trio.SocketStream] | None,
    ) -> None:
        self._socket = sock
        self._wrapped = wrapped
        self._tls = tls
        self._octets = 0  # since the last turn

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next octets, or none at the end; the timeout is the caller's business."""
        try:
            if self._tls is not None:
                return bytes(await self._tls.receive_some(max_bytes))
            while True:
                try:
                    octets = self._socket.recv(max_bytes)
                except BlockingIOError:
                    self._octets = 0
                    await trio.lowlevel.wait_readable(self._socket)
                else:
                    await self._count(len(octets))
                    return octets
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.ReadError(str(error)) from error.__cause__ or error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all octets."""
        try:
            if self._tls is not None:
                await self._tls.send_all(buffer)
                return
            left = memoryview(buffer)
            while left:
                try:
                    sent = self._socket.send(left)
                except BlockingIOError:
                    self._octets = 0
                    await trio.lowlevel.wait_writable(self._socket)
                else:
                    left = left[sent:]
                    await self._count(sent)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.WriteError(str(error)) from error.__cause__ or error

    async def _count(self, octets: int) -> None:
        """Let others have their turn after so many octets."""
        self._octets += octets
        if self._octets > TURN_OCTETS:
            self._octets = 0
            await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the connection, as httpcore asks for."""
        self.close()

    def close(self) -> None:
        """Close the connection without a TLS goodbye, which a hostile target could delay."""
        self._wrapped.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks before it uses a connection again."""
        return self._wrapped.is_readable() if info == "is_readable" else None


class Connection:
    """One connection to a target."""

    __slots__ = ("_stream", "http", "origin")

    def __init__(self, place: Place, stream: TargetStream) -> None:
        scheme = b"https" if place.is_tls else b"http"
        self.origin = httpcore.Origin(scheme, place.host.encode(), place.port)
        self._stream = stream
        self.http = httpcore.AsyncHTTP11Connection(self.origin, stream)
        self.http.READ_NUM_BYTES = READ_OCTETS

    @property
    def is_alive(self) -> bool:
        """True if another request can be sent: the target has neither closed nor sent octets of its own accord."""
        if not self.http.is_idle() or self.unread:
            return False
        return not self._stream.get_extra_info("is_readable")

    @property
    def unread(self) -> bytes:
        """Octets that have arrived and are not read yet.

        Behind a complete answer they would become the beginning of the next one, and httpcore does not look.
        """
        return self.http._h11_state.trailing_data[0]

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


async def open_connection(place: Place, allowed: AllowedTargets, *, verify_tls: bool) -> Connection:
    """Connect to a target.

    Raises:
        Problem: 403, one of its addresses is not allowed.
        TargetFailed: no connection can be made.
    """
    problem: OSError | None = None
    for family, address in await _resolve(place, allowed):
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # too many descriptors, or no such family here
            problem = error
            continue
        wrapped = trio.socket.from_stdlib_socket(sock)
        try:
            await wrapped.connect(address)
            wrapped.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = None
            if place.is_tls:
                tls = await _speak_tls(wrapped, place.host, verify=verify_tls)
            return Connection(place, TargetStream(sock, wrapped, tls))
        except OSError as error:
            wrapped.close()
            problem = error
        except BaseException:  # raised again; a cancelled call closes its socket too
            wrapped.close()
            raise
    if isinstance(problem, ConnectionRefusedError):
        raise TargetFailed(Failing.REFUSED, f"{place.host} port {place.port}")
    raise TargetFailed(Failing.UNREACHABLE, f"{place.host} port {place.port}: {problem}")


async def _resolve(place: Place, allowed: AllowedTargets) -> list[tuple[int, Any]]:
    """Return the addresses of a target, each of which is allowed."""
    try:
        found = await trio.socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise TargetFailed(Failing.UNRESOLVED, f"{place.host}: {error}") from None
    addresses = list({sockaddr: family for family, *_, sockaddr in found}.items())
    for sockaddr, _ in addresses:
        allowed.check(place.host, str(sockaddr[0]))
    return [(family, sockaddr) for sockaddr, family in addresses[:MAX_ADDRESSES]]


async def _speak_tls(
    sock: trio.socket.SocketType, host: str, *, verify: bool
) -> trio.SSLStream[trio.SocketStream]:
    stream = trio.SSLStream(
        trio.SocketStream(sock),
        _context(verify=verify),
        server_hostname=host,
        https_compatible=True,
    )
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        cause = error.__cause__ or error
        is_untrusted = isinstance(cause, ssl.SSLCertVerificationError)
        failing = Failing.UNTRUSTED if is_untrusted else Failing.HANDSHAKE
        raise TargetFailed(failing, str(cause)) from None
    return stream


@lru_cache(maxsize=2)  # to read the trusted certificates takes some 20 ms
def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def exchange(
    line: Line, connection: Connection, target: Target, outgoing: Outgoing
) -> Arrived:
    """Send a request on a connection, and return the answer once its head has arrived.

    Raises:
        Problem: 400, the request can't be sent.
        TargetFailed: no head has arrived.
    """
    origin, content = connection.origin, outgoing.content
    url = httpcore.URL(
        scheme=origin.scheme,
        host=origin.host,
        port=origin.port,
        target=target.place.base.encode() + outgoing.path,
    )
    request = httpcore.Request(
        outgoing.method, url, headers=outgoing.fields, content=content or None
    )
    try:
        response = await connection.http.handle_async_request(request)
    except httpcore.LocalProtocolError as error:
        connection.close()
        raise Problem(400, "invalid_proxy_request", f"the request can't be sent: {error}") from None
    except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
        connection.close()
        raise _failed(error, has_head=False) from None
    except BaseException:  # raised again; a cancelled call closes its connection too
        connection.close()
        raise
    return Arrived(line, connection, request, response)


class Arrived:
    """An answer whose head has arrived.

    Attributes:
        raw_fields: the fields as they came.
        length: the octets of the content, if the target says that.
    """

    __slots__ = (
        "_connection", "_is_open", "_line", "_pieces", "_response", "length", "raw_fields", "status",
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        connection: Connection,
        request: httpcore.Request,
        response: httpcore.Response,
    ) -> None:
        self.status: int = response.status
        self.raw_fields: list[tuple[bytes, bytes]] = response.headers
        self.length = length_of(response.headers)
        self._line = line
        self._connection = connection
        self._response = response
        # Within the response's own stream, which leaves this generator open when it is closed itself.
        self._pieces = cast(
            "AsyncGenerator[bytes, None]", connection.http._receive_response_body(request)
        )
        self._is_open = True

    @property
    def is_whole(self) -> bool:
        """True if all of the content is here, so that no read of it waits."""
        return self.length is not None and len(self._connection.unread) >= self.length

    @property
    def is_followed(self) -> bool:
        """True if the target has sent more than its answer, whose length is then a lie."""
        return bool(self._connection.unread)

    async def receive_some(self) -> bytes:
        """Return the next octets of the content, or none at the end.

        Raises:
            TargetFailed: the content has ended too early.
        """
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
            raise _failed(error, has_head=True) from None
        return b""

    async def aclose(self) -> None:
        """Give the connection back, or close it if the content was not read to its end."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            with trio.CancelScope(shield=True):  # nothing here waits for the target
                await self._pieces.aclose()
                await self._response.aclose()
        finally:
            self._line.room.release()
            self._line.give_back(self._connection)


def _failed(error: Exception, *, has_head: bool) -> TargetFailed:
    """Return the failure behind an error of httpcore."""
    if isinstance(error, httpcore.NetworkError):
        is_reset = isinstance(error.__cause__, ConnectionResetError | BrokenPipeError)
        return TargetFailed(Failing.RESET if is_reset else Failing.INCOMPLETE, str(error))
    text = str(error)
    if "without sending a response" in text:
        return TargetFailed(Failing.CLOSED)
    if has_head and "peer closed connection" in text:
        return TargetFailed(Failing.INCOMPLETE, text)
    return TargetFailed(Failing.MALFORMED, text)
