"""The interface of the drivers, which send and receive segments, and the loop that joins one to a `Converger`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from types import TracebackType
from typing import Protocol, Self

from netsplode.inject.converge import Converger, Outcome
from netsplode.inject.segment import Endpoint, Segment

Clock = Callable[[], float]

_LONGEST_WAIT = 3600.0  # seconds; poll(2) counts milliseconds in an int


class Sender(Protocol):
    """A sender of forged segments of one connection."""

    @property
    def blocked(self) -> int:
        """The number of segments that a firewall of this host refused to send."""

    def send(self, segment: Segment) -> None: ...

    def close(self) -> None: ...


class Driver(Sender, Protocol):
    """A sender that receives the segments of the connection too."""

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors that become readable when a segment has arrived."""

    def wait(self, seconds: float) -> None:
        """Block until a segment has arrived, or some seconds have passed."""

    def receive(self) -> list[Segment]:
        """Return segments that have arrived, at most a batch of them, without waiting."""


@dataclass(frozen=True)
class Injected:
    """The outcome of an injection, as far as it is known.

    Attributes:
        ends: the outcome for each end to reset: "local", "remote" or both.
        elapsed: seconds until the last proof arrived, or the time was over.
        probes: the number of segments sent to elicit an answer.
        resets: the number of RSTs sent.
        seen: the number of the connection's own segments that were seen.
        blocked: the number of segments that a firewall on this host refused to send.
        was_there: True if an end has given evidence of a connection. A RST that answers a probe is none,
            because an end without a connection answers in the same way.
        was_remade: True if an end was seen to open a later connection with the same addresses.
    """

    ends: dict[str, Outcome]
    elapsed: float
    probes: int
    resets: int
    seen: int
    blocked: int
    was_there: bool
    was_remade: bool

    @property
    def confirmed(self) -> bool:
        """True if every end to reset has proved to be down."""
        return all(outcome is Outcome.RESET for outcome in self.ends.values())


class Injection:
    """One injection under way; a context manager that closes it.

    A blocking caller uses `run`, or `step` and `wait` in turn until `done`. An event loop calls `step`, and
    calls it again when one of `filenos` is readable or ``clock`` has reached `next_time`, until `done`.
    """

    def __init__(
        self,
        converger: Converger,
        driver: Driver,
        *,
        local: Endpoint,
        remote: Endpoint,
        clock: Clock = time.monotonic,
        may_send_to: Callable[[str], bool] = lambda end: True,
    ) -> None:
        self._converger, self._driver, self._clock = converger, driver, clock
        self._names = {"local": local, "remote": remote}
        self._may_send_to = {
            local: partial(may_send_to, "local"),
            remote: partial(may_send_to, "remote"),
        }
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
        """Close the sockets of the injection; a second call does nothing.

        This takes 10 to 20 ms, because Linux waits until no processor uses the sniffer any more. So take the
        result first. Other threads run meanwhile.
        """
        self._driver.close()

    @property
    def done(self) -> bool:
        """True if all ends to reset have proved to be down, or the time is over."""
        return self._converger.done

    @property
    def pending(self) -> frozenset[str]:
        """The ends, "local" and "remote", that have not proved to be down yet."""
        pending = self._converger.pending
        return frozenset(name for name, end in self._names.items() if end in pending)

    @property
    def next_time(self) -> float:
        """The time of the next `step`, at the latest."""
        return self._converger.next_time

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors that become readable when a segment has arrived."""
        return self._driver.filenos()

    def note_gone(self, name: str) -> None:
        """Accept from elsewhere, such as the kernel's list, that the end "local" or "remote" is down."""
        self._converger.note_gone(self._names[name])
        self._ended = self._clock()

    def step(self) -> None:
        """Receive the segments that have arrived and send those that are due, without waiting."""
        for segment in self._driver.receive():
            self._converger.on_segment(segment, self._clock())
        for segment in self._converger.on_time(self._clock()):
            if self._may_send_to[segment.destination]():
                self._driver.send(segment)
        self._ended = self._clock()

    def wait(self, at_most: float = inf) -> None:
        """Block until a segment has arrived, the clock has reached `next_time`, or some seconds have passed."""
        self._driver.wait(min(max(0.0, self.next_time - self._clock()), at_most, _LONGEST_WAIT))

    def run(self) -> Injected:
        """Block until the injection is done."""
        self.step()
        while not self.done:
            self.wait()
            self.step()
        return self.result

    @property
    def result(self) -> Injected:
        """The outcome so far."""
        outcomes = self._converger.outcomes
        return Injected(
            {name: outcomes[end] for name, end in self._names.items() if end in outcomes},
            self._ended - self._began,
            self._converger.probes,
            self._converger.resets,
            self._converger.seen,
            self._driver.blocked,
            self._converger.was_there,
            self._converger.was_remade,
        )
