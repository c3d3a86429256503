"""The answer of every HTTP peer: the octets of the workbench's ``/``, or of its ``/submit`` for a POST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

GREETING = b"Hello World"
RECEIVED = b"Received POST body: "
TYPE = "text/plain"

Message = dict[str, Any]  # ASGI's own type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answer as the smallest ASGI application does."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    body = GREETING if scope["method"] == "GET" else RECEIVED + await _content(receive)
    fields = [
        (b"content-type", TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def _content(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
