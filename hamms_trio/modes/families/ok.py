"""Healthy controls, which a correct client passes, and sequences of modes.

A client that fails a control lacks what some failure modes need: it decodes no Brotli, or follows no redirect.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from hamms_trio.errors import ParameterError
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.drivers import play
from hamms_trio.modes.healthy import CANARY_TYPE, answer_healthily
from hamms_trio.modes.model.expectation import may_choose, must_succeed
from hamms_trio.modes.model.parameters import LongText, Text
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import Field, RequestHead, chunk, connection_field, last_chunk
from hamms_trio.wire.content.encode import encode

CHUNK_OCTETS = 10_000  # no divisor of the canary, so that chunks and lines end in different places
TARGET = "/target"


@on_request(client=must_succeed("RFC 9110 §15.3.1"), decides=True)
async def ok(peer: Peer, request: RequestHead) -> None:
    """Answer with the whole canary, as every mode does that does not strike."""
    await answer_healthily(peer, request)


@on_request(client=must_succeed("RFC 9112 §6.2"), decides=True)
async def ok_cl(peer: Peer, request: RequestHead) -> None:
    """Answer with a body of a known length (Content-Length)."""
    await answer_healthily(peer, request)


@on_request(client=must_succeed("RFC 9112 §7.1"), decides=True, needs_http11=True)
async def ok_chunked(peer: Peer, request: RequestHead) -> None:
    """Answer with a chunked body."""
    await peer.send(_raw_head(peer, request, b"Transfer-Encoding: chunked"))
    if request.method != "HEAD":
        whole = peer.http.canary()
        for at in range(0, len(whole), CHUNK_OCTETS):
            await peer.send(chunk(whole[at : at + CHUNK_OCTETS]))
        await peer.send(last_chunk())


@on_request(client=must_succeed("RFC 9112 §6.3"), decides=True)
async def ok_close(peer: Peer, request: RequestHead) -> None:
    """Answer with a body that ends with the connection."""
    await peer.send(_raw_head(peer, None, b"Connection: close"))
    await peer.http.send_canary(len(peer.http.canary()))
    await peer.finish()


@on_request(client=must_succeed("RFC 9110 §8.4.1.3"), decides=True)
async def ok_gzip(peer: Peer, request: RequestHead) -> None:
    """Answer with a body in gzip, whatever the client accepts."""
    await _answer_coded(peer, request, "gzip")


@on_request(client=must_succeed("RFC 7932"), decides=True)
async def ok_br(peer: Peer, request: RequestHead) -> None:
    """Answer with a body in Brotli, whatever the client accepts."""
    await _answer_coded(peer, request, "br")


@on_request(client=must_succeed("RFC 8878"), decides=True)
async def ok_zstd(peer: Peer, request: RequestHead) -> None:
    """Answer with a body in Zstandard, whatever the client accepts."""
    await _answer_coded(peer, request, "zstd")


@on_request(client=must_succeed("RFC 9110 §8.4.1.2"), decides=True)
async def ok_deflate(peer: Peer, request: RequestHead) -> None:
    """Answer with a body in deflate, in zlib's format as it has to be, whatever the client accepts."""
    await _answer_coded(peer, request, "deflate")


@on_request(client=must_succeed("RFC 9110 §15.4.3"), decides=True)
async def ok_redirect(peer: Peer, request: RequestHead) -> None:
    """Redirect to ``/target`` at the same door, and answer there with the canary."""
    if peer.http.path == TARGET:
        await answer_healthily(peer, request)
    else:
        query = f"?{request.query_string}" if request.query_string else ""
        await peer.http.respond(request, 302, ("Location", peer.http.link(TARGET) + query))


@on_request(client=must_succeed("RFC 9112 §9.3"), decides=True)
async def ok_keepalive(peer: Peer, request: RequestHead) -> None:
    """Answer, keep the connection, and count the requests on it in X-Hamms-Exchange."""
    await _answer(peer, request, ("X-Hamms-Exchange", str(peer.http.exchanges)))


@on_request(client=must_succeed("RFC 9110 §9.3.3"), decides=True)
async def ok_upload(peer: Peer, request: RequestHead) -> None:
    """Read the whole content, then answer; X-Hamms-Content-SHA256 is the digest of that content."""
    digest = sha256()
    while content := await peer.http.receive_content():
        digest.update(content)
    await _answer(peer, request, ("X-Hamms-Content-SHA256", digest.hexdigest()))


@on_request(client=may_choose("RFC 9110 §9.2.2"), decides=True)
async def sequence(
    peer: Peer, request: RequestHead, *, sequence: LongText = "ok", key: Text = "default"
) -> None:
    """Play several modes in turn, one for each request with this ``key``, and at the end the last one again.

    ``sequence`` names them with commas between: ``ok,ok,frame-cl-short-fin,ok``. Each may have arguments after its
    name, as in ``status--status-503``; those in the query go to every mode that takes them.
    """
    labels = [label.strip() for label in sequence.split(",")]
    played = [
        peer.find(label, request) for label in labels
    ]  # so that a wrong one is refused at once
    if any(each.slug == "sequence" for each in played):
        raise ParameterError("no sequence can be played within a sequence")
    met = played[min(peer.count(key), len(played)) - 1]
    # The query's modifiers have decided already that the sequence strikes.
    always = replace(met.modifiers, share=1.0, every=0, first=0, skip=0)
    await play(peer, replace(met, modifiers=always), request)


async def _answer_coded(peer: Peer, request: RequestHead, coding: str) -> None:
    coded = (("Content-Encoding", coding), ("Vary", "Accept-Encoding"))
    await _answer(peer, request, *coded, body=encode(coding, peer.http.canary()))


async def _answer(
    peer: Peer, request: RequestHead, *fields: Field, body: bytes | None = None
) -> None:
    body = peer.http.canary() if body is None else body
    await peer.http.respond(request, 200, CANARY_TYPE, *fields, body=body)


def _raw_head(peer: Peer, request: RequestHead | None, *lines: bytes) -> bytes:
    kept = connection_field(request).removesuffix(b"\r\n") if request is not None else b""
    own = b"Content-Type: text/plain; charset=utf-8"
    return peer.http.raw_head(own, *filter(None, (kept,)), *lines)
