"""Failure modes that a user of the package could declare."""

from __future__ import annotations

from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.model.expectation import may_choose
from hamms_trio.modes.model.parameters import Text
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead


@on_connect(client=may_choose("RFC 9112 §9.2"))
async def hello_at_connect(peer: Peer, *, name: Text = "world") -> None:
    """Greet as soon as a client connects."""
    await peer.send(f"hello {name}".encode())


@on_request(client=may_choose("RFC 9110 §15"))
async def hello_per_request(peer: Peer, request: RequestHead, *, name: Text = "world") -> None:
    """Greet on each request."""
    await peer.http.respond(request, 200, body=f"hello {name}".encode())


@on_request(client=may_choose("RFC 9110 §10.1.1"))
async def count_content(peer: Peer, request: RequestHead) -> None:
    """Read the content piece by piece, and answer with its length."""
    octets = 0
    while content := await peer.http.receive_content():
        octets += len(content)
    await peer.http.respond(request, 200, body=str(octets).encode())


@on_request(client=may_choose("RFC 9112 §3"), lenient=True)
async def repeat_all(peer: Peer, request: RequestHead) -> None:
    """Send back the octets of a request, well-formed or not, and its problem."""
    problem = str(peer.http.problem or "nothing")
    await peer.send(request.octets + problem.encode())
    await peer.finish()
