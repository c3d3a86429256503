"""h11 accepts the heads that we accept and reads them alike, or there is a reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given, strategies as st

from hamms_trio.errors import RequestError
from hamms_trio.wire import RequestHead
from tests.wire.pieces import DETERMINISTIC, read_heads
from tests.wire.test_request import GOOD


class Read(NamedTuple):
    method: str
    target: str
    fields: Sequence[tuple[str, str]]


def read_by_h11(octets: bytes) -> tuple[Read, h11.Connection] | None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        connection.receive_data(octets)
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Request):
        return None
    fields = [(n.decode(), v.decode("latin-1")) for n, v in event.headers.raw_items()]
    return Read(event.method.decode(), event.target.decode(), fields), connection


def read_by_us(octets: bytes) -> RequestHead | None:
    """Return the head if the octets are exactly one head."""
    try:
        heads, _ = read_heads([octets])
    except RequestError:
        return None
    return heads[0] if heads and octets.endswith(heads[0].octets) else None


EMPTY_ELEMENTS = rb"(?i)\ntransfer-encoding:[ \t]*(?:,|chunked[ \t]*,|\r)"
# Where we accept what h11 does not, or read it differently: what the octets have, and why.
WE_ACCEPT_MORE = {
    rb"\A\r\n": "empty lines before a request are ignored (RFC 9112 §2.2)",
    EMPTY_ELEMENTS: "empty list elements are ignored (RFC 9110 §5.6.1.2)",
}
# h11 forgets the second of two equal Content-Length lines.
FORGOTTEN_BY_H11 = "content-length"
# h11 lowers the name of the transfer coding; we keep the value as it came and compare it lowered.
LOWERED_BY_H11 = "transfer-encoding"


def normal(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    read = [(n, v.lower() if n.lower() == LOWERED_BY_H11 else v) for n, v in fields]
    return [
        field
        for at, field in enumerate(read)
        if field[0].lower() != FORGOTTEN_BY_H11
        or all(before.lower() != FORGOTTEN_BY_H11 for before, _ in read[:at])
    ]


def check_agreement(octets: bytes) -> None:
    ours = read_by_us(octets)
    if ours is None or any(re.search(found, octets) for found in WE_ACCEPT_MORE):
        return
    read = read_by_h11(octets)
    assert read is not None, octets
    theirs, connection = read
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert normal(ours.fields) == normal(theirs.fields)
    check_framing(ours, connection)


def check_framing(ours: RequestHead, connection: h11.Connection) -> None:
    """Give h11 the body we expect; the message has to end with it."""
    assert (
        ours.expects_continue == connection.they_are_waiting_for_100_continue or not ours.has_body
    )
    if ours.content_length > 1000:
        return
    body = b"3\r\nabc\r\n0\r\n\r\n" if ours.chunked else b"x" * ours.content_length
    connection.receive_data(body)
    content = b""
    while isinstance(event := connection.next_event(), h11.Data):
        content += event.data
    assert content == (b"abc" if ours.chunked else body)
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data[0] == b""
    lasts = connection.their_state is h11.DONE or ours.method == "CONNECT"
    assert ours.persistent == lasts or ours.minor_version == 0  # h11 always closes after HTTP/1.0


@pytest.mark.parametrize("octets", [octets for octets, _ in GOOD.values()], ids=GOOD)
def test_a_good_head_is_read_alike(octets: bytes) -> None:
    check_agreement(octets)


SHORT_HEADS = st.sampled_from([octets for octets, _ in GOOD.values() if len(octets) < 200])
PIECES = (
    b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n ", b"\0", b"\x0b", b"\x7f", b"\xe9", b":", b",",
    b";", b"0", b"+", b"a", b"close", b"chunked", b"Content-Length: 3\r\n",
)  # fmt: skip
MUTATIONS = st.lists(
    st.tuples(st.integers(0, 199), st.integers(0, 2), st.sampled_from(PIECES)), max_size=3
)


def mutate(octets: bytes, mutations: list[tuple[int, int, bytes]]) -> bytes:
    """``octets`` with some replaced: each mutation is a place, how many go, and what comes."""
    for place, gone, come in mutations:
        at = place % len(octets)
        octets = octets[:at] + come + octets[at + gone :]
    return octets


FIELD_NAMES = st.sampled_from(
    (b"Connection", b"Content-Length", b"Transfer-Encoding", b"Expect", b"X", b"x-y")
)
KNOWN_VALUES = (
    b"a", b"3", b"0", b"+3", b"3, 3", b"chunked", b"Chunked", b"gzip, chunked", b"",
    b"close", b"keep-alive", b"a, CLOSE", b"100-continue",
)  # fmt: skip
FIELD_VALUES = st.one_of(st.sampled_from(KNOWN_VALUES), st.binary(max_size=6))
SPACE = st.sampled_from((b" ", b"", b"\t", b"  \t"))
LINES = st.builds(
    lambda name, before, value, after: name + b":" + before + value + after,
    FIELD_NAMES,
    SPACE,
    FIELD_VALUES,
    SPACE,
)


@given(SHORT_HEADS, MUTATIONS)
@example(GOOD["HTTP/1.1"][0], [(16, 0, b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")])
@DETERMINISTIC
def test_a_mutated_head_we_accept_is_read_alike(
    octets: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    check_agreement(mutate(octets, mutations))


@given(
    st.sampled_from((b"GET / HTTP/1.1", b"POST /a HTTP/1.0", b"PUT * HTTP/1.2")),
    st.lists(LINES, max_size=4),
)
@DETERMINISTIC
def test_any_field_lines_we_accept_are_read_alike(line: bytes, fields: list[bytes]) -> None:
    check_agreement(b"\r\n".join((line, b"Host: a", *fields, b"", b"")))


@given(st.binary(max_size=40))
@DETERMINISTIC
def test_any_value_we_accept_is_read_alike(value: bytes) -> None:
    check_agreement(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + value + b"\r\n\r\n")
