"""The fast pattern of heads and the slow reader of refusals agree about every head."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import RequestError
from hamms_trio.wire import parse_head
from hamms_trio.wire.http1.refusals import explain_refusal
from tests.wire.pieces import DETERMINISTIC
from tests.wire.test_request import BAD, GOOD
from tests.wire.test_request_against_h11 import MUTATIONS, SHORT_HEADS, mutate

UNEXPLAINED = "the head does not match the grammar of RFC 9112"
WHOLE = [octets for octets, _ in (*GOOD.values(), *BAD.values()) if octets.endswith(b"\r\n\r\n")]


def refusal(octets: bytes) -> RequestError | None:
    """Return the error that a head is refused with, or None if the head is accepted."""
    try:
        parse_head(octets)
    except RequestError as problem:
        return problem
    return None


def check_agreement(octets: bytes) -> None:
    """Check that a head is accepted, or refused for the reason that the slow reader finds."""
    problem, explained = refusal(octets), explain_refusal(octets.decode("latin-1"))
    if str(explained) != UNEXPLAINED:
        assert (type(problem), str(problem)) == (type(explained), str(explained)), octets
    else:  # the grammar is fine; only fields that contradict each other are refused
        assert str(problem) != UNEXPLAINED, octets


@pytest.mark.parametrize("octets", WHOLE)
def test_every_head_of_the_tables_is_explained(octets: bytes) -> None:
    check_agreement(octets)


@given(SHORT_HEADS, MUTATIONS)
@DETERMINISTIC
def test_every_mutated_head_is_explained(
    octets: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    check_agreement(mutate(octets, mutations).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


@given(st.lists(st.binary(max_size=12), max_size=6))
@DETERMINISTIC
def test_every_head_of_random_lines_is_explained(lines: list[bytes]) -> None:
    octets = b"\r\n".join((b"GET / HTTP/1.1", b"Host: a", *lines))
    check_agreement(octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
