"""Persistent connections that fail between two requests, or as the next one arrives (RFC 9112 §9).

A client needs at least two requests to meet these faults. The request after the fault gets a healthy answer, so a
client that recovers succeeds.
"""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.elsewhere import respond_with_json
from hamms_trio.modes.healthy import answer_healthily, answer_with_surplus
from hamms_trio.modes.model.expectation import (
    Level,
    Reuse,
    may_choose,
    may_retry,
    must_error_or_succeed,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Choice, Range, Seconds
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

FORGED = b"This response belongs to no request.\n"
TIMEOUT = b"The request did not arrive in time.\n"
VALUES = {"zero": b"0", "negative": b"-1", "huge": b"99999999999"}

Forgeries = Annotated[int, Range("responses", 1, 100)]
EmptyLines = Annotated[int, Range("empty lines", 1, 1000)]
HowDropped = Annotated[str, Choice("fin", "rst")]
KeepAlive = Annotated[str, Choice(*VALUES)]


@on_request(
    client=must_succeed(
        "RFC 9112 §9.2, §6.3",
        level=Level.SHOULD,
        owes="The next call does not return the forged response.",
    ),
    issues=("aio-libs/aiohttp#13656",),
)
async def conn_inject_same_segment(peer: Peer, request: RequestHead, *, n: Forgeries = 1) -> None:
    """Send a healthy answer and forged responses after it in one write, and keep the connection.

    No request is open for a forgery, so it must never become the answer to the next one.
    """
    await answer_with_surplus(peer, request, surplus=_forgery(peer) * n)


@on_request(
    client=must_succeed(
        "RFC 9112 §9.2",
        level=Level.SHOULD,
        owes="The next call does not return the forged response, "
        "and is best sent on another connection.",
    ),
    issues=("cloudflare/cloudflared#1039",),
    decides=True,
)
async def conn_inject_idle(peer: Peer, request: RequestHead, *, delay: Seconds = 0.15) -> None:
    """Send a healthy answer, and a forged response once the connection has been idle for ``delay`` seconds.

    The client should close the connection; it must not take the forgery for the answer to its next request.
    """
    if await _answer_and_stay_idle(peer, request, delay):
        peer.strike()
        await peer.send(_forgery(peer))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §9.2.2", level=Level.SHOULD, attempts={"POST": 1, "GET": 2}
    ),
    issues=(
        "oven-sh/bun#28708",
        "square/okhttp#2394",
        "com-lihaoyi/requests-scala#6",
        "golang/go#22158",
    ),
    decides=True,
)
async def conn_drop_after_request(
    peer: Peer, request: RequestHead, *, how: HowDropped = "fin"
) -> None:
    """Read every request but a connection's first in full, then close or reset without an answer.

    The server may have acted on the request, so a client must not repeat a POST on its own.
    """
    await _read_content(peer)
    if peer.http.exchanges == 1:
        await answer_healthily(peer, request)
    else:
        peer.strike()
        await peer.end(how)


@on_request(
    client=must_succeed(
        "RFC 9112 §9.3.1, §9.5",
        level=Level.SHOULD,
        owes="The next call succeeds on a new connection, whatever its method.",
    ),
    issues=("capnproto/capnproto#2785",),
    decides=True,
)
async def conn_idle_fin(peer: Peer, request: RequestHead, *, delay: Seconds = 0.1) -> None:
    """Send a healthy answer, and close the connection once it has been idle for ``delay`` seconds.

    The client sends its next request on a new connection, even a POST, since nobody has read it.
    """
    if await _answer_and_stay_idle(peer, request, delay):
        peer.strike()
        await peer.finish()


@on_request(
    client=must_succeed(
        "RFC 9112 §9.5",
        level=Level.SHOULD,
        owes="The next call succeeds on a new connection, whatever its method.",
    ),
    decides=True,
)
async def conn_idle_rst(peer: Peer, request: RequestHead, *, delay: Seconds = 0.1) -> None:
    """Send a healthy answer, and reset the connection once it has been idle for ``delay`` seconds."""
    if await _answer_and_stay_idle(peer, request, delay):
        peer.strike()
        await peer.reset_after_reading()


@on_request(
    client=must_succeed(
        "RFC 9112 §9.3, §9.5",
        level=Level.SHOULD,
        owes="The next call succeeds on a new connection.",
    ),
    issues=("gravitee-io/gravitee-platform-docs#2252",),
)
async def conn_close_lie(peer: Peer, request: RequestHead) -> None:
    """Announce ``Connection: keep-alive``, and close after the answer."""
    await _send_canary(peer, b"Connection: keep-alive")
    await peer.finish()


@on_request(client=must_succeed("RFC 9112 §9.6", reuse=Reuse.FORBIDDEN))
async def conn_keepalive_lie(peer: Peer, request: RequestHead, *, hold: Seconds = 30.0) -> None:
    """Announce ``Connection: close``, and keep the connection open for ``hold`` seconds.

    The answer has a length, so it is complete, and the client has to close the connection itself.
    """
    await _send_canary(peer, b"Connection: close")
    await peer.wait_gone(hold)
    await peer.finish()


@on_request(client=must_succeed("RFC 9112 Appendix C.2.2", owes="The next call succeeds, too."))
async def conn_keepalive_timeout_0(
    peer: Peer, request: RequestHead, *, value: KeepAlive = "zero"
) -> None:
    """Send a Keep-Alive field whose timeout is 0, negative or some thousand years."""
    await peer.http.respond_with_canary(b"Keep-Alive: timeout=" + VALUES[value])


@on_request(
    client=must_succeed("RFC 9112 §9.2", level=Level.QUALITY, owes="The next call succeeds, too.")
)
async def conn_surplus_crlf(peer: Peer, request: RequestHead, *, n: EmptyLines = 1) -> None:
    """Send empty lines after the answer, and keep the connection."""
    await answer_with_surplus(peer, request, surplus=b"\r\n" * n)


@on_request(
    client=may_retry(
        "RFC 9110 §15.5.20",
        owes="A new connection may carry the request again, whatever its method.",
    ),
    decides=True,
)
async def conn_421_once(peer: Peer, request: RequestHead) -> None:
    """Answer 421 to every request but a connection's first.

    A client may send the request again on a new connection, whatever its method.
    """
    if peer.http.exchanges == 1:
        await answer_healthily(peer, request)
    else:
        peer.strike()
        await peer.http.respond(request, 421)


@on_connect(
    client=must_error_or_succeed(
        "RFC 9112 §9.2; RFC 9110 §15.5.9",
        reuse=Reuse.FORBIDDEN,
        owes="The call succeeds on another connection, or names the 408.",
    )
)
async def conn_408_unsolicited(peer: Peer) -> None:
    """Send 408 and close as soon as a client connects, before it has sent a request.

    The 408 answers no request: a client that has not sent its own yet may connect again.
    """
    await peer.send(_timeout(peer))
    await peer.finish()


@on_request(
    client=must_succeed(
        "RFC 9112 §9.2; RFC 9110 §15.5.9",
        level=Level.SHOULD,
        reuse=Reuse.FORBIDDEN,
        owes="No call returns this 408.",
    ),
    decides=True,
)
async def conn_408_idle(peer: Peer, request: RequestHead, *, delay: Seconds = 0.15) -> None:
    """Send a healthy answer, and 408 and the end once the connection has been idle for ``delay`` seconds.

    The 408 is no answer to the client's next request, which belongs on a new connection.
    """
    if await _answer_and_stay_idle(peer, request, delay):
        peer.strike()
        await peer.send(_timeout(peer))
        await peer.finish()


@on_request(
    client=may_choose(
        "RFC 9112 §9.3.2",
        owes="The answer of each call names its own `target`; a client that does not pipeline meets no fault.",
    ),
    decides=True,
)
async def conn_pipelined_out_of_order(
    peer: Peer, request: RequestHead, *, wait: Seconds = 0.1
) -> None:
    """Answer two pipelined requests in the wrong order; each answer has the ``target`` of its request.

    A request that no other one follows within ``wait`` seconds is answered alone, as it should be.
    """
    await _read_content(peer)
    if not request.persistent or await peer.http.stays_idle(wait):
        await _echo(peer, request)
        return
    second = await peer.http.receive_head()
    await _read_content(peer)
    peer.meet(peer.encounter, second)
    peer.strike()
    await _echo(peer, second)
    await _echo(peer, request)


@on_request(client=must_succeed("RFC 9112 §9.3", reuse=Reuse.FORBIDDEN))
async def conn_http10_no_keepalive(peer: Peer, request: RequestHead) -> None:
    """Answer in HTTP/1.0 without a Connection field, so that the connection does not persist, and close."""
    await _send_canary(peer, start=b"HTTP/1.0 200 OK")
    await peer.finish()


async def _answer_and_stay_idle(peer: Peer, request: RequestHead, seconds: float) -> bool:
    """Answer healthily; return True if the connection persists and stays idle for ``seconds``."""
    await _read_content(peer)
    await answer_healthily(peer, request)
    return request.persistent and await peer.http.stays_idle(seconds)


async def _read_content(peer: Peer) -> None:
    while await peer.http.receive_content():
        pass


async def _send_canary(peer: Peer, *lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> None:
    """Send the canary with these lines and its length, and no Connection field but one of them."""
    whole = len(peer.http.canary())
    length = b"Content-Length: %d" % whole
    await peer.send(peer.http.raw_head(b"Content-Type: text/plain", *lines, length, start=start))
    await peer.http.send_canary(whole)


async def _echo(peer: Peer, request: RequestHead) -> None:
    await respond_with_json(peer, request, {"target": request.target})


def _forgery(peer: Peer) -> bytes:
    return (
        peer.http.head(200, ("Content-Type", "text/plain"), ("Content-Length", str(len(FORGED))))
        + FORGED
    )


def _timeout(peer: Peer) -> bytes:
    fields = (("Content-Type", "text/plain"), ("Content-Length", str(len(TIMEOUT))))
    return peer.http.head(408, *fields, ("Connection", "close")) + TIMEOUT
