"""What carries a `Converger`'s segments: the interface of the drivers, and the loop over them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Protocol, Self

from netsplode.inject.converge import Converger, Outcome
from netsplode.inject.segment import Endpoint, Segment

Clock = Callable[[], float]

_LONGEST_WAIT = 3600.0  # seconds; poll(2) counts milliseconds in an int


class Sender(Protocol):
    """Sends the segments of one connection."""

    @property
    def blocked(self) -> int:
        """Segments that the system refused to send: a firewall's doing."""

    def send(self, segment: Segment) -> None: ...

    def close(self) -> None: ...


class Driver(Sender, Protocol):
    """Sees them too."""

    def filenos(self) -> tuple[int, ...]:
        """Descriptors that become readable when a segment is there."""

    def wait(self, seconds: float) -> None:
        """Until a segment is there, or so long."""

    def receive(self) -> list[Segment]:
        """What is there, without waiting; some of it when it is much."""


@dataclass(frozen=True)
class Injected:
    """What an injection is known to have done.

    Attributes:
        ends: the outcome for each end that was to be reset, "local", "remote" or both.
        elapsed: seconds until the last proof came, or the time was over.
        probes: segments sent to elicit an answer.
        resets: RSTs sent.
        seen: segments seen of the connection's own.
        blocked: segments that a firewall on this host kept us from sending.
        was_there: an end has given evidence that there was a connection. A RST that answers a probe is none: so
            answer ends that never had one.
    """

    ends: dict[str, Outcome]
    elapsed: float
    probes: int
    resets: int
    seen: int
    blocked: int
    was_there: bool

    @property
    def confirmed(self) -> bool:
        return all(outcome is Outcome.RESET for outcome in self.ends.values())


class Injection:
    """One injection under way; a context manager that closes it.

    Blocking: `run`, or `step` and `wait` by turns. In an event loop: `step`, and again when one of `filenos` is
    readable or `next_time` (of ``clock``) has come. Until `done`.
    """

    def __init__(
        self,
        converger: Converger,
        driver: Driver,
        *,
        local: Endpoint,
        remote: Endpoint,
        clock: Clock = time.monotonic,
    ) -> None:
        self._converger, self._driver, self._clock = converger, driver, clock
        self._names = {"local": local, "remote": remote}
        self._began = self._ended = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its sockets; more than once does no harm.

        It takes 10 to 20 ms, in which Linux waits for all processors to have done with the sniffer. So have the
        result first. Other threads run meanwhile, and those that close at the same time wait together.
        """
        self._driver.close()

    @property
    def done(self) -> bool:
        """All ends to be reset have proved that they are gone, or the time is over."""
        return self._converger.done

    @property
    def pending(self) -> frozenset[str]:
        """The ends that have not proved it yet: "local", "remote"."""
        pending = self._converger.pending
        return frozenset(name for name, end in self._names.items() if end in pending)

    @property
    def next_time(self) -> float:
        return self._converger.next_time

    def filenos(self) -> tuple[int, ...]:
        return self._driver.filenos()

    def note_gone(self, name: str) -> None:
        """Take it for proved that the end "local" or "remote" is gone: the kernel's list says so, for example."""
        self._converger.note_gone(self._names[name])
        self._ended = self._clock()

    def step(self) -> None:
        """Take what is there and send what is due, without waiting."""
        for segment in self._driver.receive():
            self._converger.on_segment(segment, self._clock())
        for segment in self._converger.on_time(self._clock()):
            self._driver.send(segment)
        self._ended = self._clock()

    def wait(self, at_most: float = inf) -> None:
        """Block until something is there, `next_time` has come, or so many seconds have passed."""
        self._driver.wait(min(max(0.0, self.next_time - self._clock()), at_most, _LONGEST_WAIT))

    def run(self) -> Injected:
        """Block until it is done."""
        self.step()
        while not self.done:
            self.wait()
            self.step()
        return self.result

    @property
    def result(self) -> Injected:
        """What is known by now."""
        outcomes = self._converger.outcomes
        return Injected(
            {name: outcomes[end] for name, end in self._names.items() if end in outcomes},
            self._ended - self._began,
            self._converger.probes,
            self._converger.resets,
            self._converger.seen,
            self._driver.blocked,
            self._converger.was_there,
        )
