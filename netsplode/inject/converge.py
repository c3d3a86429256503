"""Reset both ends of a TCP connection from outside it, and know that it worked.

Why this is hard. A RST is believed only when its sequence number is exactly the one that the receiver expects
next (RFC 5961 §3.2); all others are dropped, or answered by an ACK. On a busy connection that number moves on
before a RST that was computed from a sniffed segment arrives; on an idle one there is nothing to sniff. And
whoever sends a RST hears nothing back, so they do not know.

All three are solved by probing. A data segment far outside the receiver's window, with the other end's address on
it, must be answered by an ACK (RFC 9293 §3.10.7.4), and that says exactly what either end expects. An exact RST
follows, and another probe: an end that has gone answers it with a RST of its own (RFC 9293 §3.10.7.1), and one
that is still there answers with an ACK that says what it expects by now. So it converges, whatever is lost,
delayed or sent meanwhile.

Firewalls that track connections drop what lies outside of every window, or answer it by a RST in the end's name.
So such a RST proves nothing, and is followed by a SYN: that is let through, and answered with an ACK by an end that
is there (RFC 5961 §4.2), though not often. As soon as anything is known of an end, it is probed with an octet that
it has acknowledged, or with a keep-alive: firewalls find nothing wrong with these, and an end must answer them too.

Nothing here reads, writes, waits or looks at a clock: segments that were seen and the time go in, segments to send
come out.
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
OLD = 2  # octets before RCV.NXT: to Linux one that ends there can be acceptable still
BEYOND_ANY_WINDOW = MODULUS // 2 - 1  # the largest window is 2**30, RFC 7323 §2.3

_ANY = SystemRandom()
# An IntFlag takes a microsecond to be masked.
_SYN, _RST, _ACK = int(Flags.SYN), int(Flags.RST), int(Flags.ACK)


class Outcome(enum.Enum):
    """What is known of an end."""

    RESET = "reset"
    UNCONFIRMED = "unconfirmed"


@dataclass(slots=True)
class _End:
    """What is known of one end."""

    endpoint: Endpoint
    wanted: bool
    next_probe: float
    far_ack: int  # what the probes acknowledge that lie outside of any window
    syn: int  # what a SYN begins with
    gone: bool = False
    heard: int | None = None  # RCV.NXT by the newest of its own ACKs
    expects: int | None = None  # RCV.NXT, as of the last segments that told
    told: int | None = None  # RCV.NXT as somebody knew it beforehand, until a RST was made of it
    said: int | None = None  # RCV.NXT by the newest of its own ACKs since the last RSTs
    sent: int | None = None  # RCV.NXT once it has all that the other end sent since the last RSTs
    last_reset: tuple[int, float] | None = None  # sequence number, time
    unanswered: int = 0
    last_probe: float = -inf
    retry: float = FIRST_RETRY
    pace: float = 0.0
    doubted: bool = False  # a firewall may have sent the RST in its name

    @property
    def pending(self) -> bool:
        return self.wanted and not self.gone

    def take_expected(self) -> set[int]:
        """What it may expect, by what was seen since this was last called."""
        expected = [seq for seq in (self.said, self.sent, self.told) if seq is not None]
        if expected:
            self.expects = expected[0]
        self.said = self.sent = self.told = None
        return set(expected)


class Converger:
    """Resets ``wanted`` ends of the connection between ``first`` and ``second``.

    Call `on_segment` for all that is seen between the two, then `on_time`, and send what that gives; again when
    more is seen or `next_time` has come, until `done`.

    Args:
        wanted: the ends to reset, one or both of ``first`` and ``second``.
        now: seconds on any clock that never goes back.
        timeout: seconds after which an end that has given no proof is `Outcome.UNCONFIRMED`.
        expected: for an end, the sequence number that it expects next, where that is known: RSTs to it are the
            first that is sent.
        probing: whether to probe. Without it, what passes is all there is to learn from, and an end that falls
            silent has proved nothing: `note_gone` is for who knows better.
        choose: a random number below its argument; tests give another one.
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
        told = dict(expected or {})
        self._ends = tuple(
            _End(
                end,
                end in wanted,
                first_probe,
                choose(MODULUS),
                choose(MODULUS),
                told=told.get(end),
            )
            for end in (first, second)
        )
        self.was_there = bool(told)
        """True if an end has given evidence of the connection; a RST in answer to a probe is none."""
        self.was_remade = False
        """True if an end was seen to open a later connection between the same addresses."""

    @property
    def outcomes(self) -> dict[Endpoint, Outcome]:
        """Of each wanted end."""
        return {
            end.endpoint: Outcome.UNCONFIRMED if end.pending else Outcome.RESET
            for end in self._ends
            if end.wanted
        }

    @property
    def pending(self) -> frozenset[Endpoint]:
        """The wanted ends that have not proved yet that they are gone."""
        return frozenset(end.endpoint for end in self._ends if end.pending)

    @property
    def done(self) -> bool:
        """All wanted ends have proved that they are gone, or the time is over."""
        return self._now >= self.deadline or not any(end.pending for end in self._ends)

    @property
    def next_time(self) -> float:
        """When to call `on_time`, at the latest."""
        if self.was_remade:
            return self.deadline
        return min([self.deadline, *(end.next_probe for end in self._ends if end.pending)])

    def note_gone(self, endpoint: Endpoint) -> None:
        """Take it for proved that this end is gone; for who knows it from elsewhere."""
        for end in self._ends:
            end.gone = end.gone or end.endpoint == endpoint

    def on_segment(self, segment: Segment, now: float) -> None:
        """Learn from a segment that was seen; one of another connection, or of ours, teaches nothing."""
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
                end.said = _newest(end.said, segment.ack)
                end.heard = _newest(end.heard, segment.ack)
            other.sent = _newest(other.sent, segment.end)

    def on_time(self, now: float) -> list[Segment]:
        """Return the segments to send now; none after the connection was remade."""
        self._now = max(self._now, now)
        if self.done or self.was_remade:
            return []
        out: list[Segment] = []
        ways = [(end, other, end.take_expected()) for end, other in (self._ends, self._ends[::-1])]
        for end, other, seqs in ways:  # first what does not keep
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
        """What an end that is there answers with an ACK, and one that is not with a RST."""
        end.last_probe = self._now
        end.next_probe = self._now + max(end.retry, end.pace)
        end.retry = min(2 * end.retry, LAST_RETRY)
        end.pace = min(max(2 * end.pace, FASTEST_PACE), SLOWEST_PACE)
        end.unanswered += 1
        self.probes += 1
        return self._eliciting(end, other)

    def _eliciting(self, end: _End, other: _End) -> Segment:
        """One of the probes, which are answered by all that is there, but not let through by all between."""
        ends, n = (other.endpoint, end.endpoint), end.unanswered
        unheard = end.expects is not None and end.heard is None
        only_syn = end.doubted and end.expects is None
        if only_syn or (n > PROBES_BEFORE_SYN and n % (4 if unheard else 2) == 0):
            return forged.opening(*ends, end.syn)
        if end.heard is not None:  # it has this octet already, and conntrack lets it pass
            return forged.octet(*ends, end.heard - OLD, self._ack(other))
        if end.expects is not None and n % 4 != 3:
            return forged.keep_alive(*ends, end.expects - 1, self._ack(other))
        around = self._choose(MODULUS) if end.expects is None else end.expects
        return forged.octet(*ends, around + BEYOND_ANY_WINDOW, end.far_ack)

    def _ack(self, other: _End) -> int:
        """What to acknowledge. A RST in answer begins there (RFC 9293 §3.10.7.1), and may reset the other end."""
        if other.expects is None:
            return self._choose(MODULUS)
        return other.expects if other.wanted else other.expects - OLD


def _proves_gone(segment: Segment, end: _End) -> bool:
    """Whether only an end without the connection can have sent this."""
    if segment.flags & _RST:
        return True
    # A listener has taken a SYN of ours for a new connection's, and says so until that is given up.
    return bool(segment.flags & _ACK) and segment.ack == (end.syn + 1) % MODULUS


def _newest(known: int | None, seq: int) -> int:
    return seq if known is None or later(seq, known) else known
