"""h11 reads the same requests in every sequence that we answer: nothing can be smuggled.

Where one of us refuses, what follows is not looked at any more. Where we accept what h11 refuses, there is
a reason in `WE_ACCEPT_MORE`. Octets beyond ASCII in field values (obs-text, RFC 9110 §5.5) are not among
that: h11 takes them too, and as octets, as we do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import h11
import pytest
from hypothesis import given, settings, strategies as st

from hamms_trio.http import Request, Response, Router, Service, text
from hamms_trio.http.routes.router import Route
from tests.http.conversations import talk
from tests.http.test_requests import ANSWERED, REFUSED
from tests.wire.pieces import DETERMINISTIC, PLACES, cut
from tests.wire.test_request_against_h11 import EMPTY_ELEMENTS, mutate

# A pattern of the octets, and the reason.
WE_ACCEPT_MORE = {
    rb"[0-9A-Fa-f][ \t]+;": "whitespace before a chunk extension has to be borne (RFC 9110 §5.6.3)",
    EMPTY_ELEMENTS: "empty list elements are ignored (RFC 9110 §5.6.1.2)",
}


class Read(NamedTuple):
    method: str
    target: str
    content: bytes


class OneRoute(Router):
    """Has the same answer to every request."""

    def __init__(self, handler: Callable[[Request], Response]) -> None:
        super().__init__()
        self._one = Route("one", handler)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        return self._one, {}


def read_by_us(pieces: list[bytes]) -> list[Read]:
    """Return the requests that reached a route; here every path has one."""
    reached: list[Read] = []

    def note(request: Request) -> Response:
        head = request.head
        reached.append(Read(head.method, head.target, request.content))
        return text("")

    talk(pieces, service=Service(OneRoute(note), clock=lambda: 0.0))
    return reached


def read_by_h11(octets: bytes) -> list[Read]:
    """Return the requests that h11 parses from the octets, up to a refused or incomplete one.

    An empty line before a request line is ignored (RFC 9112 §2.2), which h11 leaves to others.
    """
    found: list[Read] = []
    try:
        while True:
            connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
            connection.receive_data(octets.removeprefix(b"\r\n"))
            request, content = connection.next_event(), b""
            if not isinstance(request, h11.Request):
                return found
            while isinstance(event := connection.next_event(), h11.Data):
                content += event.data
            if not isinstance(event, h11.EndOfMessage):
                return found
            found.append(Read(request.method.decode(), request.target.decode(), content))
            answer = h11.Response(status_code=200, headers=[("Content-Length", "0")])
            connection.send(answer)
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return found
            octets = connection.trailing_data[0]
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        return found


def check_agreement(octets: bytes) -> None:
    ours, theirs = read_by_us([octets]), read_by_h11(octets)
    if any(re.search(found, octets) for found in WE_ACCEPT_MORE):
        return
    # h11 always closes after HTTP/1.0, and reads nothing beyond.
    if b"HTTP/1.0" in octets:
        ours = ours[: len(theirs)]
    assert ours == theirs[: len(ours)], octets


REQUESTS = [
    octets
    for octets, _ in {**ANSWERED, **REFUSED}.values()
    if len(octets) < 500 and not octets.startswith(b"CONNECT")
]


@pytest.mark.parametrize("octets", REQUESTS)
def test_h11_reads_alike_the_requests_that_we_answer(octets: bytes) -> None:
    check_agreement(octets + b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")


PIECES = (
    b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n ", b"\0", b"\x0b", b"\x7f", b"\xe9", b":", b",",
    b";", b"0", b"+", b"0x", b"_", b"chunked", b"gzip", b"Content-Length: 3\r\n", b"0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
)  # fmt: skip
MUTATIONS = st.lists(
    st.tuples(st.integers(0, 999), st.integers(0, 3), st.sampled_from(PIECES)), max_size=3
)
SEQUENCES = st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4).map(b"".join)
# `make check` has the same ones each time; `make fuzz` gives a number, and has them chosen anew.
LONG = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2500"))
FUZZED = settings(DETERMINISTIC, derandomize=not LONG, max_examples=EXAMPLES)


@pytest.mark.fuzz
@given(SEQUENCES, MUTATIONS)
@FUZZED
def test_h11_reads_alike_the_mutated_sequences_that_we_answer(
    octets: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    check_agreement(mutate(octets, mutations))


@pytest.mark.fuzz
@given(SEQUENCES, MUTATIONS, PLACES)
@FUZZED
def test_mutated_sequences_are_read_alike_however_they_are_split(
    octets: bytes, mutations: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    octets = mutate(octets, mutations)
    assert read_by_us(cut(octets, places)) == read_by_us([octets])
