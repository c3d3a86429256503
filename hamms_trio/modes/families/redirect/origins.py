"""Redirects to where no client should go, or not with its secrets."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.elsewhere import ARRIVAL, authority, elsewhere, report_arrival
from hamms_trio.modes.families.redirect.leading import Found, lead
from hamms_trio.modes.model.expectation import Level, may_choose, must_error
from hamms_trio.modes.model.parameters import Choice
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

# Locations that no client should follow, because they are not HTTP; {} is the other origin's authority.
SCHEMES = {
    "gopher": "gopher://{}/_followed",
    "ftp": "ftp://{}/followed",
    "data": "data:text/plain,followed",
    "javascript": "javascript:alert('followed')",
    "unix": "unix:/hamms.sock",
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
To = Annotated[str, Choice("port", "host", "scheme")]
Scheme = Annotated[str, Choice(*SCHEMES)]
Inner = Annotated[str, Choice(*INNER_ADDRESSES)]


@on_request(
    client=may_choose(
        "RFC 9110 §15.4",
        level=Level.SHOULD,
        owes="The other origin's answer names neither `authorization` nor "
        "`cookie` nor `proxy-authorization` among the secrets.",
    ),
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

    Authorization, Cookie, Proxy-Authorization and X-Api-Key of the first request are not for another port, host or
    scheme.
    """
    if peer.http.path == ARRIVAL:
        await report_arrival(peer, request)
        return
    peer.strike()
    await lead(peer, request, status, elsewhere(peer, request, to))


@on_request(
    client=may_choose(
        "RFC 9110 §4.2.2, §17.11",
        level=Level.SHOULD,
        owes="The client does not follow by default, or the answer names no secret.",
    ),
    issues=("postmanlabs/postman-request#113",),
    crosses=True,
    needs_tls=True,
)
async def redirect_downgrade(peer: Peer, request: RequestHead, *, status: Found = "302") -> None:
    """Redirect from https to http, where the answer has the names of the secrets that reached it.

    A client should not follow by default; one that does carries no secret along.
    """
    peer.need_tls("redirect-downgrade", "http leads to nothing less")
    await lead(peer, request, status, elsewhere(peer, request, scheme="http"))


@on_request(
    client=must_error("RFC 9110 §17; RFC 3986 §7", owes="No octet of the file is in the body.")
)
async def redirect_to_file(peer: Peer, request: RequestHead) -> None:
    """Redirect to a file on the client's own machine.

    Only the server's owner chooses the file (``--canary-file``); no request can.
    """
    await lead(peer, request, "302", peer.environment.canary_file)


@on_request(
    client=must_error("RFC 9110 §4.2, §15.4", owes="The ledger shows one request."), crosses=True
)
async def redirect_to_scheme(
    peer: Peer, request: RequestHead, *, scheme: Scheme = "gopher"
) -> None:
    """Redirect to another scheme than http, which no client follows on its own."""
    await lead(peer, request, "302", SCHEMES[scheme].format(authority(peer, request)))


@on_request(
    client=may_choose(
        "RFC 9110 §4.2.4, §15.4",
        owes="The other origin's answer does not name `authorization` among the secrets.",
    ),
    crosses=True,
)
async def redirect_fragment_userinfo(peer: Peer, request: RequestHead) -> None:
    """Redirect to another origin by a URL with a user, a password and a fragment.

    The other origin reports whether the client turned them into an Authorization field, which nobody asked for.
    """
    location = elsewhere(peer, request).replace("//", "//user:password@") + "#fragment"
    await lead(peer, request, "302", location)


@on_request(
    client=may_choose(
        "RFC 9110 §17; RFC 6890 §2.2",
        owes="A client that fetches the URLs of strangers does not reach the "
        "other origin, as its ledger shows; any other may follow.",
    ),
    crosses=True,
)
async def redirect_ssrf(peer: Peer, request: RequestHead, *, to: Inner = "loopback") -> None:
    """Redirect to an address that only the client's own network can reach, from a fixed list.

    A program that fetches the URLs of strangers must check each hop. All but ``metadata``, the address of clouds'
    metadata services, lead to the other origin, where the ledger shows the request.
    """
    inner = INNER_ADDRESSES[to].format(peer.environment.ports.get("other", 0))
    await lead(peer, request, "302", f"http://{inner}{ARRIVAL}?nonce={peer.nonce}")
