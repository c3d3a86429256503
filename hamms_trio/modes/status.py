"""Status lines: any code, properly framed, and things that are no status line at all."""

from __future__ import annotations

import json
from functools import lru_cache

from hamms_trio.errors import ParameterError
from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.expectation import may_choose, must_error
from hamms_trio.modes.parameters import Status
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import Field, RequestHead, is_interim, reason_phrase

# What a status needs, or is useless without (RFC 9110 §15 unless noted).
REDIRECT: tuple[Field, ...] = (("Location", "{base}/?status=200"),)
NEEDED: dict[int, tuple[Field, ...]] = {
    101: (("Connection", "upgrade"), ("Upgrade", "hamms")),
    103: (("Link", "</style.css>; rel=preload; as=style"),),  # RFC 8297 §2
    201: REDIRECT,
    206: (("Content-Range", "bytes 0-{last}/*"),),
    300: REDIRECT,
    301: REDIRECT,
    302: REDIRECT,
    303: REDIRECT,
    304: (("ETag", '"hamms"'),),
    305: REDIRECT,
    307: REDIRECT,
    308: REDIRECT,
    401: (("WWW-Authenticate", 'Basic realm="hamms", charset="UTF-8"'),),
    405: (("Allow", ""),),
    407: (("Proxy-Authenticate", 'Basic realm="hamms", charset="UTF-8"'),),
    413: (("Retry-After", "1"),),
    415: (("Accept-Encoding", "identity"), ("Accept", "application/json")),
    416: (("Content-Range", "bytes */0"),),
    426: (("Connection", "upgrade"), ("Upgrade", "HTTP/2.0")),
    429: (("Retry-After", "1"),),  # RFC 6585 §4
    451: (("Link", '</blocked>; rel="blocked-by"'),),  # RFC 7725 §4
    503: (("Retry-After", "1"),),
}
JSON: Field = ("Content-Type", "application/json")


@on_connect(client=must_error("RFC 9112 §4"))
async def status_garbage_at_connect(peer: Peer) -> None:
    """Send ``"foo bar"`` and close, as soon as a client connects."""
    await peer.send(b"foo bar")
    await peer.finish()


@on_connect(client=must_error("RFC 9112 §4"))
async def status_garbage(peer: Peer) -> None:
    """Send ``"foo bar"`` and close, once the client has sent data."""
    await peer.receive()
    await peer.send(b"foo bar")
    await peer.finish()


@on_request(client=may_choose("RFC 9110 §15"), aliases=("status-code",))
async def status(peer: Peer, request: RequestHead, *, status: Status = 200) -> None:
    """Answer with any status code, with the framing and the fields that it needs.

    An interim one (1xx) is followed by a 200, as it has to be; after a 101 HTTP has ended on this
    connection, so it is closed. An HTTP/1.0 client can't be sent 1xx at all.
    """
    if status < 200:
        await _interim(peer, request, status)
    else:
        fields, body = _answer(status, peer.http.base)
        await peer.http.respond(request, status, *fields, body=body)


async def _interim(peer: Peer, request: RequestHead, status: int) -> None:
    if request.minor_version == 0:
        problem = f"status={status} can't be sent to an HTTP/1.0 client (RFC 9110 §15.2)"
        raise ParameterError(f"{problem}: give an integer from 200 to 999")
    await peer.send(peer.http.head(status, *NEEDED.get(status, ())))
    if is_interim(status):
        fields, body = _answer(200, peer.http.base)
        await peer.http.respond(request, 200, *fields, body=body)
    else:
        await peer.finish()


@lru_cache(maxsize=1000)
def _answer(status: int, base: str) -> tuple[tuple[Field, ...], bytes]:
    content = {"status": status, "reason": reason_phrase(status), "success": status < 400}
    body = json.dumps(content).encode()
    needed = NEEDED.get(status, ())
    fields = tuple((name, value.format(last=len(body) - 1, base=base)) for name, value in needed)
    has_content = status not in (204, 205, 304)
    return ((JSON, *fields) if has_content else fields), body
