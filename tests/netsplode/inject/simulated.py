"""Two TCP ends, the path between them and a `Converger` on it, all in simulated time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from netsplode.inject.segment import MODULUS, Endpoint, Flags, Segment, later

A, B = Endpoint(b"\xc0\x00\x02\x01", 80), Endpoint(b"\xc0\x00\x02\x02", 4000)


@dataclass
class Peer:
    """One end with the rules of RFC 9293 and RFC 5961, and traffic to send."""

    name: Endpoint
    snd_nxt: int
    rcv_nxt: int
    window: int = 65536
    interval: float | None = None  # seconds between two segments of its own; None: idle
    length: int = 1000
    challenges: int = 1 << 30  # challenge ACKs that it may still send (RFC 5961 §7)
    ignores_data_probes: bool = False  # a stateful firewall in front of it
    rejects_far_probes: bool = False  # a firewall that answers in its name
    ignores_all_injected: bool = False
    listens: bool = False  # a listener has its port when it is gone
    alive: bool = True
    snd_una: int = field(init=False)

    def __post_init__(self) -> None:
        self.snd_una = self.snd_nxt

    def receive(self, got: Segment) -> Segment | None:
        """Receive a segment, and return the answers."""
        if not self.alive:
            return self._answer_without_connection(got)
        if got.flags & Flags.RST:
            return self._meet_reset(got)
        if got.flags & Flags.SYN:
            return self._challenge()
        if not self._acceptable(got):
            return self._acknowledge()
        if later(got.ack, self.snd_una) and not later(got.ack, self.snd_nxt):
            self.snd_una = got.ack
        if got.seq == self.rcv_nxt:
            self.rcv_nxt = got.end
        return self._acknowledge() if got.length else None

    def is_far_from(self, seq: int) -> bool:
        """Return True if a segment lies outside of every window that the end can have had."""
        return (seq - self.rcv_nxt + (1 << 30)) % MODULUS > 1 << 31

    def talk(self) -> Segment:
        """Send a new segment, or the oldest one again if the window is full."""
        full = (self.snd_nxt - self.snd_una) % MODULUS >= self.window // 2
        seq = self.snd_una if full else self.snd_nxt
        if not full:
            self.snd_nxt = (self.snd_nxt + self.length) % MODULUS
        flags = Flags.PSH | Flags.ACK
        return Segment(self.name, self._other, seq, self.rcv_nxt, flags, 500, self.length)

    @property
    def _other(self) -> Endpoint:
        return B if self.name == A else A

    def _answer_without_connection(self, got: Segment) -> Segment | None:
        if got.flags & Flags.RST:
            return None
        if got.flags & Flags.SYN and self.listens:
            return Segment(self.name, self._other, 99, got.end, Flags.SYN | Flags.ACK, 500)
        if got.flags & Flags.ACK:
            return Segment(self.name, self._other, got.ack, 0, Flags.RST, 0)
        return Segment(self.name, self._other, 0, got.end, Flags.RST | Flags.ACK, 0)

    def _meet_reset(self, got: Segment) -> Segment | None:
        if got.seq == self.rcv_nxt:
            self.alive = False
        elif self._in_window(got.seq):
            return self._challenge()
        return None

    def _in_window(self, seq: int) -> bool:
        return (seq - self.rcv_nxt) % MODULUS < self.window

    def _acceptable(self, got: Segment) -> bool:
        last = (got.end - 1) % MODULUS if got.length else got.seq
        return self._in_window(got.seq) or self._in_window(last)

    def _challenge(self) -> Segment | None:
        self.challenges -= 1
        return self._acknowledge() if self.challenges >= 0 else None

    def _acknowledge(self) -> Segment:
        return Segment(self.name, self._other, self.snd_nxt, self.rcv_nxt, Flags.ACK, 500)


@dataclass
class World:
    """A `Driver` on the path between two ends, ``near`` seconds from A and ``far`` seconds from B."""

    a: Peer
    b: Peer
    near: float = 0.00002
    far: float = 0.00002
    loss: float = 0.0
    random: Random = field(default_factory=lambda: Random(1))
    time: float = 100.0
    injected: list[Segment] = field(default_factory=list)
    blocked: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._seen: list[Segment] = []
        for peer in (self.a, self.b):
            if peer.interval is not None:
                self._later(peer.interval * self.random.random(), partial(self._talk, peer))

    def clock(self) -> float:
        return self.time

    def filenos(self) -> tuple[int, ...]:
        return ()

    def wait(self, seconds: float) -> None:
        until = self.time + seconds
        while not self._seen and self._queue and self._queue[0][0] <= until:
            self._play_next()
        if not self._seen:
            self.time = until

    def receive(self) -> list[Segment]:
        seen, self._seen = self._seen, []
        return seen

    def send(self, segment: Segment) -> None:
        self.injected.append(segment)
        self._seen.append(segment)  # a sniffer sees forged segments too
        to = self._peer(segment.destination)
        probing = bool(segment.flags & Flags.ACK)
        if probing and to.rejects_far_probes and to.is_far_from(segment.seq):
            self._emit(to, Segment(to.name, segment.source, segment.ack, 0, Flags.RST, 0))
        elif not (to.ignores_all_injected or (probing and to.ignores_data_probes)):
            self._forward(segment)

    def close(self) -> None:
        self.closed = True

    def settle(self) -> None:
        """Deliver the segments in flight."""
        for peer in (self.a, self.b):
            peer.interval = None
        while self._queue:
            self._play_next()

    def _play_next(self) -> None:
        self.time, _, event = heapq.heappop(self._queue)
        event()

    def _later(self, delay: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.time + delay, next(self._order), event))

    def _talk(self, peer: Peer) -> None:
        if peer.alive and peer.interval is not None:
            self._emit(peer, peer.talk())
            self._later(peer.interval, lambda: self._talk(peer))

    def _emit(self, peer: Peer, segment: Segment | None) -> None:
        """Carry a segment from an end past the sniffer to the other end."""
        if segment is None or self.random.random() < self.loss:
            return
        self._later(self.near if peer is self.a else self.far, lambda: self._pass(segment))

    def _pass(self, segment: Segment) -> None:
        self._seen.append(segment)
        self._forward(segment)

    def _forward(self, segment: Segment) -> None:
        if self.random.random() >= self.loss:
            to = self._peer(segment.destination)
            delay = self.near if to is self.a else self.far
            self._later(delay, lambda: self._emit(to, to.receive(segment)))

    def _peer(self, name: Endpoint) -> Peer:
        return self.a if name == A else self.b
