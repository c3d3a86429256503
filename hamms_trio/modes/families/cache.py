"""Validators and ages that lie to a cache (RFC 9111).

Why this is hard: a cache combines an answer with one that it stored before. A client without a cache may still send
a condition, if its user asks for one.
"""

from __future__ import annotations

from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice, Octets, Text
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_lines

HALF = CANARY_OCTETS // 2
ETAG = b'ETag: "hamms-1"'
OTHER_ETAG = b'ETag: "hamms-2"'
REVALIDATE = b"Cache-Control: no-cache"
KEPT = b"Cache-Control: max-age=3600"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified"
# Field lines of which none but the first makes an answer fresh: an Age that is no age is ignored (RFC 9111 §5.1),
# one beyond 2^31 counts as that (§1.2.2), and a response with invalid freshness is stale (§4.2.1).
AGES = {
    "negative-age": b"Age: -1\r\n" + KEPT,
    "huge-age": b"Age: 99999999999999999999\r\n" + KEPT,
    "negative-max-age": b"Cache-Control: max-age=-1",
    "quoted-max-age": b'Cache-Control: max-age="1"',
    "two-max-ages": b"Cache-Control: max-age=3600, max-age=0",
    "letters": b"Cache-Control: max-age=forever",
}

EtagLie = Annotated[str, Choice("other-etag", "same-etag")]
Age = Annotated[str, Choice(*AGES)]


@on_request(
    client=must_succeed(
        "RFC 9111 §4.3.4", owes="A cache does not combine the 304 with the stored body."
    ),
    decides=True,
)
async def cache_etag_lies(
    peer: Peer, request: RequestHead, *, case: EtagLie = "other-etag", key: Text = "default"
) -> None:
    """Answer a condition with 304 and another ETag than the requested one, or change the body and keep the ETag.

    No stored answer has that ETag, so a cache must not update any. With ``same-etag`` every other answer is the
    second half of the canary twice; a client must not join halves of two answers.
    """
    if case == "other-etag":
        if _has_condition(request):
            peer.strike()
            await _not_modified(peer, request, OTHER_ETAG)
        else:
            await peer.http.respond_with_canary(ETAG, REVALIDATE)
        return
    if peer.count(key) % 2:
        await peer.http.respond_with_canary(ETAG, REVALIDATE)
        return
    peer.strike()
    await peer.send(peer.http.canary_head(ETAG, REVALIDATE))
    for _ in range(2):
        await peer.http.send_canary(HALF, start=HALF)


@on_request(
    client=must_succeed(
        "RFC 9110 §15.4.5", owes="The next call does not wait for a body of the 304."
    ),
    issues=("square/okhttp#2310",),
    decides=True,
)
async def cache_304_with_cl(peer: Peer, request: RequestHead) -> None:
    """Answer a condition with 304 and the Content-Length of the whole, and keep the connection.

    A 304 has no body, whatever its length says; the next answer follows at once.
    """
    if not _has_condition(request):
        await peer.http.respond_with_canary(ETAG, REVALIDATE)
        return
    peer.strike()
    await _not_modified(peer, request, ETAG, b"Content-Length: %d" % CANARY_OCTETS)


@on_request(client=must_succeed("RFC 9111 §4.1"))
async def cache_vary_ignored(peer: Peer, request: RequestHead) -> None:
    """Send ``Vary: *`` and an hour of freshness: each request has an answer of its own, and none is reused."""
    await peer.http.respond_with_canary(b"Vary: *", KEPT)


@on_request(
    client=must_succeed(
        "RFC 9111 §1.2.2, §4.2.1, §5.1",
        owes="But for `negative-age`, whose Age is ignored, a later call is not answered by a cache alone.",
    )
)
async def cache_age_garbage(
    peer: Peer, request: RequestHead, *, value: Age = "negative-age"
) -> None:
    """Send an age, or a freshness, that is negative, huge or no number at all."""
    await peer.http.respond_with_canary(AGES[value])


@on_request(
    client=must_error(
        "RFC 9111 §3.3", owes="A later call does not return the half that was stored as the whole."
    ),
    issues=("xroche/httrack#840",),
    decides=True,
)
async def cache_partial_stored(
    peer: Peer, request: RequestHead, *, key: Text = "default", sent: Octets = HALF
) -> None:
    """Close in the middle of the first answer of this ``key``, which has an ETag and an hour of freshness.

    The rest is a trap: a condition with that ETag is answered 304, which validates only a complete stored answer.
    Without a condition, the answer is complete.
    """
    if peer.count(key) == 1:
        peer.strike()
        await peer.send(peer.http.canary_head(ETAG, KEPT))
        await peer.http.send_canary(min(sent, CANARY_OCTETS))
        await peer.finish()
    elif _has_condition(request):
        peer.strike()
        await _not_modified(peer, request, ETAG)
    else:
        await answer_healthily(peer, request)


def _has_condition(request: RequestHead) -> bool:
    names = {name.lower() for name, _ in request.fields}
    return not names.isdisjoint(("if-none-match", "if-modified-since"))


async def _not_modified(peer: Peer, request: RequestHead, *lines: bytes) -> None:
    await peer.send(peer.http.raw_head(*lines, *connection_lines(request), start=NOT_MODIFIED))
