"""Redirects whose Location is missing, broken, huge, or there twice."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.elsewhere import with_query
from hamms_trio.modes.families.redirect.leading import LANDING, Found, lead_or_land, start_of
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import must_error_or_succeed
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Octets
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_lines

FILLER = b"a" * (64 * 1024)
END = b"\r\n\r\n"
NON_ASCII = {"utf-8": "é".encode(), "latin-1": "é".encode("latin-1")}
# Locations that are no URL, or a strange one; {} is this origin's authority.
BAD_URLS = {
    "open-bracket": b"http://[::bad/",
    "port": b"http://127.0.0.1:99999/",
    "slashes": b"///host",
    "spaces": b"/landing a b",
    "tab": b"/landing\ta",
    "cr": b"/landing\ra",
}
BadUrl = Annotated[str, Choice(*BAD_URLS)]
Encoding = Annotated[str, Choice(*NON_ASCII)]


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.4", owes="The call returns the status 3xx, or reports an error."
    ),
    issues=("sbstp/attohttpc#93",),
)
async def redirect_no_location(peer: Peer, request: RequestHead, *, status: Found = "302") -> None:
    """Send a redirect with a body and without Location, so that it is the final answer."""
    await peer.http.respond_with_canary(start=start_of(status))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.4", owes="The call returns the status 3xx, or reports an error."
    ),
    issues=("sbstp/attohttpc#93",),
)
async def redirect_empty_location(
    peer: Peer, request: RequestHead, *, status: Found = "302"
) -> None:
    """Send a redirect with a body and an empty Location, which refers to the same URL."""
    await peer.http.respond_with_canary(b"Location:", start=start_of(status))


@on_request(
    client=must_error_or_succeed("RFC 3986 §3"),
    issues=("curl/curl#12147", "whatwg/fetch#883"),
    decides=True,
)
async def redirect_bad_url(
    peer: Peer, request: RequestHead, *, value: BadUrl = "open-bracket"
) -> None:
    """Redirect to an invalid URL: with an open bracket, a port above 65535, spaces, a TAB or a CR.

    A client reports an error, or encodes the characters that must not be there.
    """
    location = BAD_URLS[value]
    if location.startswith(LANDING.encode()):
        location = peer.http.link("").encode() + location
    await lead_or_land(peer, request, b"Location: " + location)


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §10.2.2", owes="The ledger shows the same target each time, if one is followed."
    ),
    issues=(
        "whatwg/fetch#883",
        "sagebind/isahc#315",
        "sbstp/attohttpc#93",
        "sqdshguy/wreq-js#218",
    ),
    decides=True,
)
async def redirect_non_ascii(peer: Peer, request: RequestHead, *, enc: Encoding = "utf-8") -> None:
    """Redirect to a path with an é in it, as UTF-8 or Latin-1, where only ASCII may stand."""
    path, _, query = with_query(peer, request, LANDING).encode().partition(b"?")
    location = b"%b/%b?%b" % (path, NON_ASCII[enc], query)
    await lead_or_land(peer, request, b"Location: " + location)


@on_request(client=must_error_or_succeed("RFC 9110 §2.3"), decides=True)
async def redirect_huge_location(
    peer: Peer, request: RequestHead, *, size: Octets = MEBIBYTE
) -> None:
    """Redirect to a URL of 1 MiB (``size``)."""
    if peer.http.path.startswith(LANDING):
        await answer_healthily(peer, request)
        return
    peer.strike()
    begin = f"{peer.http.link(LANDING)}?nonce={peer.nonce}&filler=".encode()
    lines = (*connection_lines(request), b"Content-Length: 0", b"Location: " + begin)
    await peer.send(peer.http.raw_head(*lines, start=start_of("302")).removesuffix(END))
    for sent in range(len(begin), size, len(FILLER)):
        await peer.send(FILLER[: size - sent])
    await peer.send(END)


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §5.3", owes="The ledger shows the same choice each time."
    ),
    issues=("whatwg/fetch#883",),
    decides=True,
)
async def redirect_multiple_location(peer: Peer, request: RequestHead) -> None:
    """Send two Location fields that differ; the second path in the ledger shows which one was followed."""
    links = (with_query(peer, request, f"{LANDING}/{place}") for place in ("first", "second"))
    await lead_or_land(peer, request, *(b"Location: " + link.encode() for link in links))
