"""A connection on the hub, and the failure mode that plays on it.

The callbacks below step the mode's coroutine. Each awaitable method of the connection ends in a ``yield`` of the
`Wait` it needs; `_resume` continues the coroutine when the wait is over. The socket stays registered for input,
except while input arrives that the mode does not await, so most exchanges need no system call but recv and send.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from enum import Enum
from functools import partial
from socket import MSG_OOB
from types import coroutine

from hamms_trio.errors import PeerGone
from hamms_trio.modes.peers.connection import ModeObserver
from hamms_trio.net.accepted import AcceptedSocket, Handover
from hamms_trio.net.far_end import keeps_alive
from hamms_trio.net.hubs.hub import IN, LEFT, LOST, OUT, Hub, Timer
from hamms_trio.net.observer import Ending, how_lost
from hamms_trio.net.socket import Socket

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 4 * 1024  # small enough that one read does not delay other connections
# The limit for reading ahead, on hubs where only a read shows that the client left.
AHEAD_OCTETS = 64 * 1024
SEND_IN_ONE_GO = 256 * 1024  # octets sent to a fast reader before other connections have their turn
LATE_SECONDS = 1.0  # a sleep after one that ended later than this does not catch up


class Wait(Enum):
    """The events that a coroutine may wait for."""

    INPUT = "octets from the client"
    ROOM = "room in the kernel's send buffer"
    TIME = "time"
    TURN = "its turn"
    LEAVING = "the client's leaving"


Play = Coroutine[Wait, bytes | None, None]

_INPUT_OR_LEFT = IN | LEFT
_INPUT, _ROOM, _TIME, _TURN, _LEAVING = Wait  # globals are faster than an enumeration's attributes


class ModeConnection(AcceptedSocket):
    """The octets and the clock of one connection, and its observer (see `modes.connection`).

    Args:
        sock, client, on_end, octets, giver: see `Handover`.
        send_seconds: the limit of a wait for a client that does not read.
        has_record: True if the connection closes its record at its end; otherwise ``on_end`` does.

    Attributes:
        on_answered: called once, when the mode has ended.
    """

    __slots__ = (
        "_client",
        "_deadline",
        "_giver",
        "_has_record",
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
        "on_answered",
    )

    def __init__(
        self,
        hub: Hub,
        sock: Socket,
        client: tuple[str, int],
        observer: ModeObserver,
        send_seconds: float,
        on_end: Callable[[], None],
        octets: bytes = b"",
        giver: Callable[[Handover], None] | None = None,
        has_record: bool = True,
    ) -> None:
        super().__init__(hub, sock, _INPUT_OR_LEFT, octets, observer)
        self.observer = observer
        self._client = client
        self._giver = giver
        self._on_end = on_end
        self._has_record = has_record
        self.on_answered: Callable[[], None] | None = None
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
        """Run ``play`` on the connection, and close the connection at its end."""
        self._play = play
        self._resume(None)

    # The peer's calls (see `modes.connection`)

    def now(self) -> float:
        return self._hub.now()

    @coroutine
    def receive(self, deadline: float | None = None) -> Generator[Wait, bytes, bytes]:
        octets = self._begin_to_receive(deadline)
        if octets is None:
            octets = yield _INPUT
            self._deadline = None
        return octets

    @coroutine
    def drain(
        self, hear: Callable[[bytes], None], deadline: float | None = None
    ) -> Generator[Wait, bytes, None]:
        # Not by `receive`: most connections that are held wait here, and its frame takes 200 octets.
        try:
            while True:
                octets = self._begin_to_receive(deadline)
                if octets is None:
                    octets = yield _INPUT
                    self._deadline = None
                if not octets:
                    return
                hear(octets)
        except (TimeoutError, PeerGone):
            return

    def _begin_to_receive(self, deadline: float | None) -> bytes | None:
        """Return octets that are in memory; without any, watch for some until ``deadline`` and return None."""
        if self._octets:  # from an earlier owner, or read ahead
            return self.read(RECEIVE_OCTETS)
        if not self._events & IN:
            self.watch_for(self._events | IN)
        if deadline is not None:
            self._set_deadline(deadline)
        return None

    @coroutine
    def send(self, data: bytes | memoryview) -> Generator[Wait, bytes | None, None]:
        if self._hub.is_crowded:
            # Read from all clients first, then answer: an answer may wake a sleeping client, and answering one
            # that is awake costs half.
            self._hub.call_next(self._on_turn, self.observer.group)
            yield _TURN
        sent = self._send_some(data)
        while sent < len(data):
            if not sent:
                yield from self._wait_for_room()
            data = memoryview(data)[sent:]
            sent = self._send_some(data)
        if self._sent_in_one_go > SEND_IN_ONE_GO:
            yield from self.pause()

    @coroutine
    def send_urgent(self, octet: bytes) -> Generator[Wait, bytes | None, None]:
        while not self._send_some(octet, MSG_OOB):
            yield from self._wait_for_room()

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
        self._hub.call_next(self._on_turn, self.observer.group)
        yield _TURN

    def give_back(self, octets: bytes) -> None:
        self._octets = octets + self._octets

    @coroutine
    def wait_left(self, deadline: float | None = None) -> Generator[Wait, bytes | None, None]:
        if self._hub.reports_left:
            self.watch_for((self._events | LEFT) & ~IN)
        elif len(self._octets) < AHEAD_OCTETS:
            self.watch_for(self._events | IN)
        if deadline is not None:
            self._set_deadline(deadline)
        try:
            yield _LEAVING
        except TimeoutError:
            return

    async def send_eof(self) -> None:
        try:
            self.finish()
        except OSError as error:
            raise PeerGone from error

    def hand_over(self, owner: Callable[[Handover], None], octets: bytes = b"") -> None:
        """Hand the connection to another owner when the mode ends, instead of closing it.

        Args:
            owner: the callback that takes the connection over.
            octets: octets that are received but not used.
        """
        self._next_owner = owner
        self._octets = octets + self._octets

    @property
    def is_lent(self) -> bool:
        return self._giver is not None

    def return_to_giver(self, octets: bytes) -> None:
        assert self._giver is not None
        self.hand_over(self._giver, octets)

    # The hub's calls

    @property
    def group(self) -> tuple[str, str]:
        return self.observer.group

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
        """Reset the connection, so that its port is not left in TIME-WAIT."""
        self._next_owner = None
        self.reset()
        self._end()

    def _on_unawaited(self, events: int) -> None:
        """Note events that the mode does not await, and stop watching for them until it does."""
        if not self._hub.reports_left:
            self._read_ahead()
            return
        if events & LEFT:
            self.observer.note_left(Ending.FIN)
        self.watch_for(self._events & ~events)
        if events & LEFT and self._wait is _LEAVING:
            self._resume(None, PeerGone())

    def _read_ahead(self) -> None:
        try:
            if not self.read_ahead(AHEAD_OCTETS):
                self.watch_for(self._events & ~IN)
                if self._wait is _LEAVING and len(self._octets) < AHEAD_OCTETS:
                    self._resume(None, PeerGone())
        except OSError as error:
            self._resume(None, _gone(error))

    def _on_lost(self) -> None:
        """End the mode's wait with an error: the connection is reset, or closed by both sides."""
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
            if self._deadline > due:  # the deadline was extended
                self._set_timer(self._deadline)
            else:
                self._deadline = None
                self._resume(None, TimeoutError())

    # Within

    def _resume(self, came: bytes | None, error: Exception | None = None) -> None:
        """End the coroutine's wait with octets or an error, and run it to its next wait."""
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

    def _wait_for_room(self) -> Generator[Wait, bytes | None, None]:
        """Wait until the kernel takes octets again.

        Raises:
            PeerGone: the client does not read.
        """
        self.watch_for(self._events | OUT)
        self._set_deadline(self.now() + self._send_seconds)
        try:
            yield _ROOM
        except TimeoutError:
            raise PeerGone from None
        self._deadline = None

    def _send_some(self, data: bytes | memoryview, flags: int = 0) -> int:
        try:
            sent = self.write(data, flags)
        except OSError as error:
            raise PeerGone from error
        self._sent_in_one_go += sent
        return sent

    def _set_deadline(self, deadline: float) -> None:
        """Set the wait's deadline; an earlier timer is kept, as `_on_timer` extends it."""
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
        """Close the connection or hand it over."""
        on_answered, self.on_answered = self.on_answered, None
        if on_answered is not None:
            on_answered()
        play, self._play = self._play, None
        owner, self._next_owner = self._next_owner, None
        if owner is not None and self.is_open:
            on_end = self._on_end
            if self._has_record:
                on_end = partial(_close_record, self.observer, on_end)
            given = replace(self.release(self._client), on_end=on_end)
            if play is not None:
                play.close()
            owner(given)
            return
        self.close()
        if play is not None:
            play.close()
            if self._has_record:
                self.observer.closed()
            self._on_end()


def _close_record(observer: ModeObserver, on_end: Callable[[], None]) -> None:
    observer.closed()
    on_end()


def _gone(error: OSError) -> PeerGone:
    gone = PeerGone()
    gone.__cause__ = error
    return gone
