"""A load's connections as trio tasks and streams: where epoll is missing, and in virtual time."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from hamms_trio.load.client import Client, LoadConnection
from hamms_trio.load.losses import connect_failure, loss, tls_failure
from hamms_trio.load.plan.target import Target

RECEIVE_OCTETS = 64 * 1024

OpenStream = Callable[[], Awaitable[trio.abc.Stream]]


class StreamCarrier:
    """Carries a load's octets on whatever streams are opened for it (see `client.Carrier`)."""

    def __init__(self, open_stream: OpenStream, nursery: trio.Nursery) -> None:
        self._open_stream = open_stream
        self._nursery = nursery
        self.now = trio.current_time

    def call_at(self, due: float, callback: Callable[[float], None]) -> object:
        self._nursery.start_soon(self._call_at, due, callback)
        return None

    def call_on_time(self, due: float, callback: Callable[[float], None]) -> None:
        self.call_at(due, callback)

    def connect(self, client: Client) -> LoadConnection:
        connection = StreamConnection(client)
        self._nursery.start_soon(connection.run, self._open_stream)
        return connection

    async def _call_at(self, due: float, callback: Callable[[float], None]) -> None:
        await trio.sleep_until(due)
        callback(due)


class StreamConnection:
    """One connection: a task that reads and one that writes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._scope = trio.CancelScope()
        self._unsent = b""
        self._has_unsent = trio.Event()

    def send(self, octets: bytes) -> None:
        self._unsent += octets
        self._has_unsent.set()

    def close(self) -> None:
        self._scope.cancel()

    async def run(self, open_stream: OpenStream) -> None:
        with self._scope:
            stream = await self._open(open_stream)
            if stream is None:
                return
            try:
                async with trio.open_nursery() as nursery:
                    self._client.on_open()
                    nursery.start_soon(self._write, stream)
                    await self._read(stream)
            finally:
                await trio.aclose_forcefully(stream)

    async def _open(self, open_stream: OpenStream) -> trio.abc.Stream | None:
        try:
            return await open_stream()
        except OSError as error:
            self._client.on_lost(*connect_failure(error))
        except trio.BrokenResourceError as error:
            self._client.on_lost(*tls_failure(_cause(error)))
        return None

    async def _read(self, stream: trio.abc.Stream) -> None:
        """Tell what comes until the client closes the connection, which is as soon as it hears the end."""
        while True:
            try:
                data = await stream.receive_some(RECEIVE_OCTETS)
            except trio.BrokenResourceError as error:
                cause = _cause(error)
                if isinstance(cause, ssl.SSLEOFError):
                    self._client.on_eof(clean=False)
                else:
                    self._client.on_lost(*loss(cause))
                return
            if not data:
                self._client.on_eof()
                return
            self._client.on_octets(bytes(data))

    async def _write(self, stream: trio.abc.Stream) -> None:
        """Send what there is; of a lost connection the reader tells."""
        while True:
            await self._has_unsent.wait()
            octets, self._unsent = self._unsent, b""
            self._has_unsent = trio.Event()
            try:
                await stream.send_all(octets)
            except trio.BrokenResourceError:
                return


def _cause(error: BaseException) -> Exception:
    """What made a stream fail: the first of its causes."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    assert isinstance(error, Exception)
    return error


async def open_target(target: Target) -> trio.abc.Stream:
    """A connection to a target.

    Raises:
        OSError: TCP could not connect.
        trio.BrokenResourceError: TLS could not.
    """
    family, address = target.address
    sock = trio.socket.socket(family)
    try:
        await sock.connect(address)
    except BaseException:
        sock.close()
        raise
    stream = trio.SocketStream(sock)
    if target.tls is None:
        return stream
    tls = trio.SSLStream(stream, target.tls, server_hostname=target.url.host)
    try:
        await tls.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(tls)
        raise
    return tls


def stream_carrier(target: Target, nursery: trio.Nursery) -> StreamCarrier:
    """A carrier over TCP."""
    return StreamCarrier(partial(open_target, target), nursery)
