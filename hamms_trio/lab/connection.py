"""A connection on the hub, and the failure mode that plays on it.

The mode's coroutine is stepped by the callbacks below. Each awaitable method of the connection ends in
a ``yield`` of the `Wait` it needs; `_resume` sends the coroutine on when that has come about. The socket
stays registered for input all the time, and is only taken off while input comes that nobody waits for,
so that most exchanges need no system call but recv and send.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from enum import Enum
from functools import partial
from types import coroutine

from hamms_trio.errors import PeerGone
from hamms_trio.modes.connection import ModeObserver
from hamms_trio.net.accepted import AcceptedSocket, Handover
from hamms_trio.net.far_end import keeps_alive
from hamms_trio.net.hub import IN, LEFT, LOST, OUT, Hub, Timer
from hamms_trio.net.observer import Ending, how_lost

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 4 * 1024  # small enough that what one read brings can't keep the others waiting
# That are read before the mode wants them, where only that shows that a client left.
AHEAD_OCTETS = 64 * 1024
SEND_IN_ONE_GO = 256 * 1024  # octets sent to a fast reader before the others get their turn
LATE_SECONDS = 1.0  # a sleep that follows one that ended so late does not try to catch up


class Wait(Enum):
    """What a coroutine may wait for."""

    INPUT = "octets from the client"
    ROOM = "room in the kernel's send buffer"
    TIME = "time"
    TURN = "its turn"


Play = Coroutine[Wait, bytes | None, None]

_INPUT, _ROOM, _TIME, _TURN = Wait  # a module's names are found faster than an enumeration's


class ModeConnection(AcceptedSocket):
    """The octets and the clock of one connection, and its observer (see `modes.connection`)."""

    __slots__ = (
        "_client",
        "_deadline",
        "_giver",
        "_next_owner",
        "_on_end",
        "_play",
        "_send_seconds",
        "_sent_in_one_go",
        "_timer",
        "_timer_due",
        "_wait",
        "_woken_due",
        "observer",
    )

    def __init__(
        self, hub: Hub, handover: Handover, observer: ModeObserver, *, send_seconds: float
    ) -> None:
        super().__init__(hub, handover.sock, IN | LEFT, octets=handover.octets, observer=observer)
        self.observer = observer
        self._client = handover.client
        self._giver = handover.giver
        self._on_end = handover.on_end
        if handover.observer is not observer:  # otherwise its record is closed there already
            self._on_end = partial(_close_record, observer, handover.on_end)
        self._next_owner: Callable[[Handover], None] | None = None
        self._send_seconds = send_seconds
        self._play: Play | None = None
        self._wait: Wait | None = None
        self._deadline: float | None = None
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._woken_due = 0.0
        self._sent_in_one_go = 0

    def start(self, play: Play) -> None:
        """Let ``play`` have the connection until it ends; then close it."""
        self._play = play
        self._resume(None)

    # The peer's calls (see `modes.connection`)

    def now(self) -> float:
        return self._hub.now()

    @coroutine
    def receive(self, deadline: float | None = None) -> Generator[Wait, bytes, bytes]:
        if self._octets:  # of an earlier owner, or read ahead
            octets = self.read(RECEIVE_OCTETS)
            assert octets is not None
            return octets
        if not self._events & IN:
            self.watch_for(self._events | IN)
        if deadline is not None:
            self._set_deadline(deadline)
        data = yield _INPUT
        self._deadline = None
        return data

    @coroutine
    def send(self, data: bytes | memoryview) -> Generator[Wait, bytes | None, None]:
        if self._hub.is_crowded:
            # First read from everybody, then answer: each answer may wake a client that sleeps, and those
            # that find theirs awake cost half.
            self._hub.call_next(self._on_turn)
            yield _TURN
        sent = self._send_some(data)
        while sent < len(data):
            if not sent:
                self.watch_for(self._events | OUT)
                self._set_deadline(self.now() + self._send_seconds)
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
        now = self.now()
        begin = self._woken_due or now
        if begin < now - LATE_SECONDS:
            begin = now
        self._set_timer(begin + seconds)
        yield _TIME
        self.observer.slept(seconds)

    def client_keeps_alive(self) -> bool | None:
        return keeps_alive(self._fd)

    @coroutine
    def pause(self) -> Generator[Wait, bytes | None, None]:
        self._hub.call_next(self._on_turn)
        yield _TURN

    async def send_eof(self) -> None:
        try:
            self.finish()
        except OSError as error:
            raise PeerGone from error

    def hand_over(self, owner: Callable[[Handover], None], octets: bytes = b"") -> None:
        """Give the connection to another owner as soon as the mode has ended, instead of closing it.

        Args:
            octets: received and not used.
        """
        self._next_owner = owner
        self._octets = octets + self._octets

    @property
    def is_lent(self) -> bool:
        return self._giver is not None

    def give_back(self, octets: bytes) -> None:
        assert self._giver is not None
        self.hand_over(self._giver, octets)

    # The hub's calls

    @property
    def group(self) -> str:
        return self.observer.door

    def on_event(self, events: int) -> None:
        wait = self._wait
        if wait is not _INPUT:
            if events & LOST:
                self._on_lost()
            elif wait is _ROOM and events & OUT:
                self.watch_for(self._events & ~OUT)
                self._resume(None)
            else:
                self._on_unawaited(events)
            return
        try:
            data = self.read(RECEIVE_OCTETS)
        except OSError as error:
            self._resume(None, _gone(error))
            return
        if data is not None:
            self._resume(data)

    def abandon(self) -> None:
        """End at once, by a reset, so that the port is not left in TIME-WAIT."""
        self._next_owner = None
        self.reset()
        self._end()

    def _on_unawaited(self, events: int) -> None:
        """Note what has come though nobody waits for it, and watch no more for it until somebody does."""
        if not self._hub.reports_left:
            self._read_ahead()
            return
        if events & LEFT:
            self.observer.note_left(Ending.FIN)
        self.watch_for(self._events & ~events)

    def _read_ahead(self) -> None:
        try:
            if not self.read_ahead(AHEAD_OCTETS):
                self.watch_for(self._events & ~IN)
        except OSError as error:
            self._resume(None, _gone(error))

    def _on_lost(self) -> None:
        """End whatever the mode waits for: the connection is reset, or closed by both."""
        error = self.loss()
        if error is not None:
            self.observer.note_left(how_lost(error))
            self._resume(None, _gone(error))

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
            self._end()
        except Exception:  # the boundary: a bug in one mode costs one connection
            logger.exception("%s: bug in this failure mode", self.observer.name)
            self._end()

    def _send_some(self, data: bytes | memoryview) -> int:
        try:
            sent = self.write(data)
        except OSError as error:
            raise PeerGone from error
        self._sent_in_one_go += sent
        return sent

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

    def _detach(self) -> None:
        if self._timer is not None:
            self._hub.cancel(self._timer)
            self._timer = None
        super()._detach()

    def _end(self) -> None:
        """Close the connection, or give it away; nothing more comes of this object."""
        play, self._play = self._play, None
        owner, self._next_owner = self._next_owner, None
        if owner is not None and self.is_open:
            given = replace(self.release(self._client), on_end=self._on_end)
            if play is not None:
                play.close()
            owner(given)
            return
        self.close()
        if play is not None:
            play.close()
            self._on_end()


def _close_record(observer: ModeObserver, on_end: Callable[[], None]) -> None:
    observer.closed()
    on_end()


def _gone(error: OSError) -> PeerGone:
    gone = PeerGone()
    gone.__cause__ = error
    return gone
