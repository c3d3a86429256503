"""Responses as a client reads them (RFC 9112 §4, §6.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import h11
import pytest
from hypothesis import example, given, strategies as st

from hamms_trio.errors import IncompleteResponse, MalformedResponse, ResponseError
from hamms_trio.wire import MAX_HEAD_OCTETS, ResponseReader
from tests.wire.pieces import DETERMINISTIC, PLACES, WAYS, Way, cut, octet_by_octet

OK = b"HTTP/1.1 200 OK\r\n"
NONE = b"Content-Length: 0\r\n\r\n"


def read(
    pieces: Iterable[bytes],
    method: str = "GET",
    *,
    to_the_end: bool = False,
    into: list[int] | None = None,
) -> list[int]:
    """Return the statuses of the responses in the pieces; no octet may be left."""
    reader, statuses = ResponseReader(method), [] if into is None else into
    for piece in pieces:
        response = reader.receive(piece)
        while response is not None:
            statuses.append(response.status)
            response = reader.receive()
    if to_the_end:
        last = reader.end()
        statuses += [] if last is None else [last.status]
    assert reader.is_between
    return statuses


COMPLETE = {
    "no body": OK + NONE,
    "a body": OK + b"Content-Length: 3\r\n\r\nabc",
    "a body that looks like a response": OK + b"Content-Length: 19\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks and a trailer": OK + b"transfer-encoding:Chunked\r\n\r\n1;a\r\nb\r\n0\r\nA: b\r\n\r\n",
    "compressed chunks": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "codings in two lines": OK
    + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\n" + NONE,
    "no reason and no space, which many servers forget": b"HTTP/1.1 200\r\n" + NONE,
    "a reason in Latin-1": b"HTTP/1.1 200 \xfcber\talles\r\n" + NONE,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + NONE,
    "a later minor version": b"HTTP/1.7 200 OK\r\n" + NONE,
    "an empty value": OK + b"X:\r\n" + NONE,
    "whitespace around a value": OK + b"Content-Length: \t 1 \t\r\n\r\na",
    "a folded field": OK + b"X: a\r\n  b\r\n\tc\r\n" + NONE,
    "a folded length": OK + b"Content-Length:\r\n 1\r\n\r\na",
    "a fold with nothing in it": OK + b"X: a\r\n \r\n" + NONE,
    "an odd status": b"HTTP/1.1 799 What\r\n" + NONE,
    "a head that just fits": OK
    + b"X: "
    + b"x" * (MAX_HEAD_OCTETS - len(OK) - len(NONE) - 5)
    + b"\r\n"
    + NONE,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("octets", COMPLETE.values(), ids=COMPLETE)
def test_a_complete_response_is_read_however_it_comes(octets: bytes, way: Way) -> None:
    (status,) = read(way(octets))
    assert status == int(octets[9:12])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("octets", COMPLETE.values(), ids=COMPLETE)
def test_a_response_ends_where_the_next_begins(octets: bytes, way: Way) -> None:
    next_one = b"HTTP/1.1 404 Not Found\r\n" + NONE
    assert read(way(octets * 3 + next_one + octets))[3:4] == [404]


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body_whatever_their_fields_say(status: int) -> None:
    octets = b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status
    assert read([octets * 2]) == [status] * 2


@pytest.mark.parametrize(
    "fields", [b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"]
)
def test_an_answer_to_head_has_no_body_whatever_its_fields_say(fields: bytes) -> None:
    assert read([(OK + fields) * 2], method="HEAD") == [200, 200]


@pytest.mark.parametrize("way", WAYS)
def test_interim_responses_are_passed_over_and_counted(way: Way) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    reader = ResponseReader("GET")
    found = [reader.receive(piece) for piece in way((interim + OK + NONE) * 2)]
    found.append(reader.receive())

    assert [head.status for head in found if head is not None] == [200, 200]
    assert reader.interim == 4


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "fields", [b"\r\n", b"Transfer-Encoding: gzip\r\n\r\n"], ids=["no length", "not chunked"]
)
@pytest.mark.parametrize("body", [b"", b"to the end", b"HTTP/1.1 500 No\r\n\r\n"])
def test_a_body_without_length_ends_with_the_connection(
    body: bytes, fields: bytes, way: Way
) -> None:
    assert read(way(OK + fields + body), to_the_end=True) == [200]
    reader = ResponseReader("GET")
    assert [reader.receive(piece) for piece in way(OK + fields + body)] == [None] * len(
        way(OK + fields + body)
    )
    assert not reader.is_between


@pytest.mark.parametrize(
    ("head", "persistent"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: X,Close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nconnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: disclosed\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_connection_persistence_follows_from_version_and_fields(
    head: bytes, persistent: bool
) -> None:
    response = ResponseReader("GET").receive(head + NONE)
    assert response is not None
    assert response.persistent is persistent


def test_a_connection_does_not_outlive_a_body_that_ends_with_it() -> None:
    reader = ResponseReader("GET")
    assert reader.receive(OK + b"Connection: keep-alive\r\n\r\n") is None
    response = reader.end()
    assert response is not None
    assert not response.persistent


MALFORMED = {
    "no HTTP": b"foo bar\r\n\r\n",
    "a body where a response should be": b"\r\n" + OK + NONE,
    "a request": b"GET / HTTP/1.1\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\n\r\n",
    "lower case": b"http/1.1 200 OK\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\n\r\n",
    "two spaces": b"HTTP/1.1  200 OK\r\n\r\n",
    "a tab": b"HTTP/1.1\t200 OK\r\n\r\n",
    "NUL in the reason": b"HTTP/1.1 200 O\0K\r\n\r\n",
    "bare LF after the status line": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "bare LF after a field": OK + b"A: b\nC: d\r\n\r\n",
    "bare CR in a field": OK + b"A: b\rC: d\r\n\r\n",
    "NUL in a field": OK + b"A: \0\r\n\r\n",
    "a field without colon": OK + b"A b\r\n\r\n",
    "a field without name": OK + b": b\r\n\r\n",
    "whitespace before the colon": OK + b"Content-Length : 0\r\n\r\n",
    "whitespace before the first field": OK + b" A: b\r\n" + NONE,
    "a fold before the first field": OK + b"\t\r\n" + NONE,
    "a long head": OK + b"X: " + b"x" * MAX_HEAD_OCTETS + b"\r\n\r\n",
    "many fields": OK + b"X: y\r\n" * 257 + b"\r\n",
    "an empty length": OK + b"Content-Length:\r\n\r\n",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n",
    "a signed length": OK + b"Content-Length: +1\r\n\r\na",
    "a length in hexadecimal": OK + b"Content-Length: 0x1\r\n\r\na",
    "a length with an underscore": OK + b"Content-Length: 1_0\r\n\r\n",
    "an endless length": OK + b"Content-Length: 1111111111111111111\r\n\r\n",
    "different lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "repeated lengths": OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": OK + b"Content-Length: 1, 1\r\n\r\na",
    "a length and chunks": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks first": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a coding that is no token": OK + b"Transfer-Encoding: a b, chunked\r\n\r\n0\r\n\r\n",
    "an empty coding": OK + b"Transfer-Encoding:\r\n\r\n",
    "a chunk size that is none": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk longer than its size": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_octets_that_are_no_response_are_refused_at_any_split(octets: bytes, way: Way) -> None:
    with pytest.raises(MalformedResponse):
        read(way(octets))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_a_good_response_before_a_bad_one_is_read_first(octets: bytes, way: Way) -> None:
    statuses: list[int] = []
    with pytest.raises(MalformedResponse):
        read(way((OK + NONE) * 2 + octets), into=statuses)
    assert statuses == [200, 200]


@pytest.mark.parametrize("octets", [b"foo bar", b"HTTP/2", b"\x15\x03\x01", b"{", OK + b"A: b\n"])
def test_junk_is_refused_without_waiting_for_more_of_it(octets: bytes) -> None:
    with pytest.raises(MalformedResponse):
        ResponseReader("GET").receive(octets)


@pytest.mark.parametrize("octets", COMPLETE.values(), ids=COMPLETE)
def test_a_response_that_is_cut_short_anywhere_is_incomplete(octets: bytes) -> None:
    for end in range(1, min(len(octets), 200)):
        reader = ResponseReader("GET")
        assert reader.receive(octets[:end]) is None
        with pytest.raises(IncompleteResponse):
            reader.end()


def test_no_octets_are_no_incomplete_response() -> None:
    reader = ResponseReader("GET")
    assert reader.end() is None
    assert reader.receive(OK + NONE) is not None
    assert reader.end() is None


HEADS = st.sampled_from(
    (
        OK,
        OK + b"X: y\r\n",
        b"HTTP/1.1 404 \r\n",
        b"HTTP/1.0 500 X\r\n",
        b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n",
    )
)
BODIES = st.sampled_from(
    (
        NONE,
        b"Content-Length: 3\r\n\r\nabc",
        b"Content-Length: 9999\r\n\r\n" + b"x" * 9999,
        b"Content-Length: 2\r\n\r\n\r\n",
    )
)


@given(st.lists(st.tuples(HEADS, BODIES), max_size=8), PLACES)
@example([(OK, NONE)] * 8, [40, 41, 80])
# A repeated response in two pieces, and then a shorter one that has an empty line in its body.
@example([(OK + b"X: a value\r\n", NONE)] * 2 + [(OK, b"Content-Length: 2\r\n\r\n\r\n")], [95])
@DETERMINISTIC
def test_pipelined_responses_are_the_same_however_they_are_cut(
    pipeline: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    octets = b"".join(head + body for head, body in pipeline)
    expected = [int(head.split(b"\r\n\r\n")[-1][9:12]) for head, _ in pipeline]
    assert read([octets]) == expected
    assert read(cut(octets, places)) == expected
    if len(octets) < 2000:
        assert read(octet_by_octet(octets)) == expected


FRAGMENTS = st.sampled_from(
    (
        b"HTTP/1.1", b"HTTP/1.0", b" ", b"200", b"204", b"100", b"OK", b"\r\n", b"\n", b"\r", b":",
        b"Content-Length", b"Transfer-Encoding", b"Connection", b"0", b"3", b"chunked", b"gzip",
        b"close", b",", b"\t", b"X", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"\0", b"\xff",
    )
)  # fmt: skip


def read_by_h11(octets: bytes) -> int | None:
    """Return the status if the octets are exactly one response up to the end of the connection."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(octets)
    connection.receive_data(b"")
    status = None
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return None
        if isinstance(event, h11.Response):
            status = event.status_code
        if isinstance(event, h11.EndOfMessage):
            return status if not connection.trailing_data[0] else None
        if not isinstance(event, h11.Response | h11.InformationalResponse | h11.Data):
            return None


@st.composite
def probable_responses(draw: st.DrawFn) -> bytes:
    """Make a response with octets inserted at one or two places."""
    octets = draw(st.sampled_from(sorted(COMPLETE.values(), key=len)[:-1]))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(octets)))
        octets = octets[:at] + draw(FRAGMENTS) + octets[at + draw(st.integers(0, 2)) :]
    return octets


# Where we accept more than h11: what the octets have, and why.
WE_ACCEPT_MORE = {
    rb"(?i)\ntransfer-encoding:(?![ \t]*chunked[ \t]*\r\n\S)": "h11 knows one coding; we pass over any",
    rb"(?i)\ntransfer-encoding:(?s:.)*\ntransfer-encoding:": "the same, in two lines",
    rb"HTTP/1\.[2-9]": "a later minor version is read as the latest known (RFC 9110 §2.5)",
    rb"HTTP/1\.[01] [6-9]": "a status that no class has is read as one of 5xx (RFC 9110 §15)",
}


@given(probable_responses())
@DETERMINISTIC
def test_h11_reads_alike_the_responses_that_we_accept(octets: bytes) -> None:
    if any(re.search(found, octets) for found in WE_ACCEPT_MORE):
        return
    try:
        statuses = read([octets], to_the_end=True)
    except ResponseError:
        return
    if len(statuses) == 1:
        assert read_by_h11(octets) == statuses[0], octets
