"""The answer to each request, in whatever pieces it arrives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from hamms_trio.http import Request, Response, Router, ServerLimits, Service
from tests.http.conversations import make_service, read_answers, statuses, talk, without_ids
from tests.wire.pieces import DETERMINISTIC, PLACES, WAYS, Way, cut

NEXT = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def lines(*given: bytes) -> bytes:
    return b"\r\n".join((*given, b"", b""))


def get(*fields: bytes, target: bytes = b"/") -> bytes:
    return lines(b"GET " + target + b" HTTP/1.1", b"Host: a", *fields)


def submit(*fields: bytes) -> bytes:
    return lines(b"POST /submit HTTP/1.1", b"Host: a", *fields)


def chunked(*sizes: bytes) -> bytes:
    return submit(b"Transfer-Encoding: chunked") + b"".join(sizes)


# Answered, and the connection goes on.
ANSWERED: dict[str, tuple[bytes, int]] = {
    "HTTP/1.1": (get(), 200),
    "two equal Content-Length lines": (submit(b"Content-Length: 4", b"Content-Length: 4") + b"abcd", 200),
    "absolute form": (get(target=b"http://elsewhere.test/"), 200),
    "a fragment": (get(target=b"/#top"), 200),
    "a query": (get(target=b"/?a=b#top"), 200),
    "a target of 2048 octets": (get(target=b"/" + b"a" * 2047), 404),
    "an empty line before it": (b"\r\n" + get(), 200),
    "an empty line before a body's": (b"\r\n" + submit(b"Content-Length: 1") + b"a", 200),
    "a length and an empty line behind the body": (submit(b"Content-Length: 1") + b"a\r\n", 200),
    "a chunked body with an empty line behind it": (chunked(b"1\r\na\r\n", b"0\r\n\r\n\r\n"), 200),
    "HTTP/1.2": (lines(b"GET / HTTP/1.2", b"Host: a"), 200),
    "HTTP/1.9": (lines(b"GET / HTTP/1.9", b"Host: a"), 200),
    "percent-encoded letters": (get(target=b"/%73ubm%69t"), 405),
    "percent-encoded letters in a name": (lines(b"PUT /ech%6F/%41 HTTP/1.1", b"Host: a"), 200),
    "a percent-encoded slash": (get(target=b"/big%2F3"), 404),
    "empty list elements around chunked": (
        submit(b"Transfer-Encoding: , chunked,,") + b"1\r\na\r\n0\r\n\r\n", 200),
    "empty list elements in Expect": (submit(b"Expect: ,100-continue,", b"Content-Length: 1") + b"a", 200),
    "empty list elements in Connection": (get(b"Connection: ,,keep-alive,"), 200),
    "options of the server": (lines(b"OPTIONS * HTTP/1.1", b"Host: a"), 204),
    "an unknown path": (get(target=b"/nothing"), 404),
    "an unknown path, whatever the method": (lines(b"DELETE /nothing HTTP/1.1", b"Host: a"), 404),
    "a method that the route does not take": (lines(b"DELETE / HTTP/1.1", b"Host: a"), 405),
    "GET of what is posted": (get(target=b"/submit"), 405),
    "a chunked body": (chunked(b"3\r\nabc\r\n", b"0\r\n\r\n"), 200),
    "chunk extensions": (chunked(b"3;a=b\r\nabc\r\n", b"0;c\r\n\r\n"), 200),
    "chunk extensions with whitespace": (chunked(b"3 ; a = \"b\"\r\nabc\r\n", b"0\r\n\r\n"), 200),
    "octets beyond ASCII in a value": (get(b"X: \xe9\xff"), 200),
    "trailers": (chunked(b"0\r\nX-Sum: 1\r\n\r\n"), 200),
    "a body with GET": (get(b"Content-Length: 3") + b"abc", 200),
    "a body for an unknown path": (lines(b"POST /no HTTP/1.1", b"Host: a", b"Content-Length: 3") + b"abc", 404),
    "Connection: disclosed": (get(b"Connection: disclosed"), 200),
    "a bug in a route": (get(target=b"/bug"), 500),
    "Expect with the body there": (submit(b"Expect: 100-continue", b"Content-Length: 1") + b"a", 200),
}  # fmt: skip

_long = b"x" * 16384
# Answered, and the connection ends, for what follows can't be trusted.
REFUSED: dict[str, tuple[bytes, int]] = {
    "no Host": (lines(b"GET / HTTP/1.1"), 400),
    "an empty Host": (lines(b"GET / HTTP/1.1", b"Host:"), 400),
    "a Host that is only a port": (lines(b"GET / HTTP/1.1", b"Host: :80"), 400),
    "two Hosts": (get(b"Host: b"), 400),
    "a Host with spaces": (lines(b"GET / HTTP/1.1", b"Host: a b"), 400),
    "HTTP/2.0": (lines(b"GET / HTTP/2.0", b"Host: a"), 505),
    "http/1.1": (lines(b"GET / http/1.1", b"Host: a"), 505),
    "FOO/1.1": (lines(b"GET / FOO/1.1", b"Host: a"), 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "a double space": (lines(b"GET  / HTTP/1.1", b"Host: a"), 400),
    "tab separators": (lines(b"GET\t/\tHTTP/1.1", b"Host: a"), 400),
    "two empty lines before it": (b"\r\n\r\n" + get(), 400),
    "a bare LF before it": (b"\n" + get(), 400),
    "a bare CR before it": (b"\r" + get(), 400),
    "no leading slash": (get(target=b"stream"), 400),
    "asterisk form": (get(target=b"*"), 400),
    "asterisk form with a query": (lines(b"OPTIONS *?a HTTP/1.1", b"Host: a"), 400),
    "authority form": (get(target=b"a:80"), 400),
    "a URL that is not http": (get(target=b"ftp://a/"), 400),
    "CONNECT": (lines(b"CONNECT a.test:443 HTTP/1.1", b"Host: a.test:443"), 400),
    "CONNECT to a path": (lines(b"CONNECT / HTTP/1.1", b"Host: a"), 400),
    "no transfer coding but commas": (submit(b"Transfer-Encoding: ,,"), 400),
    "chunked twice among empty list elements": (submit(b"Transfer-Encoding: chunked,,chunked"), 400),
    "an unknown method": (lines(b"BREW / HTTP/1.1", b"Host: a"), 501),
    "a known method in lower case": (lines(b"get / HTTP/1.1", b"Host: a"), 501),
    "bare LF line ends": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "LF in a value": (get(b"X: a\nY: b"), 400),
    "NUL in a value": (get(b"X: \0"), 400),
    "a control octet in a name": (get(b"X\x01: a"), 400),
    "an octet beyond ASCII in a name": (get(b"X\xe9: a"), 400),
    "a field line without a colon": (get(b"X"), 400),
    "an empty name": (get(b": a"), 400),
    "a blank before the colon": (submit(b"Content-Length : 3"), 400),
    "obs-fold": (get(b"X: a", b" b"), 400),
    "obs-fold that looks like a field": (get(b"X: a", b" Y: b"), 400),
    "a target that others can't split": (get(target=b"//[::1"), 400),
    "an absolute target that others can't split": (get(target=b"http://[::1/"), 400),
    "an absolute target without a host": (get(target=b"http:///"), 400),
    "an absolute target with only a port": (get(target=b"http://:80/"), 400),
    "an absolute target that names a user": (get(target=b"http://me@a.test/"), 400),
    "an absolute target with a wrong port": (get(target=b"http://a.test:b/"), 400),
    "Content-Length: abc": (submit(b"Content-Length: abc"), 400),
    "Content-Length: -1": (submit(b"Content-Length: -1"), 400),
    "Content-Length: 4, 4": (submit(b"Content-Length: 4, 4"), 400),
    "Content-Length: +4": (submit(b"Content-Length: +4"), 400),
    "Content-Length: 1_0": (submit(b"Content-Length: 1_0"), 400),
    "two Content-Lengths": (submit(b"Content-Length: 4", b"Content-Length: 5"), 400),
    "both framings": (submit(b"Content-Length: 4", b"Transfer-Encoding: chunked"), 400),
    "Transfer-Encoding: gzip": (submit(b"Transfer-Encoding: gzip"), 501),
    "Transfer-Encoding: xchunked": (submit(b"Transfer-Encoding: xchunked"), 501),
    "Transfer-Encoding: chunked, gzip": (submit(b"Transfer-Encoding: chunked, gzip"), 501),
    "chunked in HTTP/1.0": (lines(b"POST /submit HTTP/1.0", b"Transfer-Encoding: chunked"), 400),
    "a chunk size of 0x4": (chunked(b"0x4\r\nabcd\r\n"), 400),
    "a chunk size of +4": (chunked(b"+4\r\nabcd\r\n"), 400),
    "a chunk size of 1_0": (chunked(b"1_0\r\n"), 400),
    "a chunk size of -1": (chunked(b"-1\r\n"), 400),
    "a chunk size of zz": (chunked(b"zz\r\n"), 400),
    "no chunk size": (chunked(b"\r\n"), 400),
    "no CRLF after a chunk": (chunked(b"3\r\nabcX\r\n"), 400),
    "whitespace after a chunk size": (chunked(b"3 \r\nabc\r\n"), 400),
    "a chunk extension without a name": (chunked(b"3;\r\nabc\r\n"), 400),
    "a chunk extension in open quotes": (chunked(b'3;a="b\r\nabc\r\n'), 400),
    "a bare LF in a chunk extension": (chunked(b"3;a\n\r\nabc\r\n"), 400),
    "a chunk extension without end": (chunked(b"3;" + _long), 413),
    "a trailer section without end": (chunked(b"0\r\n" + b"X: a\r\n" * 257), 431),
    "a trailer line without end": (chunked(b"0\r\nX: " + _long), 431),
    "a length in the trailer": (chunked(b"0\r\nContent-Length: 3\r\n\r\n"), 400),
    "a transfer coding in the trailer": (chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
    "a trailer without a colon": (chunked(b"0\r\nX\r\n\r\n"), 400),
    "a target of 2049 octets": (get(target=b"/" + b"a" * 2048), 414),
    "a request line without end": (b"GET /" + _long, 414),
    "a head of more than 16384 octets": (get(b"X: " + _long), 431),
    "a head without end": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + _long, 431),
    "an unknown path, with a body above the limit": (
        lines(b"POST /no HTTP/1.1", b"Host: a", b"Content-Length: 524289"), 404),
    "a method not taken, with a body above the limit": (
        lines(b"DELETE / HTTP/1.1", b"Host: a", b"Content-Length: 99999999999999999"), 405),
    "an unknown path, before a body above the limit was asked for": (
        lines(b"POST /no HTTP/1.1", b"Host: a", b"Expect: 100-continue", b"Content-Length: 524289"), 404),
    "a Content-Length above the limit": (submit(b"Content-Length: 524289"), 413),
    "that, before the client was asked for it": (submit(b"Expect: 100-continue", b"Content-Length: 524289"), 413),
    "a chunked body above the limit": (chunked(b"80001\r\n" + b"x" * 0x80001 + b"\r\n"), 413),
    "another expectation": (get(b"Expect: a-teapot"), 417),
    "an unknown path, before the body was asked for": (
        lines(b"POST /no HTTP/1.1", b"Host: a", b"Expect: 100-continue", b"Content-Length: 3"), 404),
    "Connection: close": (get(b"Connection: close"), 200),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", 200),
    "HTTP/1.0 with a substring of keep-alive": (lines(b"GET / HTTP/1.0", b"Connection: not-keep-alive"), 200),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "status"), ANSWERED.values(), ids=ANSWERED)
def test_a_request_is_answered_and_so_is_the_next(octets: bytes, status: int, way: Way) -> None:
    answered, conversation = talk(way(octets + NEXT))

    final = [found for found in statuses(answered) if found >= 200]
    assert final == [status, 200]
    assert not conversation.closing


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("octets", "status"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_answered_after_a_refused_request(octets: bytes, status: int, way: Way) -> None:
    answered, conversation = talk(way(octets + NEXT))

    (answer,) = read_answers(answered)
    assert answer.status == status
    assert answer.fields["connection"] == "close"
    assert conversation.closing


@pytest.mark.parametrize(("octets", "status"), {**ANSWERED, **REFUSED}.values())
def test_every_error_has_one_shape(octets: bytes, status: int) -> None:
    answered, _ = talk([octets])
    answer = read_answers(answered)[-1]

    if status >= 400:
        assert answer.fields["content-type"] == "application/json"
        error = json.loads(answer.body)["error"]
        assert error["code"].islower()
        assert error["message"][0].isupper()


def test_a_refused_method_gets_allow_with_the_accepted_methods() -> None:
    answered, _ = talk([lines(b"DELETE / HTTP/1.1", b"Host: a")])

    assert read_answers(answered)[0].fields["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("target", [b"/", b"/nothing", b"/submit", b"/big/70000"])
def test_head_is_get_without_the_body(target: bytes) -> None:
    whole, _ = talk([get(target=target)])
    head, _ = talk([get(target=target).replace(b"GET", b"HEAD", 1)])

    (got,) = read_answers(whole)
    (headed,) = read_answers(head, ["HEAD"])
    assert headed.body == b""
    assert headed.status == got.status
    if got.status == 200:
        assert headed.fields["content-length"] == str(len(got.body))


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_a_body_has_none(status: int) -> None:
    answered, _ = talk([get(target=b"/status/%d" % status) + NEXT])

    bodiless, following = read_answers(answered)
    assert bodiless.status == status
    assert bodiless.body == b""
    assert "content-type" not in bodiless.fields
    assert ("content-length" in bodiless.fields) is (status == 205)
    assert following.body == b"Hello World"


def test_a_client_that_expects_100_gets_it_once() -> None:
    head = submit(b"Expect: 100-continue", b"Content-Length: 3")
    answered, _ = talk([head, b"a", b"bc"])

    assert answered.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answered.count(b"100 Continue") == 1


def test_an_unread_body_has_the_deadline_of_bodies() -> None:
    service = make_service(ServerLimits(idle=5, content_seconds=30))
    refused = lines(b"POST /no HTTP/1.1", b"Host: a", b"Content-Length: 3")
    _, conversation = talk([refused], service=service)
    assert conversation.deadline == 30
    conversation.receive(b"abc")
    assert conversation.deadline == 5


def test_an_http_1_0_client_is_not_asked_for_the_body() -> None:
    head = lines(b"POST /submit HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 3")
    answered, _ = talk([head, b"abc"])

    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_last_request_of_a_connection_gets_connection_close() -> None:
    service = make_service(ServerLimits(requests=3))
    answered, conversation = talk([NEXT] * 5, service=service)

    answers = read_answers(answered)
    assert [answer.fields["connection"] for answer in answers] == [
        "keep-alive",
        "keep-alive",
        "close",
    ]
    assert [answer.fields.get("keep-alive") for answer in answers] == [
        "timeout=10",
        "timeout=10",
        None,
    ]
    assert conversation.closing


def test_a_well_formed_request_id_is_kept() -> None:
    for line, taken in {
        b"X-Request-ID: abc-1.2_3": "abc-1.2_3",
        b"x-request-id:  6f9619ff-8b86-d011": "6f9619ff-8b86-d011",
        b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "4bf92f3577b34da6a3ce929d0e0e4736",
    }.items():
        answered, _ = talk([get(line)])
        assert read_answers(answered)[0].fields["x-request-id"] == taken


@pytest.mark.parametrize(
    "given",
    [
        b"X-Request-ID: a b",
        b"X-Request-ID: <script>",
        b"X-Request-ID:",
        b"X-Request-ID: " + b"a" * 129,
        b"traceparent: 00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"traceparent: nonsense",
    ],
)
def test_a_malformed_request_id_is_replaced(given: bytes) -> None:
    answered, _ = talk([get(given)])

    assert len(read_answers(answered)[0].fields["x-request-id"]) == 16


def test_each_answer_has_an_id_of_its_own() -> None:
    answered, _ = talk([NEXT * 600])

    ids = [answer.fields["x-request-id"] for answer in read_answers(answered)]
    assert len(set(ids)) == 600


def test_a_repeated_head_gets_the_same_answer() -> None:
    for octets, _ in {**ANSWERED, **REFUSED}.values():
        service = make_service()
        first, *others = (without_ids(talk([octets], service=service)[0]) for _ in range(5))
        assert others == [first] * 4


REQUESTS = [octets for octets, _ in {**ANSWERED, **REFUSED}.values() if len(octets) < 2000]
SERVICE = make_service()


@given(st.lists(st.sampled_from(REQUESTS), max_size=4), PLACES)
@DETERMINISTIC
def test_any_split_gives_the_same_answers(requests: list[bytes], places: list[int]) -> None:
    octets = b"".join(requests)
    # Whether a client is asked for a body depends on whether it has come: that is what it is for.
    octets = octets.replace(b"Expect: 100-continue", b"X: 100-continue")
    whole, _ = talk([octets], service=SERVICE)
    split, _ = talk(cut(octets, places), service=SERVICE)

    assert reported(split) == reported(whole)


def reported(octets: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each response; an error's words quote what has come until then."""
    return [
        (answer.status, b"" if answer.status >= 400 else answer.body)
        for answer in read_answers(octets)
    ]


@given(st.binary(max_size=200), st.sampled_from(REQUESTS), st.integers(0, 400))
@DETERMINISTIC
def test_junk_is_answered_in_whole_messages(junk: bytes, request: bytes, at: int) -> None:
    octets = request[:at] + junk + request[at:]
    answered, conversation = talk([octets], service=SERVICE)
    answered += b"" if conversation.closing else conversation.end_of_input()

    assert conversation.closing or conversation.exchange is not None
    if b"HEAD" not in octets:
        assert all(status in range(100, 600) for status in statuses(answered))


def test_an_unread_chunked_body_is_discarded_up_to_the_limit() -> None:
    head = lines(b"POST /no HTTP/1.1", b"Host: a", b"Transfer-Encoding: chunked")
    answered, conversation = talk([head, b"80000\r\n" + b"x" * 0x80000 + b"\r\n"])
    assert statuses(answered) == [404]
    assert not conversation.closing
    assert conversation.receive(b"1\r\nx\r\n0\r\n\r\n" + NEXT) == b""
    assert conversation.closing


def test_a_fin_in_the_middle_of_a_request_is_answered_400() -> None:
    for octets in (
        b"GET",
        NEXT[:-1],
        submit(b"Content-Length: 3") + b"ab",
        chunked(b"3\r\nabc\r\n"),
    ):
        answered, conversation = talk([octets])
        assert statuses(answered + conversation.end_of_input()) == [400]


def test_a_fin_after_a_request_ends_the_connection() -> None:
    answered, conversation = talk([NEXT])

    assert conversation.end_of_input() == b""
    assert conversation.closing
    assert statuses(answered) == [200]


def test_unread_answers_have_a_bound() -> None:
    conversation_input = get(target=b"/big/60000") * 50
    service = make_service()
    _, conversation = talk([], service=service)

    first = conversation.receive(conversation_input)

    assert len(first) < 200_000
    assert conversation.has_more


def test_more_of_a_broken_body_does_not_extend_its_deadline() -> None:
    now, router = 0.0, Router()

    @router.post("/careless")
    async def careless(_request: Request) -> Response:
        raise AssertionError  # nobody gives it a task here

    service = Service(router, clock=lambda: now, wall_clock=lambda: 1e9)
    head = lines(b"POST /careless HTTP/1.1", b"Host: a", b"Transfer-Encoding: chunked")
    _, conversation = talk([head, b"junk\r\n"], service=service)
    deadline = conversation.deadline
    now += 1
    conversation.receive(b"more")
    assert conversation.deadline == deadline
