"""Downloads that are resumed, by a client that looks at nothing and by one that looks at everything."""

from __future__ import annotations

import re

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import CANARY_OCTETS, Damage, examine
from tests.clients import raw
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import Answer

GET = b"GET /?%b HTTP/1.1\r\nHost: hamms.test\r\nConnection: close\r\n%b\r\n"
# The damage in the file of a client that puts each answer behind the last.
HARM = {
    "range-ignored": {Damage.REPEATED},
    "range-wrong-start": {Damage.GAP},
    "range-total-changes": {Damage.FOREIGN, Damage.TRUNCATED},
    "range-short": {Damage.TRUNCATED},
}
REQUESTS_AT_MOST = 10


def ask(hamms: HammsServer, slug: str, have: int, query: bytes = b"") -> tuple[bytes, bytes]:
    """Return the head and the body of an answer, whatever its length should be."""
    wanted = b"Range: bytes=%d-\r\n" % have if have else b""
    octets = raw.exchange(hamms.open(slug).address, GET % (query, wanted))
    head, _, body = octets.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize("slug", HARM)
def test_a_client_that_ignores_content_range_has_a_damaged_file(
    hamms: HammsServer, slug: str
) -> None:
    _, beginning = ask(hamms, slug, 0)
    assert examine(beginning, nonce="range").is_truncated
    _, rest = ask(hamms, slug, len(beginning))

    assert examine(beginning + rest, nonce="range").damages == HARM[slug]
    assert [r.struck for r in hamms.ledger.requests(slug)] == [False, True]


@pytest.mark.parametrize("k", [20_000, 65_535, 65_536])
def test_a_client_that_resumes_until_the_end_has_the_whole_file(hamms: HammsServer, k: int) -> None:
    have = b""
    for _ in range(REQUESTS_AT_MOST):
        head, body = ask(hamms, "range-flaky-chain", len(have), b"nonce=mine&k=%d" % k)
        if have:
            found = re.search(rb"Content-Range: bytes (\d+)-65535/65536", head)
            assert found
            assert int(found[1]) == len(have)
        have += body
        if len(have) >= CANARY_OCTETS:
            break

    assert examine(have, nonce="mine").is_exact


def test_if_range_with_another_entity_tag_brings_the_whole(hamms: HammsServer) -> None:
    fields = b"Range: bytes=5-\r\nIf-Range: %b\r\n"
    address = hamms.open("range-206-unasked").address

    same = raw.exchange(address, GET % (b"", fields % b'"range"'))
    other = raw.exchange(address, GET % (b"", fields % b'"another"'))
    assert b"Content-Range: bytes 5-65535/65536" in same
    assert b"Content-Range: bytes 0-32767/65536" in other  # the mode's own lie


@pytest.mark.parametrize("case", ["no-boundary", "no-final", "many-parts", "overlapping"])
def test_parts_have_the_length_that_is_declared(hamms: HammsServer, case: str) -> None:
    head, body = ask(hamms, "range-multipart-broken", 5, b"case=" + case.encode())

    found = re.search(rb"Content-Length: (\d+)", head)
    assert found
    assert int(found[1]) == len(body)
    assert body.endswith(b"--hamms-boundary--\r\n") == (case != "no-final")
    if case == "many-parts":
        assert body.count(b"Content-Range") == 10_000


@pytest.mark.parametrize("client", ["curl", "http.client", "requests"])
def test_a_request_without_range_gets_206(hamms: HammsServer, client: str) -> None:
    with SESSIONS[client]() as session:
        answer = session.get(hamms.url("range-206-unasked", "/"))

    assert isinstance(answer, Answer)
    assert answer.status == 206
