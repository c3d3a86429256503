"""Forward proxies that refuse, fall silent, or open a tunnel in a strange way (RFC 9110 §9.3.6, RFC 1928).

Why this is hard: the answer to a CONNECT comes from the proxy, not from the origin, and has no body if it is 2xx.
Refusals and silence meet a CONNECT and a request in absolute form alike. Within its tunnels a mode is the origin,
and healthy.
"""

from __future__ import annotations

from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_request, on_socks
from hamms_trio.modes.drivers import (
    NO_AUTHENTICATION,
    over_tls,
    receive_greeting,
    receive_order,
    reply,
    serve_healthily,
)
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import (
    must_error,
    must_error_or_succeed,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, End, Flag, Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.pki.recipes import server
from hamms_trio.pki.terms import HEALTHY_TERMS, Terms, presenting
from hamms_trio.wire import RequestHead, status_line

ESTABLISHED = b"HTTP/1.1 200 Connection established"
CHALLENGES = {
    "basic": (b'Proxy-Authenticate: Basic realm="hamms", charset="UTF-8"',),
    "digest": (
        b'Proxy-Authenticate: Digest realm="hamms", nonce="ab", algorithm=SHA-256, qop="auth"',
    ),
    "none": (),
}
# Fields that a 2xx answer to a CONNECT must not have, and that a client ignores.
LENGTHS = {
    "cl": b"Content-Length: %d" % CANARY_OCTETS,
    "te": b"Transfer-Encoding: chunked",
}
# Status lines that open a tunnel.
OPENINGS = {
    "200-ok": b"HTTP/1.1 200 OK",
    "200-established": ESTABLISHED,
    "204": b"HTTP/1.1 204 No Content",
    "299": b"HTTP/1.1 299 Tunnel",
}
ANOTHER_HOST = "other.localhost"
# Octets that are no response.
GARBAGE = {
    "garbage": b"\x00\x5f\x8a\xc3\xff\x1b\r\n\x07 not a status line\r\n\r\n",
    "truncated": ESTABLISHED + b"\r\n\r",
    "http-09": b"the tunnel is open\r\n",
}

# Answers to a greeting that a SOCKS5 client must not go on after.
VERSIONS = {
    "version-4": b"\x04\x00",
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "no-method": b"\x05\xff",
}

Scheme = Annotated[str, Choice(*CHALLENGES)]
Length = Annotated[str, Choice(*LENGTHS)]
Opening = Annotated[str, Choice(*OPENINGS)]
Garbage = Annotated[str, Choice(*GARBAGE)]
HowClosed = Annotated[str, Choice("fin", "rst")]
Reply = Annotated[int, Range("a reply code", 1, 255)]
Step = Annotated[str, Choice("order", "greeting")]
Version = Annotated[str, Choice(*VERSIONS)]
Refusal = Annotated[int, Range("a status code", 300, 599)]


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.5.8",
        attempts={"CONNECT": 2, "GET": 2, "POST": 2},
        owes="The call reports the 407, and its body is not the origin's.",
    ),
    issues=("oven-sh/bun#35965", "apple/servicetalk#1347"),
)
async def proxy_407(
    peer: Peer, request: RequestHead, *, scheme: Scheme = "basic", body: Flag = True
) -> None:
    """Answer 407 for ever, with a challenge or without, with a body or without, on a kept connection.

    A client that has tried its credentials shows the 407, and the body is no part of the origin's answer.
    """
    octets = CANARY_OCTETS if body else 0
    await _refuse(peer, request, 407, *CHALLENGES[scheme], octets=octets)


@on_request(
    client=must_succeed("RFC 9110 §9.3.6; RFC 9112 §6.3 ¶2"),
    issues=("curl/curl#1317", "curl/curl#6432", "google/martian#209"),
    decides=True,
)
async def proxy_connect_200_length(
    peer: Peer, request: RequestHead, *, case: Length = "cl"
) -> None:
    """Open a tunnel by 200 with a Content-Length, or as chunked, and no body.

    The fields mean nothing: the octets that follow belong to the tunnel.
    """
    await _tunnel(peer, request, ESTABLISHED, LENGTHS[case])


@on_request(client=must_time_out("RFC 9110 §9.3.6"))
async def proxy_connect_hang(peer: Peer, request: RequestHead) -> None:
    """Never answer."""
    await peer.wait_gone()


@on_request(client=must_error("RFC 9110 §9.3.6"))
async def proxy_connect_close(peer: Peer, request: RequestHead, *, how: HowClosed = "fin") -> None:
    """Close, or reset, instead of an answer."""
    await peer.end(how)


@on_request(client=must_error("RFC 9112 §4"), issues=("RakuenSoftware/aimee#1432",))
async def proxy_connect_garbage(
    peer: Peer, request: RequestHead, *, case: Garbage = "garbage", end: End = "fin"
) -> None:
    """Answer with octets that are no response, or with one whose last octet, the LF, is missing."""
    await peer.send(GARBAGE[case])
    await peer.end(end)


@on_request(
    client=must_succeed("RFC 9110 §9.3.6"),
    issues=("google/martian#306", "SenseUnit/dumbproxy#131"),
    decides=True,
)
async def proxy_connect_200_reason(
    peer: Peer, request: RequestHead, *, status: Opening = "200-ok"
) -> None:
    """Open a tunnel by ``200 OK``, ``200 Connection established``, 204 or 299: each 2xx does."""
    await _tunnel(peer, request, OPENINGS[status])


@on_request(
    client=must_error("RFC 9110 §4.3.4", owes="The error names the certificate."), decides=True
)
async def proxy_connect_wrong_host(peer: Peer, request: RequestHead) -> None:
    """Open a tunnel whose far end presents another host's certificate; only https shows the fault.

    The client compares the certificate with the origin that it wants, and not with the proxy.
    """
    await _tunnel(peer, request, ESTABLISHED, terms=presenting(server(names=(ANOTHER_HOST,))))


@on_request(
    client=must_error(
        "RFC 9110 §9.3.6", owes="The error names the status, and the body is not the origin's."
    ),
    issues=("oven-sh/bun#35965", "curl/curl#21084"),
)
async def proxy_connect_status(peer: Peer, request: RequestHead, *, status: Refusal = 403) -> None:
    """Refuse with a status and a body, on a kept connection.

    The error names the status, and the body is no part of the origin's answer.
    """
    await _refuse(peer, request, status)


@on_socks(
    client=must_error("RFC 1928 §6", owes="The error names the refusal: 5 is a refused connection.")
)
async def proxy_socks_refused(peer: Peer, *, code: Reply = 5) -> None:
    """Take a SOCKS5 client's order, and refuse it with ``code``.

    RFC 1928 §6 gives 1 to 8 a meaning; the others have none, and refuse as well.
    """
    if await receive_greeting(peer):
        await peer.send(NO_AUTHENTICATION)
        await receive_order(peer)
        await peer.send(reply(code))


@on_socks(client=must_time_out("RFC 1928 §3, §4"))
async def proxy_socks_hang(peer: Peer, *, at: Step = "order") -> None:
    """Never answer a SOCKS5 client's order, or its greeting."""
    if await receive_greeting(peer) and at == "order":
        await peer.send(NO_AUTHENTICATION)
        await receive_order(peer)
    await peer.wait_gone()


@on_socks(client=must_error("RFC 1928 §3"))
async def proxy_socks_wrong_version(peer: Peer, *, case: Version = "version-4") -> None:
    """Answer a SOCKS5 client's greeting by another version, by HTTP, or without a method that it offers."""
    if await receive_greeting(peer):
        await peer.send(VERSIONS[case])


async def _refuse(
    peer: Peer, request: RequestHead, status: int, *lines: bytes, octets: int = CANARY_OCTETS
) -> None:
    peer.http.goes_on = request.persistent
    start = status_line(status).removesuffix(b"\r\n")
    await peer.http.respond_with_canary(*lines, start=start, octets=octets)


async def _tunnel(
    peer: Peer, request: RequestHead, start: bytes, *lines: bytes, terms: Terms = HEALTHY_TERMS
) -> None:
    """Open a tunnel to ourselves; answer any other request healthily, those in the tunnel included.

    Args:
        terms: of the handshake, if the client speaks TLS within.
    """
    if request.method != "CONNECT":
        await answer_healthily(peer, request)
        return
    peer.strike()
    peer.http.goes_on = True
    await peer.send(peer.http.raw_head(*lines, start=start))
    peer.connection.give_back(peer.http.take_unread())
    if await peer.tls.is_spoken():
        await over_tls(peer, lambda within: serve_healthily(within, peer.encounter), terms)
