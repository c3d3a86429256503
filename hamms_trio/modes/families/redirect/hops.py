"""Redirects that go on, change the method, or bring a body along."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.elsewhere import read_content, report_arrival, respond_with_json, with_query
from hamms_trio.modes.families.redirect.leading import LANDING, Found, lead, start_of
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Range, Size
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

HOP = "/hop/"
Kind = Annotated[str, Choice("self", "ping-pong", "unique")]
Moved = Annotated[str, Choice("301", "302", "303", "307", "308")]
Hops = Annotated[int, Range("hops", 0, 1000)]


@on_request(
    client=must_error(
        "RFC 9110 §15.4",
        owes="The ledger shows at most 100 hops.",
    )
)
async def redirect_loop(
    peer: Peer, request: RequestHead, *, kind: Kind = "self", status: Found = "302"
) -> None:
    """Redirect to the same URL again, back and forth between two, or to another one each time.

    The client gives up after some hops, and reports an error.
    """
    path = peer.http.path
    if kind == "ping-pong":
        path = "/pong" if path == "/ping" else "/ping"
    elif kind == "unique":
        path = f"{HOP}{_hop(path) + 1}"
    await lead(peer, request, status, with_query(peer, request, path))


@on_request(client=must_succeed("RFC 9110 §15.4", level=Level.QUALITY), decides=True)
async def redirect_count(
    peer: Peer, request: RequestHead, *, n: Hops = 5, status: Found = "302"
) -> None:
    """Redirect ``n`` times, then answer healthily.

    No limit is standard: most clients give up after 10 to 50 hops, some after 3.
    """
    hop = _hop(peer.http.path)
    if hop >= n:
        await answer_healthily(peer, request)
        return
    peer.strike()
    await lead(peer, request, status, with_query(peer, request, f"{HOP}{hop + 1}"))


@on_request(
    client=must_succeed(
        "RFC 9110 §15.4.8, §15.4.9",
        owes="The answer names the method and the length of the "
        "first request after 307 and 308, GET after 303.",
    ),
    issues=("seanmonstar/reqwest#9", "valyala/fasthttp#2358"),
    decides=True,
)
async def redirect_method(peer: Peer, request: RequestHead, *, status: Moved = "301") -> None:
    """Redirect once, and answer with the method and the body of the second request.

    307 and 308 keep both; 303 changes the method to GET, and 301 and 302 may change a POST to GET.
    """
    if peer.http.path.startswith(LANDING):
        await report_arrival(peer, request)
        return
    peer.strike()
    await lead(peer, request, status, with_query(peer, request, LANDING))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.4.8", owes="The answer says `same`, if there is one."
    ),
    issues=("valyala/fasthttp#2358",),
    decides=True,
)
async def redirect_post_stream(peer: Peer, request: RequestHead) -> None:
    """Read the whole body, redirect by 307, and compare the body of the second request with the first.

    A client that can't send a stream again reports an error; it does not send an empty body. The answer says
    whether both bodies were the ``same``.
    """
    octets, digest = await read_content(peer)
    bodies = peer.state("bodies")
    if not peer.http.path.startswith(LANDING):
        bodies[peer.nonce] = digest
        peer.strike()
        await lead(peer, request, "307", with_query(peer, request, LANDING))
        return
    report = {"octets": octets, "same": bodies.get(peer.nonce, "") == digest}
    await respond_with_json(peer, request, report)


@on_request(
    client=must_stay_bounded("RFC 9112 §9.3"), issues=("jetty/jetty.project#8724",), decides=True
)
async def redirect_body(peer: Peer, request: RequestHead, *, size: Size = 64 * MEBIBYTE) -> None:
    """Redirect with a body of 64 MiB (``size``), on a connection that is kept.

    A client follows without reading for ever; it may close the connection instead. ``rate`` makes the body slow.
    """
    if peer.http.path.startswith(LANDING):
        await answer_healthily(peer, request)
        return
    peer.strike()
    location = b"Location: " + with_query(peer, request, LANDING).encode()
    await peer.http.respond_with_canary(location, start=start_of("302"), octets=size)


@on_request(
    client=may_choose(
        "RFC 9110 §15.3.1", owes="The ledger shows one request, unless the client is a browser."
    ),
    decides=True,
)
async def redirect_refresh(peer: Peer, request: RequestHead) -> None:
    """Answer 200 with a Refresh field, which no RFC defines and browsers follow."""
    if peer.http.path.startswith(LANDING):
        await answer_healthily(peer, request)
        return
    peer.strike()
    url = with_query(peer, request, LANDING).encode()
    await peer.http.respond_with_canary(b"Refresh: 0; url=" + url)


@on_request(client=must_succeed("RFC 9110 §15.4.1", level=Level.SHOULD), decides=True)
async def redirect_300(peer: Peer, request: RequestHead) -> None:
    """Answer 300 with a list of two choices, and a Location that prefers the first."""
    if peer.http.path.startswith(LANDING):
        await answer_healthily(peer, request)
        return
    peer.strike()
    first, second = (with_query(peer, request, f"{LANDING}/{place}") for place in ("a", "b"))
    body = f"{first}\n{second}\n".encode()
    fields = (("Location", first), ("Content-Type", "text/uri-list"))
    await peer.http.respond(request, 300, *fields, body=body)


def _hop(path: str) -> int:
    """Return the number of the hop in a path; 0 for one that is none."""
    number = path.removeprefix(HOP)
    return int(number) if number != path and number.isdecimal() and len(number) < 10 else 0
