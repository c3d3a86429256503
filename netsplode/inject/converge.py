"""Reset both ends of a TCP connection from outside, and prove that it worked.

Why this is hard: an end accepts a RST only if its sequence number is exactly the one that the end expects next
(RFC 5961 §3.2). The end drops any other RST, or answers it with an ACK. On a busy connection that number moves on
before a RST that was computed from a sniffed segment arrives; on an idle one there is nothing to sniff. And
nothing answers an accepted RST, so its sender does not learn that it worked.

Probes solve all three. An end must answer a data segment far outside its window with an ACK (RFC 9293 §3.10.7.4),
and that ACK gives the exact number for either end. An exact RST follows, and another probe. An end that is down
answers the probe with a RST of its own (RFC 9293 §3.10.7.1); one that still stands answers with an ACK that gives
the number of now. So the exchange converges, whatever is lost, delayed or sent meanwhile.

Firewalls that track connections drop segments outside of every window, or answer them with a RST in the name of
the end. So such a RST proves nothing, and a SYN follows. Firewalls let a SYN pass, and a standing end answers it
with an ACK (RFC 5961 §4.2), though not often. Once a number of an end is known, the probes are octets that it has
acknowledged, or keep-alives: firewalls find nothing wrong with these, and an end must answer them too.

This module neither reads, writes nor waits, and has no clock: it receives segments and the time, and returns the
segments to send.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from random import SystemRandom

from netsplode.inject import forged
from netsplode.inject.segment import MODULUS, Endpoint, Flags, Segment, later

FIRST_RETRY = 0.001  # seconds until an unanswered probe is repeated; doubled each time
LAST_RETRY = 0.1
FASTEST_PACE = 0.0001  # between probes of an end that does answer; doubled each time
SLOWEST_PACE = 0.002
REPEAT_RESET = 0.001  # a packet may be seen on each interface that it passes
PROBES_BEFORE_SYN = 3  # Linux answers one SYN in half a second, tcp_invalid_ratelimit
OLD = 2  # octets before RCV.NXT; Linux may still accept a segment that ends at RCV.NXT
BEYOND_ANY_WINDOW = MODULUS // 2 - 1  # the largest window is 2**30, RFC 7323 §2.3

_ANY = SystemRandom()
# Masking an IntFlag takes a microsecond.
_SYN, _RST, _ACK = int(Flags.SYN), int(Flags.RST), int(Flags.ACK)


class Outcome(enum.Enum):
    """The state of an end, as far as it is known."""

    RESET = "reset"
    UNCONFIRMED = "unconfirmed"


@dataclass(slots=True)
class _End:
    """The knowledge about one end."""

    endpoint: Endpoint
    wanted: bool
    next_probe: float
    far_ack: int  # the acknowledgment number of probes outside of any window
    syn: int  # the sequence number of a SYN
    gone: bool = False
    acknowledged: int | None = None  # RCV.NXT by the newest of its own ACKs
    expects: int | None = None  # RCV.NXT by the last segments that revealed it
    given: int | None = None  # RCV.NXT from the caller, until a RST was made of it
    by_ack: int | None = None  # RCV.NXT by the newest of its own ACKs since the last RSTs
    by_data: int | None = None  # RCV.NXT after all data that the other end sent since the last RSTs
    last_reset: tuple[int, float] | None = None  # sequence number, time
    unanswered: int = 0
    last_probe: float = -inf
    retry: float = FIRST_RETRY
    pace: float = 0.0
    doubted: bool = False  # True if a firewall may have sent a RST in its name

    @property
    def pending(self) -> bool:
        return self.wanted and not self.gone

    def take_expected(self) -> set[int]:
        """Return and forget the numbers that the end may expect, by the segments since the last call."""
        expected = [seq for seq in (self.by_ack, self.by_data, self.given) if seq is not None]
        if expected:
            self.expects = expected[0]
        self.by_ack = self.by_data = self.given = None
        return set(expected)


class Converger:
    """An exchange of segments that resets the ``wanted`` ends of a connection.

    Call `on_segment` for every segment between the two, then `on_time`, and send the segments that it returns.
    Repeat this when another segment arrives and at `next_time`, until `done`.

    Args:
        first: one end.
        second: the other end.
        wanted: the ends to reset, one or both of ``first`` and ``second``.
        now: seconds on any clock that never goes back.
        timeout: seconds after which an end without proof is `Outcome.UNCONFIRMED`.
        expected: for an end, the sequence number that it expects next, if it is known; its RST leaves first.
        probing: False sends no probes. Then only the connection's own segments reveal its numbers, and an end
            that falls silent proves nothing, unless `note_gone` is called.
        choose: returns a random number below its argument.

    Raises:
        ValueError: these are not the two ends of a connection, or ``wanted`` names others.
    """

    def __init__(
        self,
        first: Endpoint,
        second: Endpoint,
        *,
        wanted: Collection[Endpoint],
        now: float,
        timeout: float,
        expected: Mapping[Endpoint, int] | None = None,
        probing: bool = True,
        choose: Callable[[int], int] = _ANY.randrange,
    ) -> None:
        if first == second or len(first.address) != len(second.address):
            raise ValueError(f"{first} and {second} are not the two ends of a connection")
        if not wanted or not set(wanted) <= {first, second}:
            raise ValueError(f"the ends to reset are {first}, {second} or both")
        self.deadline = now + timeout
        self.probes = self.resets = self.seen = 0
        self._choose = choose
        self._now = now
        self._probing = probing
        first_probe = now if probing else inf
        given = dict(expected or {})
        self._ends = tuple(
            _End(
                end,
                end in wanted,
                first_probe,
                choose(MODULUS),
                choose(MODULUS),
                given=given.get(end),
            )
            for end in (first, second)
        )
        self.was_there = bool(given)
        """True if an end has given evidence of the connection; a RST in answer to a probe is none."""
        self.was_remade = False
        """True if an end was seen to open a later connection between the same addresses."""

    @property
    def outcomes(self) -> dict[Endpoint, Outcome]:
        """The outcome for each wanted end."""
        return {
            end.endpoint: Outcome.UNCONFIRMED if end.pending else Outcome.RESET
            for end in self._ends
            if end.wanted
        }

    @property
    def pending(self) -> frozenset[Endpoint]:
        """The wanted ends that have not proved to be down yet."""
        return frozenset(end.endpoint for end in self._ends if end.pending)

    @property
    def done(self) -> bool:
        """True if all wanted ends have proved to be down, or the time is over."""
        return self._now >= self.deadline or not any(end.pending for end in self._ends)

    @property
    def next_time(self) -> float:
        """The time of the next `on_time`, at the latest."""
        if self.was_remade:
            return self.deadline
        return min([self.deadline, *(end.next_probe for end in self._ends if end.pending)])

    def note_gone(self, endpoint: Endpoint) -> None:
        """Accept from elsewhere that this end is down."""
        for end in self._ends:
            end.gone = end.gone or end.endpoint == endpoint

    def on_segment(self, segment: Segment, now: float) -> None:
        """Learn from a segment; those of other connections and forged ones are ignored."""
        self._now = max(self._now, now)
        for end, other in (self._ends, self._ends[::-1]):
            if (segment.source, segment.destination) == (end.endpoint, other.endpoint):
                if not forged.is_ours(segment):
                    self._learn(segment, end, other)
                return

    def _learn(self, segment: Segment, end: _End, other: _End) -> None:
        self.seen += 1
        if segment.flags == _RST and segment.seq == end.far_ack:
            if not end.doubted:
                end.doubted, end.retry = True, FIRST_RETRY
                self._hasten_probe(end, self._now)
        elif _proves_gone(segment, end):
            end.gone = True
        elif segment.flags & _SYN:
            if not segment.flags & _ACK and (end.gone or end.last_reset):
                end.gone = self.was_remade = True  # it opens a later connection from the same port
                other.syn = segment.seq
        elif not segment.flags & _RST:
            self.was_there = True
            end.unanswered, end.doubted = 0, False
            if segment.flags & _ACK:
                end.by_ack = _newest(end.by_ack, segment.ack)
                end.acknowledged = _newest(end.acknowledged, segment.ack)
            other.by_data = _newest(other.by_data, segment.end)

    def on_time(self, now: float) -> list[Segment]:
        """Return the segments to send now; none after the connection was remade."""
        self._now = max(self._now, now)
        if self.done or self.was_remade:
            return []
        out: list[Segment] = []
        ways = [(end, other, end.take_expected()) for end, other in (self._ends, self._ends[::-1])]
        for end, other, seqs in ways:  # RSTs first: their numbers grow old soonest
            if end.pending:
                out += self._resets(end, other, seqs)
        for end, other, _ in ways:
            if end.pending and self._now >= end.next_probe:
                out.append(self._probe(end, other))
        return out

    def _resets(self, end: _End, other: _End, seqs: Collection[int]) -> Iterator[Segment]:
        for seq in seqs:
            if end.last_reset is not None:
                last, when = end.last_reset
                if last == seq and self._now - when < REPEAT_RESET:
                    continue
            end.last_reset = seq, self._now
            end.retry = FIRST_RETRY
            self._hasten_probe(end, max(self._now, end.last_probe + end.pace))
            self.resets += 1
            yield forged.reset(other.endpoint, end.endpoint, seq)

    def _hasten_probe(self, end: _End, until: float) -> None:
        if self._probing:
            end.next_probe = min(end.next_probe, until)

    def _probe(self, end: _End, other: _End) -> Segment:
        """Make a probe, which a standing end answers with an ACK, and one that is down with a RST."""
        end.last_probe = self._now
        end.next_probe = self._now + max(end.retry, end.pace)
        end.retry = min(2 * end.retry, LAST_RETRY)
        end.pace = min(max(2 * end.pace, FASTEST_PACE), SLOWEST_PACE)
        end.unanswered += 1
        self.probes += 1
        return self._eliciting(end, other)

    def _eliciting(self, end: _End, other: _End) -> Segment:
        """Choose the kind of probe: every end answers each kind, but not every firewall lets it pass."""
        ends, n = (other.endpoint, end.endpoint), end.unanswered
        unacknowledged = end.expects is not None and end.acknowledged is None
        only_syn = end.doubted and end.expects is None
        if only_syn or (n > PROBES_BEFORE_SYN and n % (4 if unacknowledged else 2) == 0):
            return forged.opening(*ends, end.syn)
        # The end has this octet already, and conntrack lets it pass.
        if end.acknowledged is not None:
            return forged.octet(*ends, end.acknowledged - OLD, self._ack(other))
        if end.expects is not None and n % 4 != 3:
            return forged.keep_alive(*ends, end.expects - 1, self._ack(other))
        around = self._choose(MODULUS) if end.expects is None else end.expects
        return forged.octet(*ends, around + BEYOND_ANY_WINDOW, end.far_ack)

    def _ack(self, other: _End) -> int:
        """Choose the acknowledgment number.

        A RST in answer begins at this number (RFC 9293 §3.10.7.1), and may reset the other end.
        """
        if other.expects is None:
            return self._choose(MODULUS)
        return other.expects if other.wanted else other.expects - OLD


def _proves_gone(segment: Segment, end: _End) -> bool:
    """Return True if only an end without the connection can have sent this."""
    if segment.flags & _RST:
        return True
    # A listener has accepted a SYN of ours as a new connection, and repeats its SYN-ACK until it gives up.
    return bool(segment.flags & _ACK) and segment.ack == (end.syn + 1) % MODULUS


def _newest(known: int | None, seq: int) -> int:
    return seq if known is None or later(seq, known) else known
