"""Cookies that are garbage, not ours to set, or that must not come back (RFC 6265).

Why this is hard: a jar decides, for each request again, which cookies it sends. Each mode sets its cookies on a
redirect, and the answer at its target lists the cookies that came back; the ledger has them, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.elsewhere import (
    ARRIVAL,
    authority,
    cookie_names,
    elsewhere,
    report_arrival,
    respond_with_json,
    with_query,
)
from hamms_trio.modes.model.expectation import (
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Choice, Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_lines
from hamms_trio.wire.http1.build import CRLF

BACK = "/back"
SOUND = b"hamms=1"
PIECE_OCTETS = 16 * 1024  # of a header section leave at once

# Values of Set-Cookie that break its grammar.
GARBAGE = {
    "mixed": b"=;;;=a; expires=never; Max-Age=abc; domain=.; path=\xff",
    "attribute-alone": b"HttpOnly",
    "semicolons": b";;",
    "empty": b"",
    "no-name": b"=value",
    "controls": b"a=\x01\x7f; Path=/",
    "open-quote": b'a="b; Path=/',
}
# Domains that are not for this host to set: RFC 6265 §5.3. {} is this host, without its port.
FOREIGN = {
    "tld": "com",
    "tld-dot": ".com",
    "other-host": "hamms.example",
    "ip": "192.0.2.1",
    "trailing-dot": "{}.",
    "child": "child.{}",
    "dot": ".",
}
# Attributes by which a cookie must not come back where the redirect leads.
SCOPES = {
    "secure": b"leak=1; Secure",
    "path": b"leak=1; Path=/deeper",
    "port": b"leak=1; Path=/",
    "host": b"leak=1; Path=/",
}
# Attributes that end a cookie now, or never.
EXPIRIES = {
    "max-age-0": b"Max-Age=0",
    "negative": b"Max-Age=-1",
    "huge": b"Max-Age=99999999999999999999",
    "year-1601": b"Expires=Mon, 01 Jan 1601 00:00:00 GMT",
    "year-9999": b"Expires=Fri, 31 Dec 9999 23:59:59 GMT",
    "two-digits": b"Expires=Sunday, 06-Nov-94 08:49:37 GMT",
    "two-digits-future": b"Expires=Friday, 06-Nov-69 08:49:37 GMT",
    "asctime": b"Expires=Sun Nov  6 08:49:37 1994",
    "both": b"Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=3600",
}

Garbage = Annotated[str, Choice(*GARBAGE)]
Foreign = Annotated[str, Choice(*FOREIGN)]
Scope = Annotated[str, Choice(*SCOPES)]
Expiry = Annotated[str, Choice(*EXPIRIES)]
CookieOctets = Annotated[int, Range("octets", 1, 64 * 1024)]
Cookies = Annotated[int, Range("cookies", 1, 10_000)]


@on_request(
    client=must_succeed("RFC 6265 §5.2", owes="The next request brings none of the broken parts."),
    issues=(
        "swift-server/async-http-client#209",
        "erlang/otp#593",
        "nodejs/undici#5488",
        "assaf/zombie#225",
    ),
)
async def cookie_garbage(peer: Peer, request: RequestHead, *, case: Garbage = "mixed") -> None:
    """Send a Set-Cookie that breaks the grammar in each of its parts, with a healthy answer.

    A client ignores the parts that it can't read, and delivers the answer.
    """
    await peer.http.respond_with_canary(b"Set-Cookie: " + GARBAGE[case])


@on_request(
    client=must_succeed("RFC 6265 §5.3", owes="The answer names `hamms` alone."), decides=True
)
async def cookie_foreign_domain(
    peer: Peer, request: RequestHead, *, domain: Foreign = "tld"
) -> None:
    """Set a cookie for a Domain that is not this host's, and a valid one, and redirect.

    Only the valid cookie, ``hamms``, comes back.
    """
    host = authority(peer, request).rpartition(":")[0]
    foreign = b"foreign=1; Domain=" + FOREIGN[domain].format(host).encode()
    await _set(peer, request, (foreign, SOUND))


@on_request(
    client=must_succeed("RFC 6265 §5.4", owes="The answer does not name `leak`."),
    issues=("postmanlabs/postman-request#113",),
    decides=True,
    crosses=True,
)
async def cookie_scope_leak(peer: Peer, request: RequestHead, *, attr: Scope = "secure") -> None:
    """Set a cookie that must not come back where the redirect leads, and report whether it does.

    A ``Secure`` cookie must not go over http (browsers make an exception of localhost), and no cookie outside its
    path or to another host. Ports do not separate cookies (RFC 6265 §8.5): with ``port`` the report shows that it
    does come back.
    """
    to = elsewhere(peer, request, attr) if attr in ("port", "host") else None
    if peer.http.path == ARRIVAL:
        await report_arrival(peer, request)
    else:
        await _set(peer, request, (SCOPES[attr], SOUND), to=to)


@on_request(
    client=must_stay_bounded(
        "RFC 6265 §6.1",
        owes="The answer says how many cookies came back: "
        "a number that the client's documentation names.",
    ),
    decides=True,
)
async def cookie_flood(
    peer: Peer, request: RequestHead, *, n: Cookies = 1000, size: CookieOctets = 64
) -> None:
    """Set ``n`` cookies of ``size`` octets, and redirect; the answer there has the size of the Cookie field.

    Jars have limits. A client that sends everything back is refused with 431, and must not try for ever.
    """
    if peer.http.path == BACK:
        octets = len(request.get("cookie") or "")
        report = {"cookies": len(cookie_names(request)), "octets": octets}
        await respond_with_json(peer, request, report)
        return
    cookies = (b"flood%d=" % number for number in range(n))
    await _set(peer, request, (cookie.ljust(size, b"a") for cookie in cookies))


@on_request(
    client=must_error_or_succeed(
        "RFC 6265 §5.1.1, §5.2.2",
        owes="The call ends without a crash, and the sound cookie `hamms` comes back.",
    ),
    issues=(
        "apache/hertzbeat#1677",
        "jaeksoft/opensearchserver#1674",
    ),
    decides=True,
)
async def cookie_expiry_edge(
    peer: Peer, request: RequestHead, *, value: Expiry = "max-age-0"
) -> None:
    """Set a cookie that ends at once, in the past, or never, and redirect."""
    await _set(peer, request, (b"edge=1; " + EXPIRIES[value], SOUND))


async def _set(
    peer: Peer, request: RequestHead, cookies: Iterable[bytes], *, to: str | None = None
) -> None:
    """Set cookies by a redirect; at its target, report which of them came back."""
    if peer.http.path == BACK:
        await respond_with_json(peer, request, {"cookies": cookie_names(request)})
        return
    peer.strike()
    location = (to or with_query(peer, request, BACK)).encode()
    lines = (b"Location: " + location, *connection_lines(request), b"Content-Length: 0")
    octets = peer.http.raw_head(*lines, start=b"HTTP/1.1 302 Found").removesuffix(CRLF)
    for cookie in cookies:
        octets += b"Set-Cookie: " + cookie + CRLF
        if len(octets) >= PIECE_OCTETS:
            await peer.send(octets)
            octets = b""
    await peer.send(octets + CRLF)
