"""Connections to targets, over httpcore; imported when a target is first called.

httpcore gets a connected stream, so that the connection goes to the address that was checked, and the certificate
is still verified against the host name. The callers limit the time with one cancel scope for a whole call, instead
of httpcore's timeout for each read.
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
from hamms_trio.workbench.targets.client import ConnectionPool, Outgoing
from hamms_trio.workbench.targets.failing import Failing, TargetFailed
from hamms_trio.workbench.targets.fields import length_of
from hamms_trio.workbench.targets.model import BaseUrl, Target

MAX_ADDRESSES = 8  # of one name
TARGET_READ_OCTETS = 256 * 1024  # in one read; httpcore's default is 64 KiB
TURN_OCTETS = 1024 * 1024  # take about a millisecond


class TargetStream(httpcore.AsyncNetworkStream):
    """The octets of one connection.

    Without TLS, a read or write takes no checkpoint while the kernel has octets or room: that saves a quarter of
    the time of a large answer. A checkpoint follows after `TURN_OCTETS` at the latest.
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
        """Return the next octets, or none at the end; ignore ``timeout``, since callers limit the time."""
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
        """Count octets, and take a checkpoint after `TURN_OCTETS`."""
        self._octets += octets
        if self._octets > TURN_OCTETS:
            self._octets = 0
            await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the connection, as httpcore asks for."""
        self.close()

    def close(self) -> None:
        """Close the connection without a close_notify alert, which a hostile target could delay."""
        self._wrapped.close()

    def get_extra_info(self, info: str) -> Any:
        """Answer the question that httpcore asks before it reuses a connection."""
        return self._wrapped.is_readable() if info == "is_readable" else None


class TargetConnection:
    """One connection to a target."""

    __slots__ = ("_stream", "http", "origin")

    def __init__(self, place: BaseUrl, stream: TargetStream) -> None:
        scheme = b"https" if place.is_tls else b"http"
        self.origin = httpcore.Origin(scheme, place.host.encode(), place.port)
        self._stream = stream
        self.http = httpcore.AsyncHTTP11Connection(self.origin, stream)
        self.http.READ_NUM_BYTES = TARGET_READ_OCTETS

    @property
    def is_alive(self) -> bool:
        """True if another request can be sent: the target has neither closed nor sent unsolicited octets."""
        if not self.http.is_idle() or self.unread:
            return False
        return not self._stream.get_extra_info("is_readable")

    @property
    def unread(self) -> bytes:
        """The octets that have arrived and are not read yet.

        After a complete answer they would become the beginning of the next one, and httpcore does not check that.
        """
        return self.http._h11_state.trailing_data[0]

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


async def open_connection(
    place: BaseUrl, allowed: AllowedTargets, *, verify_tls: bool
) -> TargetConnection:
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
            return TargetConnection(place, TargetStream(sock, wrapped, tls))
        except OSError as error:
            wrapped.close()
            problem = error
        except BaseException:  # raised again; a cancelled call closes its socket too
            wrapped.close()
            raise
    if isinstance(problem, ConnectionRefusedError):
        raise TargetFailed(Failing.REFUSED, f"{place.host} port {place.port}")
    raise TargetFailed(Failing.UNREACHABLE, f"{place.host} port {place.port}: {problem}")


async def _resolve(place: BaseUrl, allowed: AllowedTargets) -> list[tuple[int, Any]]:
    """Resolve the addresses of a target, and check each of them."""
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


@lru_cache(maxsize=2)  # loading the trusted certificates takes some 20 ms
def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def exchange(
    pool: ConnectionPool, connection: TargetConnection, target: Target, outgoing: Outgoing
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
    return Arrived(pool, connection, request, response)


class Arrived:
    """An answer whose head has arrived.

    Attributes:
        raw_fields: the fields as they came.
        length: the declared octets of the content; None if the target declares none.
    """

    __slots__ = (
        "_connection",
        "_is_open",
        "_pieces",
        "_pool",
        "_response",
        "length",
        "raw_fields",
        "status",
    )  # fmt: skip

    def __init__(
        self,
        pool: ConnectionPool,
        connection: TargetConnection,
        request: httpcore.Request,
        response: httpcore.Response,
    ) -> None:
        self.status: int = response.status
        self.raw_fields: list[tuple[bytes, bytes]] = response.headers
        self.length = length_of(response.headers)
        self._pool = pool
        self._connection = connection
        self._response = response
        # The inner generator of the response's stream, because closing that stream leaves this generator open.
        self._pieces = cast(
            "AsyncGenerator[bytes, None]", connection.http._receive_response_body(request)
        )
        self._is_open = True

    @property
    def is_whole(self) -> bool:
        """True if the whole content has arrived, so that reading it does not wait."""
        return self.length is not None and len(self._connection.unread) >= self.length

    @property
    def is_followed(self) -> bool:
        """True if octets follow the answer, so that its declared length is wrong."""
        return bool(self._connection.unread)

    async def receive_some(self) -> bytes:
        """Return the next octets of the content, or none at the end.

        Raises:
            TargetFailed: the content is incomplete.
        """
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
            raise _failed(error, has_head=True) from None
        return b""

    async def aclose(self) -> None:
        """Return the connection to the pool, or close it if content is left unread."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            with trio.CancelScope(shield=True):  # nothing here waits for the target
                await self._pieces.aclose()
                await self._response.aclose()
        finally:
            self._pool.room.release()
            self._pool.give_back(self._connection)


def _failed(error: Exception, *, has_head: bool) -> TargetFailed:
    """Translate an error of httpcore."""
    if isinstance(error, httpcore.NetworkError):
        is_reset = isinstance(error.__cause__, ConnectionResetError | BrokenPipeError)
        return TargetFailed(Failing.RESET if is_reset else Failing.INCOMPLETE, str(error))
    text = str(error)
    if "without sending a response" in text:
        return TargetFailed(Failing.CLOSED)
    if has_head and "peer closed connection" in text:
        return TargetFailed(Failing.INCOMPLETE, text)
    return TargetFailed(Failing.MALFORMED, text)
