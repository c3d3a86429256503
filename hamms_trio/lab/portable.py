"""Connections as ordinary trio tasks on trio streams: where epoll is missing, and in tests.

The same failure modes play on these as on the hub. What differs: each connection costs a task, and a
client that resets while the mode sleeps is noticed only at the next octet.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from functools import partial

import trio

from hamms_trio.errors import PeerGone
from hamms_trio.lab.doors import AnyDoor
from hamms_trio.lab.listeners import Listener
from hamms_trio.modes.connection import ModeObserver
from hamms_trio.modes.environment import Environment
from hamms_trio.modes.peer import Peer
from hamms_trio.net.descriptors import Admission
from hamms_trio.net.observer import Ending
from hamms_trio.net.resets import reset_stream
from hamms_trio.recording.recorder import Recording

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 4 * 1024
SEND_OCTETS = 64 * 1024  # in one piece, for which the client has to make room in time
FOREVER = float("inf")


class StreamConnection:
    """The octets, the clock and the account of one trio stream (see `modes.connection`)."""

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        observer: ModeObserver,
        *,
        reset: Callable[[], None],
        send_seconds: float = FOREVER,
    ) -> None:
        self.observer = observer
        self._stream = stream
        self._reset = reset
        self._send_seconds = send_seconds

    def now(self) -> float:
        return trio.current_time()

    async def receive(self, deadline: float | None = None) -> bytes:
        data = None
        with trio.CancelScope(deadline=FOREVER if deadline is None else deadline):
            try:
                data = bytes(await self._stream.receive_some(RECEIVE_OCTETS))
            except trio.BrokenResourceError as error:
                raise self._lost(error) from error
        if data is None:
            raise TimeoutError
        if data:
            self.observer.received(len(data))
        else:
            self.observer.note_left(Ending.FIN)
        return data

    async def send(self, data: bytes | memoryview) -> None:
        whole = memoryview(data)
        for at in range(0, len(whole), SEND_OCTETS):
            piece = whole[at : at + SEND_OCTETS]
            try:
                with trio.fail_after(self._send_seconds):
                    await self._stream.send_all(piece)
            except trio.BrokenResourceError as error:
                raise self._lost(error) from error
            except trio.TooSlowError:  # it does not read
                raise PeerGone from None
            self.observer.sent(piece, len(piece))

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self.observer.slept(seconds)

    async def pause(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        self.observer.note_ended(Ending.FIN)
        try:
            await self._stream.send_eof()
        except trio.BrokenResourceError as error:
            raise self._lost(error) from error

    def reset(self) -> None:
        self.observer.note_ended(Ending.RST)
        self._reset()

    def _lost(self, error: trio.BrokenResourceError) -> PeerGone:
        cause = error.__cause__
        was_reset = isinstance(cause, OSError) and cause.errno == errno.ECONNRESET
        self.observer.note_left(Ending.RST if was_reset else Ending.FIN)
        return PeerGone()


async def play(door: AnyDoor, connection: StreamConnection, environment: Environment) -> None:
    """Let one mode fail one client. Nothing it raises may stop the others."""
    try:
        await door.play(Peer(connection, environment))
    except PeerGone:
        pass
    except Exception:  # the boundary: a bug in one mode costs one connection
        logger.exception("%s: bug in this failure mode", door.name)
    finally:
        connection.observer.closed()


class PortableListener:
    """Accepts the connections of one listener, each as a task."""

    def __init__(
        self,
        listener: Listener,
        environment: Environment,
        recording: Recording,
        admission: Admission,
    ) -> None:
        self._listener = listener
        self._environment = environment
        self._recording = recording
        self._admission = admission
        self._open: set[trio.CancelScope] = set()

    async def run(self) -> None:
        """Accept until cancelled."""
        if not self._listener.listens:
            await trio.sleep_forever()
        sockets = map(trio.socket.from_stdlib_socket, self._listener.sockets)
        streams = [trio.SocketListener(sock) for sock in sockets]
        await trio.serve_listeners(self._serve, streams)

    def drop_connections(self) -> None:
        for scope in self._open:
            scope.cancel()

    async def _serve(self, stream: trio.SocketStream) -> None:
        door, admission = self._listener.door, self._admission
        reset = partial(reset_stream, stream)
        if not admission.admits(len(self._open)):
            admission.warn(door.name)
            reset()
            await trio.aclose_forcefully(stream)
            return
        observer = self._recording.opened(door.name, door.slug, _client_of(stream))
        with trio.CancelScope() as scope:
            self._open.add(scope)
            admission.open += 1
            try:
                connection = StreamConnection(
                    stream, observer, reset=reset, send_seconds=self._environment.limits.send
                )
                await play(door, connection, self._environment)
            finally:
                self._open.discard(scope)
                admission.open -= 1
                await trio.aclose_forcefully(stream)


def _client_of(stream: trio.SocketStream) -> tuple[str, int]:
    try:
        address: tuple[str, int] = stream.socket.getpeername()[:2]
    except OSError:  # it has left already
        return ("unknown", 0)
    return address
