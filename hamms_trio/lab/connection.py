"""One accepted connection on the hub, and the failure mode that plays on it.

The mode's coroutine is stepped by the callbacks below. Each awaitable method of the connection ends in
a ``yield`` of the `Wait` it needs; `_resume` sends the coroutine on when that has come about. The socket
stays registered for input all the time, and is only taken off while input comes that nobody waits for,
so that most exchanges need no system call but recv and send.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Coroutine, Generator
from enum import Enum
from time import monotonic
from types import coroutine

from hamms_trio.errors import PeerGone
from hamms_trio.modes.connection import ModeObserver
from hamms_trio.net.hub import IN, LEFT, LOST, OUT, Hub, Timer
from hamms_trio.net.observer import Ending
from hamms_trio.net.resets import reset_and_close

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 4 * 1024  # small enough that what one read brings can't keep the others waiting
SEND_IN_ONE_GO = 256 * 1024  # octets sent to a fast reader before the others get their turn
LATE_SECONDS = 1.0  # a sleep that follows one that ended so late does not try to catch up

_VANISHED = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


class Wait(Enum):
    """What a coroutine may wait for."""

    INPUT = "octets from the client"
    ROOM = "room in the kernel's send buffer"
    TIME = "time"
    TURN = "its turn"


Play = Coroutine[Wait, bytes | None, None]

_INPUT, _ROOM, _TIME, _TURN = Wait  # a module's names are found faster than an enumeration's


class HubConnection:
    """The octets and the clock of one connection, and its observer (see `modes.connection`)."""

    __slots__ = (
        "_deadline",
        "_events",
        "_fd",
        "_hub",
        "_on_close",
        "_play",
        "_send_seconds",
        "_sent_in_one_go",
        "_socket",
        "_timer",
        "_timer_due",
        "_wait",
        "_woken_due",
        "observer",
    )

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        observer: ModeObserver,
        on_close: Callable[[], None],
        *,
        send_seconds: float,
    ) -> None:
        self.observer = observer
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()
        self._on_close = on_close
        self._send_seconds = send_seconds
        self._play: Play | None = None
        self._wait: Wait | None = None
        self._events = IN | LEFT
        self._deadline: float | None = None
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._woken_due = 0.0
        self._sent_in_one_go = 0
        hub.watch(self._fd, self, self._events)

    def start(self, play: Play) -> None:
        """Let ``play`` have the connection until it ends; then close it."""
        self._play = play
        self._resume(None)

    # A peer's calls (see `modes.connection`)

    def now(self) -> float:
        return monotonic()

    @coroutine
    def receive(self, deadline: float | None = None) -> Generator[Wait, bytes, bytes]:
        if not self._events & IN:
            self._watch_for(self._events | IN)
        if deadline is not None:
            self._set_deadline(deadline)
        data = yield _INPUT
        self._deadline = None
        return data

    @coroutine
    def send(self, data: bytes | memoryview) -> Generator[Wait, bytes | None, None]:
        if self._hub.is_crowded:
            # First hear everybody, then answer: each answer may wake a client that sleeps, and those
            # that find theirs awake cost half.
            self._hub.call_next(self._on_turn)
            yield _TURN
        sent = self._send_some(data)
        while sent < len(data):
            if not sent:
                self._watch_for(self._events | OUT)
                self._set_deadline(monotonic() + self._send_seconds)
                try:
                    yield _ROOM
                except TimeoutError:  # it does not read
                    raise PeerGone from None
                self._deadline = None
            data = memoryview(data)[sent:]
            sent = self._send_some(data)
        if self._sent_in_one_go > SEND_IN_ONE_GO:
            yield from self.pause()

    @coroutine
    def sleep(self, seconds: float) -> Generator[Wait, bytes | None, None]:
        now = monotonic()
        begin = self._woken_due or now
        if begin < now - LATE_SECONDS:
            begin = now
        self._set_timer(begin + seconds)
        yield _TIME
        self.observer.slept(seconds)

    @coroutine
    def pause(self) -> Generator[Wait, bytes | None, None]:
        self._hub.call_next(self._on_turn)
        yield _TURN

    async def send_eof(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._lost(error) from error
        self.observer.note_ended(Ending.FIN)

    def reset(self) -> None:
        self._forget()
        self.observer.note_ended(Ending.RST)
        reset_and_close(self._socket)

    # What the hub tells

    def on_event(self, events: int) -> None:
        wait = self._wait
        if wait is not _INPUT:
            if events & LOST:
                self._on_lost()
            elif wait is _ROOM and events & OUT:
                self._watch_for(self._events & ~OUT)
                self._resume(None)
            else:
                self._on_unawaited(events)
            return
        try:
            data = self._socket.recv(RECEIVE_OCTETS)
        except BlockingIOError:  # the event was meant for an earlier owner of the descriptor
            return
        except OSError as error:
            self._resume(None, self._lost(error))
            return
        if data:
            self.observer.received(len(data))
        else:
            self.observer.note_left(Ending.FIN)
        self._resume(data)

    def abandon(self) -> None:
        """End at once, by a reset, so that the port is not left in TIME-WAIT."""
        if self._fd >= 0:
            self.reset()
        self._close()

    def _on_unawaited(self, events: int) -> None:
        """Nobody waits for what has come: note it, and hear no more of it until somebody does."""
        if events & LEFT:
            self.observer.note_left(Ending.FIN)
        self._watch_for(self._events & ~events)

    def _on_lost(self) -> None:
        """Whatever the mode waits for, it will not come: the connection is reset, or closed by both."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:  # the event was meant for an earlier owner of the descriptor
            return
        except OSError as error:
            self._resume(None, self._lost(error))
        else:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._resume(None, self._lost(OSError(number, "")))

    def _on_turn(self) -> None:
        if self._wait is _TURN:
            self._resume(None)

    def _on_timer(self, due: float) -> None:
        self._timer = None
        if self._wait is _TIME:
            self._woken_due = due
            self._resume(None)
            self._woken_due = 0.0
        elif self._deadline is not None:
            if self._deadline > due:  # it was moved on since
                self._set_timer(self._deadline)
            else:
                self._deadline = None
                self._resume(None, TimeoutError())

    # Within

    def _resume(self, came: bytes | None, error: Exception | None = None) -> None:
        """Let the coroutine's wait end with what has come, or with an error, until it waits again."""
        play = self._play
        if play is None:
            return
        self._wait = None
        self._sent_in_one_go = 0
        try:
            self._wait = play.send(came) if error is None else play.throw(error)
        except (StopIteration, PeerGone):
            self._close()
        except Exception:  # the boundary: a bug in one mode costs one connection
            logger.exception("%s: bug in this failure mode", self.observer.name)
            self._close()

    def _send_some(self, data: bytes | memoryview) -> int:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error) from error
        self._sent_in_one_go += sent
        self.observer.sent(data, sent)
        return sent

    def _lost(self, error: OSError) -> PeerGone:
        """Note how the client left, as the kernel tells it."""
        if error.errno == errno.ECONNRESET:
            self.observer.note_left(Ending.RST)
        elif error.errno in _VANISHED:
            self.observer.note_left(Ending.VANISHED)
        else:  # EPIPE, ENOTCONN: it had closed its side before, and what we sent was refused
            self.observer.note_left(Ending.FIN)
        return PeerGone()

    def _watch_for(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._hub.rewatch(self._fd, events)

    def _set_deadline(self, deadline: float) -> None:
        """Have the wait end then; an earlier timer serves too, as it is moved on when it fires."""
        self._deadline = deadline
        if self._timer is None or self._timer_due > deadline:
            self._set_timer(deadline)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._hub.cancel(self._timer)
        self._timer_due = due
        self._timer = self._hub.call_at(due, self._on_timer)

    def _forget(self) -> None:
        if self._timer is not None:
            self._hub.cancel(self._timer)
            self._timer = None
        self._hub.forget(self._fd)
        self._fd = -1

    def _close(self) -> None:
        play, self._play = self._play, None
        if self._fd >= 0:
            self._forget()
        self._socket.close()
        if play is not None:
            play.close()
            self.observer.closed()
            self._on_close()
