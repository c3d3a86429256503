"""Canary bodies: content in which every line carries its position.

A client that loses, repeats or invents part of a body seldom notices. A canary makes the damage
readable: it is an endless text of 64-octet lines, each of which carries its number, the nonce of the
run and a checksum of both. The octets that a client delivered therefore show exactly which part is
missing, which part came twice, and which part came from another source.

The text is a pure function of the nonce and of the position, so any slice can be made without the
octets before it, and nothing is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from hashlib import shake_128

LINE_OCTETS = 64
BLOCK_LINES = 1024
BLOCK_OCTETS = BLOCK_LINES * LINE_OCTETS
CANARY_OCTETS = 64 * 1024  # more than the buffer of every client that was measured
LONGEST_NONCE = 32

_NUMBER_DIGITS = 10
_NONCE = re.compile(r"[0-9A-Za-z_.~-]{1,32}")


class Damage(Enum):
    """A kind of difference between a canary and the octets that a client delivered."""

    EMPTY = "nothing was delivered"
    TRUNCATED = "the end is missing"
    GAP = "octets are missing in between"
    REPEATED = "octets came more than once"
    FOREIGN = "octets came that the canary does not have"
    SURPLUS = "octets of the canary came beyond its end"


@dataclass(frozen=True, slots=True)
class Fault:
    """One difference.

    Attributes:
        damage: the kind of difference.
        at: the offset in the delivered octets where it begins.
        octets: how many octets are missing, repeated, foreign or surplus.
    """

    damage: Damage
    at: int
    octets: int

    def __str__(self) -> str:
        return f"{self.damage.value}: {self.octets} octets at offset {self.at}"


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of comparing delivered octets with a canary.

    Attributes:
        faults: the differences in the order in which they stand in the delivered octets; empty if
            there is none.
        delivered: the number of octets that were delivered.
        expected: the number of octets that the canary has.
    """

    faults: tuple[Fault, ...]
    delivered: int
    expected: int

    @property
    def is_exact(self) -> bool:
        """True if the delivered octets are the canary, and nothing else."""
        return not self.faults

    @property
    def is_truncated(self) -> bool:
        """True if the delivered octets are a strict prefix of the canary, the empty one included."""
        return bool(self.faults) and self.damages <= {Damage.EMPTY, Damage.TRUNCATED}

    @property
    def damages(self) -> frozenset[Damage]:
        """The kinds of damage that were found."""
        return frozenset(fault.damage for fault in self.faults)

    def __str__(self) -> str:
        if self.is_exact:
            return f"exactly the {self.expected} octets that were sent"
        return "; ".join(map(str, self.faults))


def is_nonce(text: str) -> bool:
    """Return True if ``text`` can be a nonce (see `check_nonce`)."""
    return bool(_NONCE.fullmatch(text))


def check_nonce(nonce: str) -> str:
    """Return ``nonce`` if it can stand in a canary.

    Raises:
        ValueError: it is empty, longer than 32 characters, or has other characters than
            letters, digits and ``-._~`` (the unreserved ones of RFC 3986 §2.3).
    """
    if not is_nonce(nonce):
        raise ValueError(
            f"the nonce {nonce[:80]!r} can't be used: give 1 to {LONGEST_NONCE} letters, digits or -._~"
        )
    return nonce


def canary(nonce: str, octets: int = CANARY_OCTETS, *, start: int = 0) -> bytes:
    """Return ``octets`` octets of the canary of ``nonce``, from offset ``start`` on.

    Raises:
        ValueError: the nonce can't be used (see `check_nonce`).
    """
    return b"".join(pieces(nonce, octets, start=start))


def pieces(nonce: str, octets: int, *, start: int = 0) -> Iterator[bytes]:
    """Yield the same octets in pieces of at most 64 KiB, for bodies too large for memory.

    Raises:
        ValueError: the nonce can't be used (see `check_nonce`).
    """
    check_nonce(nonce)
    end = start + octets
    while start < end:
        block, offset = divmod(start, BLOCK_OCTETS)
        piece = _block(nonce, block)[offset : offset + end - start]
        yield piece
        start += len(piece)


def examine(octets: bytes, *, nonce: str, expected: int = CANARY_OCTETS) -> Examination:
    """Say how ``octets`` differ from the first ``expected`` octets of the canary of ``nonce``.

    Raises:
        ValueError: the nonce can't be used (see `check_nonce`).
    """
    check_nonce(nonce)
    if not octets and expected:
        return Examination((Fault(Damage.EMPTY, 0, expected),), 0, expected)
    return Examination(tuple(_faults(octets, nonce, expected)), len(octets), expected)


@lru_cache(maxsize=64)
def _block(nonce: str, number: int) -> bytes:
    """Return 1 024 lines, of which the first is the line ``number * 1024``."""
    width = LINE_OCTETS - _NUMBER_DIGITS - len(nonce) - 3  # two spaces and LF
    octets = BLOCK_LINES * width
    checks = shake_128(f"{nonce} {number}".encode()).hexdigest((octets + 1) // 2).encode()[:octets]
    # Column by column: a few dozen assignments instead of a thousand lines.
    block = bytearray(BLOCK_OCTETS)
    numbers = _numbers(number)
    for column in range(_NUMBER_DIGITS):
        block[column::LINE_OCTETS] = numbers[column::_NUMBER_DIGITS]
    for column, octet in enumerate(f" {nonce} ".encode(), _NUMBER_DIGITS):
        block[column::LINE_OCTETS] = octet.to_bytes() * BLOCK_LINES
    for column in range(width):
        block[LINE_OCTETS - 1 - width + column :: LINE_OCTETS] = checks[column::width]
    block[LINE_OCTETS - 1 :: LINE_OCTETS] = b"\n" * BLOCK_LINES
    return bytes(block)


@lru_cache(maxsize=64)
def _numbers(block: int) -> bytes:
    """Return the numbers of a block's lines, one below the other."""
    first = block * BLOCK_LINES
    return "".join(f"{first + line:0{_NUMBER_DIGITS}d}" for line in range(BLOCK_LINES)).encode()


def _faults(octets: bytes, nonce: str, expected: int) -> Iterator[Fault]:
    """Walk through the delivered octets, and find the place in the canary again after each fault."""
    at = position = 0  # in the delivered octets, and in the canary
    furthest = 0  # the end of the canary's octets that have come without a gap before them
    while at < len(octets):
        same = _common_length(octets, at, nonce, position)
        begin, position, at = position, position + same, at + same
        if begin < furthest:
            yield Fault(Damage.REPEATED, at - same, min(position, furthest) - begin)
        if position > expected:
            yield Fault(
                Damage.SURPLUS,
                at - position + max(expected, begin),
                position - max(expected, begin),
            )
        furthest = max(furthest, position)
        if at == len(octets):
            break
        found, continued = _find_line(octets, at, nonce)
        if found > at:
            yield Fault(Damage.FOREIGN, at, found - at)
        if continued > furthest and found < len(octets):
            yield Fault(Damage.GAP, found, continued - furthest)
            furthest = continued
        at, position = found, continued
    if furthest < expected:
        yield Fault(Damage.TRUNCATED, len(octets), expected - furthest)


def _common_length(octets: bytes, at: int, nonce: str, position: int) -> int:
    """Return how many octets from ``at`` on are those of the canary from ``position`` on."""
    same = 0
    while at + same < len(octets):
        block, offset = divmod(position + same, BLOCK_OCTETS)
        wanted = _block(nonce, block)[offset:]
        given = octets[at + same : at + same + len(wanted)]
        if given != wanted[: len(given)]:
            same += _first_difference(given, wanted)
            return same - _undecided(nonce, position + same, same)
        same += len(given)
    return same


def _undecided(nonce: str, position: int, same: int) -> int:
    """Return how many octets before ``position`` agree although they say nothing.

    The beginnings of two lines are alike, up to the octets in which their numbers differ.
    """
    within = position % LINE_OCTETS
    checked = _NUMBER_DIGITS + len(nonce) + 2
    return within if within <= min(checked, same) else 0


def _first_difference(given: bytes, wanted: bytes) -> int:
    low, high = 0, len(given)  # a bisection: comparing slices is fast, comparing octets is not
    while low < high:
        middle = (low + high + 1) // 2
        if given[:middle] == wanted[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _find_line(octets: bytes, at: int, nonce: str) -> tuple[int, int]:
    """Return where the canary goes on from ``at`` on, and at which of its positions.

    The next whole line tells: as many octets before it as agree belong to the line before. If there
    is none, the offset is the end of ``octets``.
    """
    line = re.compile(rb"([0-9]{%d}) %s [0-9a-f]" % (_NUMBER_DIGITS, re.escape(nonce).encode()))
    search = at
    while match := line.search(octets, search):
        position = int(match[1]) * LINE_OCTETS
        found = match.start()
        length = min(LINE_OCTETS, len(octets) - found)
        if octets[found : found + length] == canary(nonce, length, start=position):
            while (
                found > at
                and position
                and octets[found - 1 : found] == canary(nonce, 1, start=position - 1)
            ):
                found, position = found - 1, position - 1
            return found, position
        search = match.start() + 1
    return len(octets), 0
