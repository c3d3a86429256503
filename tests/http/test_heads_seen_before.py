"""What a server remembers of heads must not change what it answers, nor grow."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import RequestError
from hamms_trio.http import Request, Response, ServerLimits, Service, text
from hamms_trio.http.matching import KNOWN_MATCHES
from hamms_trio.wire import parse_head, split_request_id
from hamms_trio.wire.memory import MOST_SIGHTINGS
from tests.http.talking import make_service, talk
from tests.wire.playing import DETERMINISTIC

SANE_IDS = st.text("abcXYZ019_.:/+=@~-", min_size=1, max_size=12).map(str.encode)
ID_LINES = st.one_of(
    st.builds(
        lambda name, request_id: name + b": " + request_id,
        st.sampled_from((b"X-Request-ID", b"x-request-id", b"X-Request-Id", b"X-REQUEST-ID")),
        SANE_IDS,
    ),
    st.sampled_from(
        (
            b"X-Request-ID:abc",
            b"X-Request-ID: ",
            b"X-Request-ID: a b",
            b"X-Request-ID: abc ",
            b"X-Request-ID : abc",
            b"X-Request-ID: " + b"a" * 129,
            b"X-Request-ID: a\nb",
            b"AX-Request-ID: abc",
            b" folded",
        )
    ),
)
LINES = st.lists(
    st.one_of(
        ID_LINES,
        st.sampled_from(
            (
                b"Host: a",
                b"Connection: close",
                b"Connection: keep-alive",
                b"Content-Length: 0",
                b"Content-Length: 3",
                b"Transfer-Encoding: chunked",
                b"Expect: 100-continue",
                b"Expect: miracles",
                b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                b"Accept: */*",
                b"no field line",
            )
        ),
    ),
    max_size=5,
)
HEADS = st.builds(
    lambda line, fields: b"\r\n".join((line, b"Host: a", *fields, b"", b"")),
    st.sampled_from(
        (
            b"GET / HTTP/1.1",
            b"GET / HTTP/1.0",
            b"HEAD / HTTP/1.1",
            b"POST /submit HTTP/1.1",
            b"PUT /echo/name?a=b HTTP/1.1",
            b"GET /status/201 HTTP/1.1",
            b"GET /nowhere HTTP/1.1",
            b"DELETE / HTTP/1.1",
            b"SING / HTTP/1.1",
            b"GET / HTTP/1.2",
        )
    ),
    LINES,
)


def outcome(service: Service, octets: bytes) -> object:
    try:
        match = service.matcher.find(octets)
    except RequestError as problem:
        return type(problem), problem.status, str(problem)
    head = match.head
    told = {name: getattr(head, name) for name in head.__slots__}
    called = match.given_id, match.trace_id, match.plain, dict(match.parameters)
    return told, match.route.key, called, head.fields


@given(st.lists(HEADS, min_size=1, max_size=3), st.data())
@DETERMINISTIC
def test_a_head_is_read_the_same_however_many_like_it_came_before(
    heads: list[bytes], data: st.DataObject
) -> None:
    service = make_service()
    for _ in range(6):
        head = data.draw(st.sampled_from(heads))
        if (parts := split_request_id(head)) and data.draw(st.booleans()):
            line = b"\r\nX-Request-ID: " + data.draw(SANE_IDS)
            at = head.index(b"\r\n")
            head = parts[0][:at] + line + parts[0][at:]
        assert outcome(service, head) == outcome(make_service(), head)


@given(HEADS)
@DETERMINISTIC
def test_a_head_without_its_line_is_called_what_the_line_says(octets: bytes) -> None:
    parts = split_request_id(octets)
    if parts is None:
        return
    nameless, request_id, at = parts
    assert octets[at:].startswith(request_id)
    try:
        whole = parse_head(octets)
    except RequestError as problem:
        with pytest.raises(type(problem)):
            parse_head(nameless)
        return
    rest = parse_head(nameless)
    if rest.request_id is None:
        called = rest.called(octets, request_id)
        for name in whole.__slots__:
            assert getattr(called, name) == getattr(whole, name), name


def test_requests_called_differently_are_answered_by_their_names() -> None:
    service = make_service()
    heads = [
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: number-%d\r\n\r\n" % number
        for number in range(5)
    ]
    octets, _ = talk(heads, service=service)
    assert [b"X-Request-ID: number-%d\r\n" % number in octets for number in range(5)] == [True] * 5


def test_a_route_sees_the_request_as_it_was_sent() -> None:
    service = make_service()
    seen: list[tuple[bytes | None, str | None, str]] = []

    @service.router.get("/look")
    def look(request: Request) -> Response:
        seen.append((request.id, request.get("x-request-id"), request.get("x-last") or ""))
        return text("seen")

    talk(
        [
            b"GET /look HTTP/1.1\r\nHost: a\r\nx-request-id: id%d\r\nX-Last: z\r\n\r\n" % number
            for number in range(4)
        ],
        service=service,
    )
    assert seen == [(b"id%d" % number, f"id{number}", "z") for number in range(4)]


def test_one_more_line_than_may_be_is_refused_however_often_it_came() -> None:
    service = make_service()
    most = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 255
    for _ in range(3):
        assert talk([most + b"\r\n"], service=service)[0].startswith(b"HTTP/1.1 200 ")
    for number in range(3):
        octets, _ = talk([most + b"X-Request-ID: %d\r\n\r\n" % number], service=service)
        assert octets.startswith(b"HTTP/1.1 431 ")


def test_what_is_remembered_is_bounded() -> None:
    service = make_service(ServerLimits(requests=0))
    for number in range(KNOWN_MATCHES + 10):
        for name in (b"a", b"b", b"c"):
            service.matcher.find(
                b"GET /%d HTTP/1.1\r\nHost: a\r\nX-Request-ID: %b\r\n\r\n" % (number, name)
            )
    assert 0 < len(service.matcher._nameless) <= KNOWN_MATCHES
    assert len(service.matcher._known) <= KNOWN_MATCHES
    assert len(service.matcher._seen_once) <= MOST_SIGHTINGS


def test_a_server_that_drains_refuses_what_it_has_known() -> None:
    service = make_service()
    heads = [b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: %d\r\n\r\n" % n for n in range(4)]
    assert talk(heads[:3], service=service)[0].count(b"HTTP/1.1 200 ") == 3
    service.drain()
    assert talk(heads[3:], service=service)[0].startswith(b"HTTP/1.1 503 ")
