"""Request heads, good and bad (RFC 9112 §2.2, §3, §5, §6, §9.3)."""

from __future__ import annotations

import pytest

from hamms_trio.errors import (
    HeadTooLarge,
    MalformedRequest,
    RequestError,
    TargetTooLong,
    UnknownTransferCoding,
    UnsupportedVersion,
)
from hamms_trio.wire import Oddity
from hamms_trio.wire.http1.request import MAX_HEAD_OCTETS, RequestHead
from hamms_trio.wire.http1.section import MAX_FIELD_LINES
from tests.wire.pieces import WAYS, Way, octet_by_octet, read_heads, whole

NEXT = b"GET /next HTTP/1.1\r\nHost: b\r\n\r\n"


def lines(*given: bytes) -> bytes:
    return b"\r\n".join((*given, b"", b""))


def get(*fields: bytes) -> bytes:
    return lines(b"GET / HTTP/1.1", b"Host: a", *fields)


def get10(*fields: bytes) -> bytes:
    return lines(b"GET / HTTP/1.0", *fields)


def post(*fields: bytes) -> bytes:
    return lines(b"POST / HTTP/1.1", b"Host: a", *fields)


GOOD: dict[str, tuple[bytes, dict[str, object]]] = {
    "origin form": (
        lines(b"GET /a/b?c=d&e HTTP/1.1", b"Host: a"),
        {"method": "GET", "target": "/a/b?c=d&e", "path": "/a/b", "query_string": "c=d&e"},
    ),
    "absolute form": (
        lines(b"GET http://user.test:80/a?b=c HTTP/1.1", b"Host: x"),
        {"target": "http://user.test:80/a?b=c", "path": "/a", "query_string": "b=c"},
    ),
    "absolute form without a path": (
        lines(b"GET HTTP://a.test HTTP/1.1", b"Host: a"),
        {"path": "/", "query_string": ""},
    ),
    "absolute form with a query only": (
        lines(b"GET https://a.test?next=/b HTTP/1.1", b"Host: a"),
        {"path": "/", "query_string": "next=/b"},
    ),
    "authority form": (
        lines(b"CONNECT a.test:443 HTTP/1.1", b"Host: a.test:443"),
        {"method": "CONNECT", "target": "a.test:443", "path": "a.test:443"},
    ),
    "asterisk form": (
        lines(b"OPTIONS * HTTP/1.1", b"Host: a"),
        {"method": "OPTIONS", "target": "*", "path": "*"},
    ),
    "a method in lower case is another method": (
        lines(b"get / HTTP/1.1", b"Host: a"),
        {"method": "get"},
    ),
    "any token is a method": (
        lines(b"M-SEARCH'!#$% * HTTP/1.1", b"Host: a"),
        {"method": "M-SEARCH'!#$%"},
    ),
    "HTTP/1.1": (get(), {"minor_version": 1, "persistent": True, "oddities": ()}),
    "HTTP/1.0": (get10(), {"minor_version": 0, "persistent": False, "fields": ()}),
    "HTTP/1.2 is read as HTTP/1.1": (
        lines(b"GET / HTTP/1.2", b"Host: a"),
        {"minor_version": 1, "persistent": True, "oddities": ()},
    ),
    "empty lines before it": (b"\r\n\r\n" + get(), {"method": "GET", "octets": get()}),
    "fields keep their case, order and number": (
        get(b"x-B: 1", b"X-a: 2", b"x-b: 3"),
        {"fields": (("Host", "a"), ("x-B", "1"), ("X-a", "2"), ("x-b", "3"))},
    ),
    "whitespace around a value is not part of it": (
        get(b"X: \t a \t b\t "),
        {"fields": (("Host", "a"), ("X", "a \t b"))},
    ),
    "no whitespace at all": (get(b"X:a:b"), {"fields": (("Host", "a"), ("X", "a:b"))}),
    "an empty value": (
        get(b"X:", b"Y: \t "),
        {"fields": (("Host", "a"), ("X", ""), ("Y", ""))},
    ),
    "an obs-text value": (
        get(b"X: caf\xc3\xa9 \x80\xff"),
        {"fields": (("Host", "a"), ("X", "caf\xc3\xa9 \x80\xff"))},
    ),
    "an obs-text space is not whitespace": (
        get(b"X: \xa0a\x85"),
        {"fields": (("Host", "a"), ("X", "\xa0a\x85"))},
    ),
    "a field name of every token character": (
        get(b"!#$%&'*+-.^_`|~09azAZ: x"),
        {"fields": (("Host", "a"), ("!#$%&'*+-.^_`|~09azAZ", "x"))},
    ),
    "an empty Host": (
        lines(b"GET / HTTP/1.1", b"Host:"),
        {"fields": (("Host", ""),), "oddities": (Oddity.EMPTY_HOST,)},
    ),
    "an IPv6 Host": (lines(b"GET / HTTP/1.1", b"Host: [::1]:80"), {"persistent": True}),
    "a Host with a zone": (lines(b"GET / HTTP/1.1", b"Host: [fe80::1%25eth0]"), {}),
    "a Host in HTTP/1.0": (get10(b"host: a_b.test:"), {"fields": (("host", "a_b.test:"),)}),
    "ours": (get(b"x-hamms-nonce: ab ", b"X-Hamms-Page:1"), {"nonce": "ab", "page_mark": "1"}),
    "Connection: close": (get(b"Connection: close"), {"persistent": False}),
    "Connection: CLOSE in a list": (get(b"Connection: TE , Close,x"), {"persistent": False}),
    "Connection: close on a second line": (
        get(b"Connection: keep-alive", b"connection: close"),
        {"persistent": False},
    ),
    "Connection: close before keep-alive": (
        get(b"Connection: close", b"Connection: keep-alive"),
        {"persistent": False},
    ),
    "a Connection option that contains close": (
        get(b"Connection: close-ish, not close"),
        {"persistent": True},
    ),
    "an empty Connection": (get(b"Connection: ,,"), {"persistent": True}),
    "HTTP/1.0 keep-alive": (get10(b"Connection: Keep-Alive"), {"persistent": True}),
    "HTTP/1.0 keep-alive in a list": (get10(b"Connection: a,keep-alive"), {"persistent": True}),
    "HTTP/1.0 keep-alive and close": (
        get10(b"Connection: keep-alive, close"),
        {"persistent": False},
    ),
    "Content-Length": (
        post(b"Content-Length: 12"),
        {"content_length": 12, "chunked": False, "has_body": True},
    ),
    "Content-Length twice": (
        post(b"Content-Length: 3", b"content-length: 3"),
        {"content_length": 3},
    ),
    "Content-Length: 0": (post(b"Content-Length: 0"), {"content_length": 0, "has_body": False}),
    "Content-Length with zeros before it": (post(b"CONTENT-LENGTH: 007"), {"content_length": 7}),
    "the greatest Content-Length": (
        post(b"Content-Length: 999999999999999999"),
        {"content_length": 10**18 - 1},
    ),
    "Transfer-Encoding: chunked": (
        post(b"Transfer-Encoding: chunked"),
        {"chunked": True, "content_length": 0, "has_body": True},
    ),
    "empty list elements around chunked": (
        post(b"Transfer-Encoding: ,", b"Transfer-Encoding: , chunked ,,"),
        {"chunked": True},
    ),
    "Transfer-Encoding: CHUNKED": (post(b"transfer-encoding:\tCHUNKED "), {"chunked": True}),
    "Expect": (
        post(b"Expect: 100-Continue", b"Content-Length: 1"),
        {"expects_continue": True},
    ),
    "Expect among others": (post(b"Expect: 100-continue, x", b"Expect: y"), {"expects_continue": True}),
    "another expectation": (
        post(b"Expect: 100-continued"),
        {"expects_continue": False, "oddities": (Oddity.EXPECTATION,)},
    ),
    "Expect in HTTP/1.0": (
        get10(b"Expect: 100-continue, x"),
        {"expects_continue": False, "oddities": ()},
    ),
    "as many field lines as we take": (
        get(*(b"X: %d" % n for n in range(MAX_FIELD_LINES - 1))),
        {"method": "GET"},
    ),
    "as many octets as we take": (
        get(b"X: " + b"x" * (MAX_HEAD_OCTETS - len(get(b"X: ")))),
        {"method": "GET"},
    ),
}  # fmt: skip

_too_long = b"x" * MAX_HEAD_OCTETS
BAD: dict[str, tuple[bytes, type[RequestError]]] = {
    "bare LF everywhere": (b"GET / HTTP/1.1\nHost: a\n\n", MalformedRequest),
    "bare LF after a field line": (get(b"X: a\nY: b"), MalformedRequest),
    "bare LF before an empty line": (get(b"X: a\n"), MalformedRequest),
    "bare LF before a request": (b"\n" + get(), MalformedRequest),
    "bare LF after an empty line": (b"\r\n\n" + get(), MalformedRequest),
    "bare CR in a value": (get(b"X: a\rTransfer-Encoding: chunked"), MalformedRequest),
    "bare CR in a target": (lines(b"GET /\r HTTP/1.1", b"Host: a"), MalformedRequest),
    "bare CR before CRLF": (get(b"X: a\r"), MalformedRequest),
    "bare CR before a request": (b"\r" + get(), MalformedRequest),
    "obs-fold": (get(b"X: a", b" b"), MalformedRequest),
    "obs-fold with a tab": (get(b"X: a", b"\tb"), MalformedRequest),
    "whitespace before the first field": (
        lines(b"GET / HTTP/1.1", b" X: a", b"Host: a"),
        MalformedRequest,
    ),
    "space before the colon": (post(b"Content-Length : 3"), MalformedRequest),
    "tab before the colon": (post(b"Transfer-Encoding\t: chunked"), MalformedRequest),
    "space in a name": (get(b"X Y: a"), MalformedRequest),
    "obs-text in a name": (get(b"X\xe9: a"), MalformedRequest),
    "empty name": (get(b": a"), MalformedRequest),
    "no colon": (get(b"X"), MalformedRequest),
    "NUL in a value": (get(b"X: a\0"), MalformedRequest),
    "NUL in a name": (get(b"X\0: a"), MalformedRequest),
    "vertical tab before a value": (post(b"Transfer-Encoding: \x0bchunked"), MalformedRequest),
    "form feed": (get(b"X: \x0c"), MalformedRequest),
    "escape": (get(b"X: \x1b[2J"), MalformedRequest),
    "DEL": (get(b"X: \x7f"), MalformedRequest),
    "no Host": (lines(b"GET / HTTP/1.1"), MalformedRequest),
    "no Host in HTTP/1.2": (lines(b"GET / HTTP/1.2"), MalformedRequest),
    "two Hosts": (get(b"Host: a"), MalformedRequest),
    "two Hosts, one of them empty": (get(b"Host:"), MalformedRequest),
    "two Hosts in HTTP/1.0": (get10(b"Host: a", b"host: b"), MalformedRequest),
    "a Host with a space": (lines(b"GET / HTTP/1.1", b"Host: a b"), MalformedRequest),
    "a Host with userinfo": (lines(b"GET / HTTP/1.1", b"Host: me@a"), MalformedRequest),
    "a Host with a path": (lines(b"GET / HTTP/1.1", b"Host: a/b"), MalformedRequest),
    "a Host with a wrong port": (lines(b"GET / HTTP/1.1", b"Host: a:b"), MalformedRequest),
    "HTTP/2.0": (lines(b"GET / HTTP/2.0", b"Host: a"), UnsupportedVersion),
    "HTTP/0.9 by name": (lines(b"GET / HTTP/0.9"), UnsupportedVersion),
    "the HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", UnsupportedVersion),
    "HTTP/0.9": (b"GET /\r\n\r\n", MalformedRequest),
    "HTTP/1.10": (lines(b"GET / HTTP/1.10", b"Host: a"), MalformedRequest),
    "http/1.1": (lines(b"GET / http/1.1", b"Host: a"), UnsupportedVersion),
    "another protocol": (lines(b"OPTIONS / RTSP/1.0", b"Host: a"), UnsupportedVersion),
    "no method": (lines(b" / HTTP/1.1", b"Host: a"), MalformedRequest),
    "no target": (lines(b"GET  HTTP/1.1", b"Host: a"), MalformedRequest),
    "two spaces": (lines(b"GET  / HTTP/1.1", b"Host: a"), MalformedRequest),
    "a tab for a space": (lines(b"GET\t/ HTTP/1.1", b"Host: a"), MalformedRequest),
    "a space after the version": (lines(b"GET / HTTP/1.1 ", b"Host: a"), MalformedRequest),
    "a space in the target": (lines(b"GET /a b HTTP/1.1", b"Host: a"), MalformedRequest),
    "an unencoded target": (lines(b"GET /\xe9 HTTP/1.1", b"Host: a"), MalformedRequest),
    "a TLS ClientHello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n", MalformedRequest),
    "an over-long request line": (b"GET /" + _too_long, TargetTooLong),
    "an over-long request line that ends": (
        lines(b"GET /" + _too_long + b" HTTP/1.1", b"Host: a"),
        TargetTooLong,
    ),
    "an over-large head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + _too_long, HeadTooLarge),
    "an over-large head that ends": (get(b"X: " + _too_long), HeadTooLarge),
    "an octet more than we take": (
        get(b"X: " + b"x" * (MAX_HEAD_OCTETS + 1 - len(get(b"X: ")))),
        HeadTooLarge,
    ),
    "too many field lines": (
        get(*(b"X: %d" % n for n in range(MAX_FIELD_LINES))),
        HeadTooLarge,
    ),
    "Content-Length twice, not alike": (
        post(b"Content-Length: 3", b"Content-Length: 03"),
        MalformedRequest,
    ),
    "conflicting Content-Lengths": (
        post(b"Content-Length: 3", b"content-length: 4"),
        MalformedRequest,
    ),
    "TE and Content-Length": (
        post(b"Transfer-Encoding: chunked", b"Content-Length: 3"),
        MalformedRequest,
    ),
    "Content-Length and TE": (
        post(b"Content-Length: 0", b"Transfer-Encoding: chunked"),
        MalformedRequest,
    ),
    "TE in HTTP/1.0": (get10(b"Transfer-Encoding: chunked"), MalformedRequest),
    "TE twice": (
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        MalformedRequest,
    ),
    "TE: gzip, then chunked, on two lines": (
        post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
        UnknownTransferCoding,
    ),
}  # fmt: skip
BAD |= {
    f"Content-Length: {value!r}": (post(b"Content-Length: " + value), MalformedRequest)
    for value in (b"", b"-1", b"+1", b"0x10", b"1e3", b"1_0", b"1.0", b"1 0", b"3, 3", b"3,4",
                  b"abc", b"\xb2", b"9" * 19, b"1" * 5000)
}  # fmt: skip
BAD |= {
    f"Transfer-Encoding: {value!r}": (post(b"Transfer-Encoding: " + value), error)
    for value, error in {
        b"": MalformedRequest,
        b"identity": UnknownTransferCoding,
        b"gzip": UnknownTransferCoding,
        b"xchunked": UnknownTransferCoding,
        b"chunked;q=1": MalformedRequest,
        b"chunked, gzip": UnknownTransferCoding,
        b"chunked, chunked": MalformedRequest,
        b",,": MalformedRequest,
        b"chunked,,chunked": MalformedRequest,
        b'"chunked"': MalformedRequest,
        b"\xa0chunked": MalformedRequest,
        b"gzip, chunked": UnknownTransferCoding,
        b"identity,chunked": UnknownTransferCoding,
    }.items()
}

STATUS = {
    MalformedRequest: 400,
    TargetTooLong: 414,
    HeadTooLarge: 431,
    UnknownTransferCoding: 501,
    UnsupportedVersion: 505,
}


def attributes(request: RequestHead, names: dict[str, object]) -> dict[str, object]:
    return {name: getattr(request, name) for name in names}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "expected"), GOOD.values(), ids=GOOD)
def test_a_good_head_is_read(octets: bytes, expected: dict[str, object], way: Way) -> None:
    (request,), rest = read_heads(way(octets))
    assert attributes(request, expected) == expected
    assert rest == b""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "expected"), GOOD.values(), ids=GOOD)
def test_octets_behind_a_head_stay_for_the_next_request(
    octets: bytes, expected: dict[str, object], way: Way
) -> None:
    (request, following), rest = read_heads(way(octets + NEXT + b"GE"))
    assert attributes(request, expected) == expected
    assert following.target == "/next"
    assert rest == b"GE"


@pytest.mark.parametrize("tail", [b"", NEXT], ids=["alone", "with a tail"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "error"), BAD.values(), ids=BAD)
def test_a_bad_head_is_refused(
    octets: bytes, error: type[RequestError], way: Way, tail: bytes
) -> None:
    with pytest.raises(error) as raised:
        read_heads(way(octets + tail))
    assert raised.type is error
    assert raised.value.status == STATUS[error]
    assert 10 < len(str(raised.value)) < 250


EARLY: dict[str, tuple[bytes, type[RequestError]]] = {
    "a TLS ClientHello": (b"\x16\x03\x01\x02\x00\x01\x00", MalformedRequest),
    "a TLS ClientHello with CRLF in its random": (b"\x16\x03\x01\x02\x00\x0d\x0a\x01", MalformedRequest),
    "binary junk": (b"\x00\xff\x13", MalformedRequest),
    "binary junk in the target": (b"GET /\x00", MalformedRequest),
    "a first line of another protocol": (b"220 mail.test ESMTP\r\n", MalformedRequest),
    "a first line of HTTP/0.9": (b"GET /\r\n", MalformedRequest),
    "a first line of HTTP/2": (b"PRI * HTTP/2.0\r\n", UnsupportedVersion),
    "a request line that leaves no room for its end": (b"GET /" + _too_long[5:], TargetTooLong),
    "a head that leaves no room for its end": (get(b"X: ")[:-4] + _too_long[len(get(b"X: ")) - 4 :], HeadTooLarge),
    "bare LF in the second line": (b"GET / HTTP/1.1\r\nHost: a\n", MalformedRequest),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "error"), EARLY.values(), ids=EARLY)
def test_a_defect_that_no_octet_can_mend_is_refused_at_once(
    octets: bytes, error: type[RequestError], way: Way
) -> None:
    with pytest.raises(error):
        read_heads(way(octets))


def test_the_head_after_a_split_head_is_checked_from_its_first_octet() -> None:
    first = get(b"X: never seen before")
    with pytest.raises(MalformedRequest):
        read_heads([first[:-1], first[-1:], b"\x16\x03\x01"])


def test_a_client_hello_is_refused_as_tls() -> None:
    with pytest.raises(MalformedRequest, match="http://"):
        read_heads([b"\x16\x03\x01\x02\x00"])


HOSTILE = {
    "spaces within a value": get(b"X: a" + b" " * 60_000 + b"b"),
    "spaces before a NUL": get(b"X: " + b" " * 60_000 + b"\0"),
    "tabs before a name's end": get(b"X" + b"\t" * 60_000 + b": a"),
    "spaces in Connection": get(b"Connection: a" + b" " * 60_000 + b"b"),
    "commas in Connection": get(b"Connection: " + b"," * 60_000),
    "spaces in Transfer-Encoding": get(b"Transfer-Encoding: a" + b" " * 60_000 + b"b"),
    "dots in Host": lines(b"GET / HTTP/1.1", b"Host: " + b"." * 60_000 + b"/"),
    "a long target": b"GET /" + b"a" * 60_000,
    "a long target of an absolute form": lines(b"GET http://" + b"a" * 60_000 + b" HTTP/1.0"),
    "empty lines": b"\r\n" * 30_000 + b"\r",
}


@pytest.mark.parametrize("way", [whole, octet_by_octet])
@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_no_head_takes_more_than_linear_time(octets: bytes, way: Way) -> None:
    """Matching with one repetition too many took from seconds to days for each of these."""
    try:
        heads, _ = read_heads(way(octets))
    except RequestError:
        return
    assert len(heads) <= 1


def test_a_repeated_head_is_read_once_and_a_similar_one_anew() -> None:
    polled, similar = get(b"X-A: 1"), get(b"X-A: 12")
    heads, rest = read_heads([polled + polled[:9], polled[9:] + similar + polled])
    assert [head.octets for head in heads] == [polled, polled, similar, polled]
    assert heads[0] is heads[1]
    assert rest == b""
