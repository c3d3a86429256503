"""Single events that many readers take badly: legal ones and illegal ones."""

from __future__ import annotations

from hamms_trio.modes.streams.shapes import Shape
from hamms_trio.wire.event_stream import ServerSentEvent

LEGAL = ("no-data", "event-only", "comment", "empty", "unknown", "ping")
ILLEGAL = {
    "json": '{"id":"cu',
    "array": "[]",
    "null": "null",
    "html": "<html><body><h1>502 Bad Gateway</h1></body></html>",
    "error-null": '{"error":null}',
}


def odd_event(shape: Shape, kind: str) -> bytes:
    """Return the octets of one odd event; an illegal one has a token event's type, so that readers parse it."""
    if kind in ("comment", "ping", "empty"):
        return shape.keep_alive(kind)
    if kind == "no-data":
        return shape.write(ServerSentEvent(retry="3000"))
    if kind == "event-only":
        return shape.write(ServerSentEvent(type=shape.delta_type or "message"))
    if kind == "unknown":
        return shape.write(ServerSentEvent('{"type":"hamms.unknown"}', "hamms.unknown"))
    return shape.write(ServerSentEvent(ILLEGAL[kind], shape.delta_type))
