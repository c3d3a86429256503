"""Redirects that never end, lead astray, or show which secrets a client carries along (RFC 9110 §15.4).

Why this is hard: a client that follows a redirect makes a new request on its own, and has to decide again how much
of the old one it may send, and to whom. The ledger has every hop, the other origin's included.
"""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.elsewhere import (
    ARRIVAL,
    authority,
    elsewhere,
    read_content,
    report_arrival,
    respond_with_json,
    with_query,
)
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Octets, Range, Size
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_lines, status_line

LANDING = "/landing"  # the prefix of the paths at which a redirect ends
HOP = "/hop/"
FILLER = b"a" * (64 * 1024)
END = b"\r\n\r\n"
NON_ASCII = {"utf-8": "é".encode(), "latin-1": "é".encode("latin-1")}

# Locations that no client should follow, because they are not HTTP; {} is the other origin's authority.
SCHEMES = {
    "gopher": "gopher://{}/_followed",
    "ftp": "ftp://{}/followed",
    "data": "data:text/plain,followed",
    "javascript": "javascript:alert('followed')",
    "unix": "unix:/hamms.sock",
}
# Locations that are no URL, or a strange one; {} is this origin's authority.
BAD_URLS = {
    "open-bracket": b"http://[::bad/",
    "port": b"http://127.0.0.1:99999/",
    "slashes": b"///host",
    "spaces": b"/landing a b",
    "tab": b"/landing\ta",
    "cr": b"/landing\ra",
}
# Addresses that a program must not reach if it fetches the URLs of strangers; {} is the other origin's port.
INNER_ADDRESSES = {
    "loopback": "127.0.0.1:{}",
    "metadata": "169.254.169.254",
    "localhost": "localhost:{}",
    "ipv6": "[::1]:{}",
    "mapped": "[::ffff:127.0.0.1]:{}",
    "decimal": "2130706433:{}",
    "short": "127.1:{}",
    "any": "0.0.0.0:{}",
}

Kind = Annotated[str, Choice("self", "ping-pong", "unique")]
Found = Annotated[str, Choice("302", "301", "303", "307", "308")]
Moved = Annotated[str, Choice("301", "302", "303", "307", "308")]
Hops = Annotated[int, Range("hops", 0, 1000)]
To = Annotated[str, Choice("port", "host")]
Scheme = Annotated[str, Choice(*SCHEMES)]
BadUrl = Annotated[str, Choice(*BAD_URLS)]
Encoding = Annotated[str, Choice(*NON_ASCII)]
Inner = Annotated[str, Choice(*INNER_ADDRESSES)]


@on_request(client=must_error("RFC 9110 §15.4"))
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
    await _lead(peer, request, status, with_query(peer, request, path))


@on_request(client=must_succeed("RFC 9110 §15.4"), decides=True)
async def redirect_count(
    peer: Peer, request: RequestHead, *, n: Hops = 5, status: Found = "302"
) -> None:
    """Redirect ``n`` times, then answer healthily.

    Clients follow 5 hops at least; most give up after 10 to 50.
    """
    hop = _hop(peer.http.path)
    if hop >= n:
        await answer_healthily(peer, request)
        return
    peer.strike()
    await _lead(peer, request, status, with_query(peer, request, f"{HOP}{hop + 1}"))


@on_request(
    client=may_choose("RFC 9110 §15.4"),
    issues=(
        "adobe/fetch#447",
        "postmanlabs/postman-request#113",
        "googleapis/google-http-java-client#2181",
        "erlang/otp#11212",
    ),
    decides=True,
    crosses=True,
)
async def redirect_cross_origin_auth(
    peer: Peer, request: RequestHead, *, to: To = "port", status: Found = "302"
) -> None:
    """Redirect to another origin, which answers with the names of the secrets that reached it.

    Authorization, Cookie, Proxy-Authorization and X-Api-Key of the first request are not for another port or host.
    """
    if peer.http.path == ARRIVAL:
        await report_arrival(peer, request)
        return
    peer.strike()
    await _lead(peer, request, status, elsewhere(peer, request, to))


@on_request(
    client=may_choose("RFC 9110 §4.2.2, §17.11"),
    issues=("postmanlabs/postman-request#113",),
    crosses=True,
    needs_tls=True,
)
async def redirect_downgrade(peer: Peer, request: RequestHead, *, status: Found = "302") -> None:
    """Redirect from https to http, where the answer has the names of the secrets that reached it.

    A client should not follow by default; one that does carries no secret along.
    """
    peer.need_tls("redirect-downgrade", "http leads to nothing less")
    await _lead(peer, request, status, elsewhere(peer, request, scheme="http"))


@on_request(
    client=must_succeed("RFC 9110 §15.4.8, §15.4.9"),
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
    await _lead(peer, request, status, with_query(peer, request, LANDING))


@on_request(
    client=must_error_or_succeed("RFC 9110 §15.4.8"),
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
        await _lead(peer, request, "307", with_query(peer, request, LANDING))
        return
    report = {"octets": octets, "same": bodies.get(peer.nonce, "") == digest}
    await respond_with_json(peer, request, report)


@on_request(client=must_error("RFC 9110 §17; RFC 3986 §7"))
async def redirect_to_file(peer: Peer, request: RequestHead) -> None:
    """Redirect to a file on the client's own machine.

    Only the server's owner chooses the file (``--canary-file``); no request can.
    """
    await _lead(peer, request, "302", peer.environment.canary_file)


@on_request(client=must_error("RFC 9110 §4.2, §15.4"), crosses=True)
async def redirect_to_scheme(
    peer: Peer, request: RequestHead, *, scheme: Scheme = "gopher"
) -> None:
    """Redirect to another scheme than http, which no client follows on its own."""
    await _lead(peer, request, "302", SCHEMES[scheme].format(authority(peer, request)))


@on_request(client=must_error_or_succeed("RFC 9110 §15.4"), issues=("sbstp/attohttpc#93",))
async def redirect_no_location(peer: Peer, request: RequestHead, *, status: Found = "302") -> None:
    """Send a redirect with a body and without Location, so that it is the final answer."""
    await peer.http.respond_with_canary(start=_status_line(status))


@on_request(client=must_error_or_succeed("RFC 9110 §15.4"), issues=("sbstp/attohttpc#93",))
async def redirect_empty_location(
    peer: Peer, request: RequestHead, *, status: Found = "302"
) -> None:
    """Send a redirect with a body and an empty Location, which refers to the same URL."""
    await peer.http.respond_with_canary(b"Location:", start=_status_line(status))


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
    await _lead_or_land(peer, request, b"Location: " + location)


@on_request(
    client=must_error_or_succeed("RFC 9110 §10.2.2"),
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
    location = peer.http.link(LANDING).encode() + b"/" + NON_ASCII[enc]
    await _lead_or_land(peer, request, b"Location: " + location)


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
    await peer.send(peer.http.raw_head(*lines, start=_status_line("302")).removesuffix(END))
    for sent in range(len(begin), size, len(FILLER)):
        await peer.send(FILLER[: size - sent])
    await peer.send(END)


@on_request(
    client=must_error_or_succeed("RFC 9110 §5.3"), issues=("whatwg/fetch#883",), decides=True
)
async def redirect_multiple_location(peer: Peer, request: RequestHead) -> None:
    """Send two Location fields that differ; the second path in the ledger shows which one was followed."""
    links = (with_query(peer, request, f"{LANDING}/{place}") for place in ("first", "second"))
    await _lead_or_land(peer, request, *(b"Location: " + link.encode() for link in links))


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
    await peer.http.respond_with_canary(location, start=_status_line("302"), octets=size)


@on_request(client=may_choose("RFC 9110 §4.2.4, §15.4"), crosses=True)
async def redirect_fragment_userinfo(peer: Peer, request: RequestHead) -> None:
    """Redirect to another origin by a URL with a user, a password and a fragment.

    The other origin reports whether the client turned them into an Authorization field, which nobody asked for.
    """
    location = elsewhere(peer, request).replace("//", "//user:password@") + "#fragment"
    await _lead(peer, request, "302", location)


@on_request(client=may_choose("RFC 9110 §17; RFC 6890 §2.2"), crosses=True)
async def redirect_ssrf(peer: Peer, request: RequestHead, *, to: Inner = "loopback") -> None:
    """Redirect to an address that only the client's own network can reach, from a fixed list.

    A program that fetches the URLs of strangers must check each hop. All but ``metadata``, the address of clouds'
    metadata services, lead to the other origin, where the ledger shows the request.
    """
    inner = INNER_ADDRESSES[to].format(peer.environment.ports.get("other", 0))
    await _lead(peer, request, "302", f"http://{inner}{ARRIVAL}?nonce={peer.nonce}")


@on_request(client=may_choose("RFC 9110 §15.3.1"), decides=True)
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


def _status_line(status: str) -> bytes:
    return status_line(int(status)).removesuffix(b"\r\n")


async def _lead(peer: Peer, request: RequestHead, status: str, location: str) -> None:
    """Redirect to a location, without a body."""
    await peer.http.respond(request, int(status), ("Location", location))


async def _lead_or_land(peer: Peer, request: RequestHead, *lines: bytes) -> None:
    """Redirect by field lines of any octets; at the redirect's target, answer healthily."""
    if peer.http.path.startswith(LANDING):
        await answer_healthily(peer, request)
        return
    peer.strike()
    await peer.send(
        peer.http.raw_head(
            *lines, *connection_lines(request), b"Content-Length: 0", start=_status_line("302")
        )
    )
