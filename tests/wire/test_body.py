"""Request bodies (RFC 9112 §6, §7)."""

from __future__ import annotations

import re

import h11
import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import ContentTooLarge, HeadTooLarge, MalformedRequest, RequestError
from hamms_trio.wire import BodyReader, RequestHead, chunk, last_chunk
from hamms_trio.wire.http1.body import (
    MAX_CHUNK_LINE_OCTETS,
    MAX_EXTENSIONS_OCTETS,
    MAX_TRAILER_OCTETS,
)
from hamms_trio.wire.http1.section import MAX_FIELD_LINES
from tests.wire.pieces import DETERMINISTIC, PLACES, WAYS, Way, cut
from tests.wire.test_request_against_h11 import mutate

TAIL = b"GET /next HTTP/1.1\r\n"


def request(*, length: int = 0, chunked: bool = False) -> RequestHead:
    head = RequestHead(b"", "POST", "/")
    head.content_length = length
    head.chunked = chunked
    return head


def feed(body: BodyReader, pieces: list[bytes]) -> bytes:
    return b"".join(map(body.feed, pieces))


CHUNKED = {
    "no chunk": (b"0\r\n\r\n", b""),
    "one chunk": (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "two chunks": (b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", b"abcd"),
    "sizes in either case": (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
    "a size with zeros before it": (b"0003\r\nabc\r\n0000\r\n\r\n", b"abc"),
    "data that looks like chunks": (b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n\r\n"),
    "an extension": (b"3;a\r\nabc\r\n0;b\r\n\r\n", b"abc"),
    "extensions with values": (b'3;a=b;c="d;\xff"\r\nabc\r\n0\r\n\r\n', b"abc"),
    "whitespace that a recipient has to bear": (
        b'3 \t; a\t=  "b" ;c\r\nabc\r\n0\t;d\r\n\r\n',
        b"abc",
    ),
    "a quoted value with quoted pairs": (b'3;a="\\"\\\\;\\\t";b\r\nabc\r\n0\r\n\r\n', b"abc"),
    "an empty quoted value": (b'3;a=""\r\nabc\r\n0\r\n\r\n', b"abc"),
    "an extension of great length": (
        b"3;" + b"x" * (MAX_CHUNK_LINE_OCTETS - 2) + b"\r\nabc\r\n0\r\n\r\n",
        b"abc",
    ),
    "a trailer field": (b"0\r\nX: a\r\n\r\n", b""),
    "trailer fields": (b"1\r\na\r\n0\r\nX: a\r\nY:\r\nx: \xff\tb \r\n\r\n", b"a"),
    "as many trailer fields as a head may have": (
        b"0\r\n" + b"X: a\r\n" * MAX_FIELD_LINES + b"\r\n",
        b"",
    ),
    "a trailer line of great length": (
        b"0\r\nX:" + b"x" * (MAX_CHUNK_LINE_OCTETS - 2) + b"\r\n\r\n",
        b"",
    ),
}

_trailer_line = b"X: " + b"x" * 997 + b"\r\n"
BROKEN = {
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "a size that is not hexadecimal": b"g\r\n",
    "a size with 0x": b"0x3\r\nabc\r\n",
    "a negative size": b"-1\r\n",
    "a size with a plus": b"+3\r\nabc\r\n",
    "a size with an underscore": b"1_0\r\n",
    "whitespace before a size": b" 3\r\nabc\r\n",
    "whitespace within a size": b"3 3\r\n",
    "a size of seventeen digits": b"1" * 17 + b"\r\n",
    "a size of many zeros": b"0" * 17 + b"\r\n\r\n",
    "a size in full-width digits": "\uff13\r\n".encode(),
    "whitespace before CRLF": b"3 \r\nabc\r\n0\r\n\r\n",
    "a tab before CRLF": b"3\t\r\nabc\r\n0\r\n\r\n",
    "whitespace before the CRLF of the last chunk": b"0 \r\n\r\n",
    "whitespace after an extension": b"3;a \r\nabc\r\n0\r\n\r\n",
    "an extension without a name": b"3;\r\nabc\r\n0\r\n\r\n",
    "an extension with a value only": b"3;=a\r\nabc\r\n0\r\n\r\n",
    "an extension with a name and no value": b"3;a=\r\nabc\r\n0\r\n\r\n",
    "an extension with two values": b"3;a=b=c\r\nabc\r\n0\r\n\r\n",
    "an extension with two names": b"3;a b\r\nabc\r\n0\r\n\r\n",
    "an extension after a comma": b"3,a\r\nabc\r\n0\r\n\r\n",
    "an extension that is no token": b"3;a/b\r\nabc\r\n0\r\n\r\n",
    "an octet beyond ASCII in the name of an extension": b"3;\xe9\r\nabc\r\n0\r\n\r\n",
    "an octet beyond ASCII in a value without quotes": b"3;a=\xe9\r\nabc\r\n0\r\n\r\n",
    "a quoted value that is not closed": b'3;a="b\r\nabc\r\n0\r\n\r\n',
    "a quoted value closed by a quoted pair": b'3;a="b\\"\r\nabc\r\n0\r\n\r\n',
    "more after a quoted value": b'3;a="b"c\r\nabc\r\n0\r\n\r\n',
    "CRLF in a quoted value": b'3;a="b\r\nabc"\r\n0\r\n\r\n',
    "bare CR in a quoted value": b'3;a="b\rc"\r\nabc\r\n0\r\n\r\n',
    "NUL in a quoted value": b'3;a="\0"\r\nabc\r\n0\r\n\r\n',
    "DEL in a quoted value": b'3;a="\x7f"\r\nabc\r\n0\r\n\r\n',
    "bare LF after a size": b"3\nabc\n0\n\n",
    "bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "bare CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "bare CR before CRLF": b"3\r\r\nabc\r\n0\r\n\r\n",
    "NUL in an extension": b"3;\0\r\nabc\r\n0\r\n\r\n",
    "more data than the size says": b"3\r\nabcd\r\n0\r\n\r\n",
    "less data than the size says": b"3\r\nab\r\n0\r\n\r\n",
    "bare LF after data": b"3\r\nabc\n0\r\n\r\n",
    "bare CR after data": b"3\r\nabc\r0\r\n\r\n",
    "two octets of anything after data": b"3\r\nabcXX0\r\n\r\n",
    "a trailer without a colon": b"0\r\nX\r\n\r\n",
    "a trailer with space before the colon": b"0\r\nX : a\r\n\r\n",
    "a trailer without a name": b"0\r\n: a\r\n\r\n",
    "a folded trailer": b"0\r\nX: a\r\n b\r\n\r\n",
    "bare LF in a trailer": b"0\r\nX: a\n\r\n",
    "bare LF for a trailer": b"0\r\n\n",
    "NUL in a trailer": b"0\r\nX: \0\r\n\r\n",
    "a request for a trailer": b"0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    "bare CR in a trailer": b"0\r\nX: a\rb\r\n\r\n",
    "an octet beyond ASCII in the name of a trailer": b"0\r\nX\xe9: a\r\n\r\n",
    "a length in the trailer": b"0\r\nContent-Length: 9\r\n\r\n",
    "a transfer coding in the trailer": b"0\r\nX: a\r\ntransfer-encoding: gzip\r\n\r\n",
    "a host in the trailer": b"0\r\nHOST: b\r\n\r\n",
    "persistence in the trailer": b"0\r\nConnection: close\r\n\r\n",
    "an expectation in the trailer": b"0\r\nExpect: 100-continue\r\n\r\n",
}

_extended = b"1;" + b"x" * 998 + b"\r\na\r\n"
TOO_MUCH: dict[str, tuple[bytes, type[RequestError]]] = {
    "an extension of too great a length": (
        b"3;" + b"x" * (MAX_CHUNK_LINE_OCTETS - 1) + b"\r\n",
        ContentTooLarge,
    ),
    "an extension that never ends": (b"3;" + b"x" * (MAX_CHUNK_LINE_OCTETS + 1), ContentTooLarge),
    "extensions without end": (_extended * (MAX_EXTENSIONS_OCTETS // 999 + 1), ContentTooLarge),
    "a trailer line of too great a length": (
        b"0\r\nX:" + b"x" * MAX_CHUNK_LINE_OCTETS,
        HeadTooLarge,
    ),
    "a trailer section of too great a length": (
        b"0\r\n" + _trailer_line * (MAX_TRAILER_OCTETS // 1000 + 1),
        HeadTooLarge,
    ),
    "trailer fields without end": (b"0\r\n" + b"X:\r\n" * (MAX_FIELD_LINES + 1), HeadTooLarge),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("length", [1, 3, 1000])
def test_a_counted_body_ends_with_its_last_octet(length: int, way: Way) -> None:
    octets = bytes(n % 256 for n in range(length))
    body = BodyReader(request(length=length))
    assert not body.complete
    assert feed(body, way(octets)) == octets
    assert body.complete
    assert body.rest == b""


def test_a_request_without_a_body_is_complete_at_once() -> None:
    body = BodyReader(request())
    assert body.complete
    assert body.feed(TAIL) == b""
    assert body.rest == TAIL


@pytest.mark.parametrize("way", WAYS)
def test_octets_behind_a_counted_body_stay_for_the_next_request(way: Way) -> None:
    body = BodyReader(request(length=3))
    assert feed(body, way(b"abc" + TAIL)) == b"abc"
    assert body.complete
    assert body.rest == TAIL


@pytest.mark.parametrize("tail", [b"", TAIL], ids=["alone", "with a tail"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "content"), CHUNKED.values(), ids=CHUNKED)
def test_a_chunked_body_is_decoded(octets: bytes, content: bytes, way: Way, tail: bytes) -> None:
    body = BodyReader(request(chunked=True))
    assert feed(body, way(octets + tail)) == content
    assert body.complete
    assert body.rest == tail


@pytest.mark.parametrize(("octets", "content"), CHUNKED.values(), ids=CHUNKED)
def test_a_chunked_body_without_its_last_octet_is_incomplete(octets: bytes, content: bytes) -> None:
    body = BodyReader(request(chunked=True))
    assert body.feed(octets[:-1]) == content
    assert not body.complete
    body.feed(octets[-1:])
    assert body.complete


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("octets", BROKEN.values(), ids=BROKEN)
def test_a_broken_chunked_body_is_refused(octets: bytes, way: Way) -> None:
    with pytest.raises(MalformedRequest, match=r"."):
        feed(BodyReader(request(chunked=True)), way(octets))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "error"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_excessive_extensions_and_trailers_are_refused_as_too_large(
    octets: bytes, error: type[RequestError], way: Way
) -> None:
    with pytest.raises(error):
        feed(BodyReader(request(chunked=True)), way(octets))


def test_extensions_up_to_the_limit_are_ignored() -> None:
    count = MAX_EXTENSIONS_OCTETS // 999
    body = BodyReader(request(chunked=True))
    assert body.feed(_extended * count + last_chunk()) == b"a" * count
    assert body.complete


def test_a_broken_body_stays_broken() -> None:
    """The end of the body is unknown, so nothing after it may be taken for a request."""
    body = BodyReader(request(chunked=True))
    with pytest.raises(MalformedRequest, match="hexadecimal"):
        body.feed(b"zz\r\n")
    with pytest.raises(MalformedRequest, match="hexadecimal"):
        body.feed(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n")
    assert not body.complete
    assert body.rest == b""


def test_a_chunk_of_any_size_is_passed_on_as_it_comes() -> None:
    body = BodyReader(request(chunked=True))
    assert body.feed(b"ffffffffffffffff\r\n") == b""
    for _ in range(100):
        assert body.feed(b"x" * 1000) == b"x" * 1000
    assert body._buffer == b""
    assert not body.complete


@given(st.binary(max_size=200), PLACES, PLACES, st.sampled_from((b"", TAIL)))
@DETERMINISTIC
def test_a_chunked_body_is_the_same_however_it_is_cut(
    content: bytes, chunk_places: list[int], places: list[int], tail: bytes
) -> None:
    parts = [part for part in cut(content, chunk_places) if part]
    octets = b"".join(map(chunk, parts)) + last_chunk() + tail
    body = BodyReader(request(chunked=True))
    assert feed(body, cut(octets, places)) == content
    assert body.complete
    assert body.rest == tail


def read(octets: bytes, pieces: list[bytes]) -> tuple[bytes, bytes] | None:
    body = BodyReader(request(chunked=True))
    try:
        content = feed(body, pieces)
    except RequestError:
        return None
    return content, body.rest if body.complete else b"incomplete"


_JUNK = st.lists(
    st.sampled_from((b"0", b"3", b"a", b"\r", b"\n", b"\r\n", b";", b" ", b":", b"abc", b"\0")),
    max_size=14,
).map(b"".join)


@given(_JUNK, PLACES)
@DETERMINISTIC
def test_a_refusal_of_a_body_does_not_depend_on_the_split(octets: bytes, places: list[int]) -> None:
    assert read(octets, [octets]) == read(octets, cut(octets, places))


# Whitespace that a recipient has to bear (RFC 9110 §5.6.3), and h11 refuses.
_REFUSED_BY_H11 = re.compile(rb"[0-9A-Fa-f][ \t]+;")


def read_by_h11(octets: bytes) -> tuple[bytes, bytes] | None:
    """Read the same body with h11."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.receive_data(head + octets)
    content = b""
    try:
        connection.next_event()
        while isinstance(event := connection.next_event(), h11.Data):
            content += event.data
    except h11.RemoteProtocolError:
        return None
    ended = isinstance(event, h11.EndOfMessage)
    return content, connection.trailing_data[0] if ended else b"incomplete"


_TOKENS = st.text("aA0-_.!~", min_size=1, max_size=3).map(str.encode)
_QUOTED = st.lists(
    st.sampled_from((b"a", b" ", b"\t", b";", b"=", b"\\\\", b'\\"', b"\xe9")), max_size=4
).map(lambda parts: b'"' + b"".join(parts) + b'"')
_SPACE = st.sampled_from((b"", b" ", b"\t "))
_EXTENSION = st.builds(
    lambda before, after, name, value: before + b";" + after + name + value,
    _SPACE,
    _SPACE,
    _TOKENS,
    st.one_of(
        st.just(b""),
        st.builds(lambda a, b, v: a + b"=" + b + v, _SPACE, _SPACE, _TOKENS | _QUOTED),
    ),
)
_EXTENSIONS = st.lists(_EXTENSION, max_size=3).map(b"".join)
_TRAILER = st.lists(
    st.sampled_from((b"X: a\r\n", b"y:\r\n", b"Z:\t\xe9 \r\n", b"TE: b\r\n")), max_size=3
).map(b"".join)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), _EXTENSIONS)), _EXTENSIONS, _TRAILER)
@DETERMINISTIC
def test_every_valid_chunk_is_read_as_h11_reads_it(
    chunks: list[tuple[bytes, bytes]], last: bytes, trailer: bytes
) -> None:
    octets = b"".join(b"%x%b\r\n%b\r\n" % (len(data), ext, data) for data, ext in chunks)
    octets += b"0" + last + b"\r\n" + trailer + b"\r\n" + TAIL
    assert read(octets, [octets]) == (b"".join(data for data, _ in chunks), TAIL)
    if not _REFUSED_BY_H11.search(octets):
        assert read_by_h11(octets) == read(octets, [octets])


_CHUNKS = [octets for octets, _ in CHUNKED.values() if len(octets) < 100]
_PIECES = (
    b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\xe9", b";", b"=", b'"', b"\\", b":", b",",
    b"0", b"3", b"+", b"0x", b"Content-Length: 3\r\n", b"Transfer-Encoding: gzip\r\n",
)  # fmt: skip


@given(
    st.sampled_from(_CHUNKS),
    st.lists(
        st.tuples(st.integers(0, 99), st.integers(0, 3), st.sampled_from(_PIECES)), max_size=3
    ),
)
@DETERMINISTIC
def test_h11_reads_alike_a_mutated_body_that_we_accept(
    octets: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    octets = mutate(octets, mutations) + TAIL
    ours = read(octets, [octets])
    if ours is not None and ours[1] != b"incomplete" and not _REFUSED_BY_H11.search(octets):
        assert read_by_h11(octets) == ours
