"""Canary bodies say exactly what a client lost, repeated or invented."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio.canary import (
    BLOCK_OCTETS,
    CANARY_OCTETS,
    LINE_OCTETS,
    Damage,
    Fault,
    canary,
    examine,
    pieces,
)

NONCE = "7f3a"
BODY = canary(NONCE)


def test_the_whole_body_is_exact() -> None:
    assert len(BODY) == CANARY_OCTETS
    assert examine(BODY, nonce=NONCE).is_exact


def test_every_line_carries_its_number_and_the_nonce() -> None:
    lines = BODY.splitlines(keepends=True)
    assert {len(line) for line in lines} == {LINE_OCTETS}
    assert lines[41].startswith(b"0000000041 7f3a ")


@given(st.integers(0, CANARY_OCTETS - 1))
def test_a_prefix_is_truncated_by_exactly_what_is_missing(length: int) -> None:
    result = examine(BODY[:length], nonce=NONCE)
    assert result.is_truncated
    assert [fault.octets for fault in result.faults] == [CANARY_OCTETS - length]


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_gap_is_found_where_it_is(at: int, missing: int) -> None:
    result = examine(BODY[:at] + BODY[at + missing :], nonce=NONCE)
    assert Damage.GAP in result.damages
    gaps = [fault for fault in result.faults if fault.damage is Damage.GAP]
    foreign = sum(fault.octets for fault in result.faults if fault.damage is Damage.FOREIGN)
    assert sum(gap.octets for gap in gaps) - foreign == missing
    assert not result.damages & {Damage.TRUNCATED, Damage.SURPLUS}


def test_a_repetition_of_whole_lines_is_found_where_it_is() -> None:
    at, octets = 10 * LINE_OCTETS, 3 * LINE_OCTETS
    result = examine(BODY[:at] + BODY[at - octets :], nonce=NONCE)
    assert result.faults == (Fault(Damage.REPEATED, at, octets),)


def test_octets_from_elsewhere_are_foreign() -> None:
    at = 1000
    result = examine(BODY[:at] + b"<html>sign in</html>" + BODY[at:], nonce=NONCE)
    assert result.faults == (Fault(Damage.FOREIGN, at, 20),)


def test_the_body_of_another_nonce_is_foreign() -> None:
    result = examine(BODY + canary("other", 500), nonce=NONCE)
    assert result.faults == (Fault(Damage.FOREIGN, CANARY_OCTETS, 500),)


def test_octets_beyond_the_declared_end_are_surplus() -> None:
    result = examine(canary(NONCE, 3000), nonce=NONCE, expected=2500)
    assert result.faults == (Fault(Damage.SURPLUS, 2500, 500),)


def test_an_empty_body_is_reported_as_empty() -> None:
    assert examine(b"", nonce=NONCE).faults == (Fault(Damage.EMPTY, 0, CANARY_OCTETS),)
    assert examine(b"", nonce=NONCE, expected=0).is_exact


def test_a_changed_octet_is_foreign_and_missing() -> None:
    at = 777
    changed = BODY[:at] + b"\x00" + BODY[at + 1 :]
    assert examine(changed, nonce=NONCE).damages == {Damage.FOREIGN, Damage.GAP}


@given(st.integers(0, 3 * BLOCK_OCTETS), st.integers(0, 2 * BLOCK_OCTETS))
def test_any_slice_is_made_without_the_octets_before_it(start: int, octets: int) -> None:
    whole = canary(NONCE, 5 * BLOCK_OCTETS)
    assert b"".join(pieces(NONCE, octets, start=start)) == whole[start : start + octets]


@given(st.binary(max_size=2000))
def test_any_octets_can_be_examined(octets: bytes) -> None:
    examine(octets, nonce=NONCE)
    examine(BODY[:100] + octets + BODY[100:200] + octets, nonce=NONCE)


@pytest.mark.parametrize("nonce", ["", "a b", "a\n", "é", "x" * 33])
def test_a_nonce_that_can_not_stand_in_a_line_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        canary(nonce)
