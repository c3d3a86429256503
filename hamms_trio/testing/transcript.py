"""Transcripts: the octets that cross the wire between a failure mode and a client, in virtual time.

The client is a script, the connection is in memory, and nobody waits: a mode that sleeps for an hour takes no time.
Carriers have tests of their own: none is played here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from hamms_trio.lab.doors import Door
from hamms_trio.lab.script.player import TO_CLIENT, Line, script, unreachable
from hamms_trio.lab.script.requests import GET
from hamms_trio.modes import FailureMode
from hamms_trio.version import VERSION

EXCERPT = 240  # the first octets of a long read, which are written down
ENDING = 60  # the last ones likewise; a short read is written whole
LONGEST_WHOLE = 400
LONGEST_RUN = 100  # writes in a row; of a longer run
FIRST_WRITES = 5  # are written down


def transcript(of: FailureMode | Door, requests: Sequence[bytes] = (GET,)) -> str:
    """One line per event: virtual time, direction, octets.

    Args:
        of: a failure mode with its defaults, or a door.
        requests: sent one a second.
    """
    door = of if isinstance(of, Door) else Door(of.slug, of)
    if not door.listens:
        return _unreachable(door)
    return "".join(map(_line, _abridged(script(door, requests))))


def check_transcript(
    of: FailureMode | Door, reviewed: Path, requests: Sequence[bytes] = (GET,)
) -> None:
    """Compare a mode's transcript with the reviewed one; the first time, write that and fail.

    Raises:
        AssertionError: they differ, or nobody has reviewed the transcript yet.
    """
    played = transcript(of, requests)
    if not reviewed.exists():
        reviewed.parent.mkdir(parents=True, exist_ok=True)
        reviewed.write_text(played, encoding="utf-8")
        raise AssertionError(f"wrote {reviewed}: read it, then commit it")
    expected = reviewed.read_text(encoding="utf-8")
    assert played == expected, f"{reviewed.name} has\n{expected}\nbut this was played:\n{played}"


def _abridged(lines: list[Line]) -> Iterator[Line]:
    """Yield the lines, but only the first of a long run of writes, and what the others come to."""
    for writes, group in groupby(lines, _is_write):
        run = list(group)
        if not writes or len(run) <= LONGEST_RUN:
            yield from run
            continue
        yield from run[:FIRST_WRITES]
        rest = b"".join(octets for _, _, octets in run[FIRST_WRITES:] if isinstance(octets, bytes))
        digest = sha256(rest).hexdigest()
        more = f"{len(run) - FIRST_WRITES} more writes: {len(rest)} octets, SHA-256 {digest}"
        yield run[-1][0], TO_CLIENT, more


def _is_write(line: Line) -> bool:
    return line[1] == TO_CLIENT and isinstance(line[2], bytes)


def _line(line: Line) -> str:
    at, direction, what = line
    return f"{at:8.3f}  {direction} {_excerpt(what) if isinstance(what, bytes) else what}\n"


def _unreachable(door: Door) -> str:
    return "".join(map(_line, unreachable(door)))


def _excerpt(octets: bytes) -> str:
    octets = octets.replace(VERSION.encode(), b"VERSION")
    if len(octets) <= LONGEST_WHOLE:
        return repr(octets)[1:]
    digest = sha256(octets).hexdigest()
    begin, end = repr(octets[:EXCERPT])[1:], repr(octets[-ENDING:])[1:]
    return f"{begin} ... {end}: {len(octets)} octets, SHA-256 {digest}"
