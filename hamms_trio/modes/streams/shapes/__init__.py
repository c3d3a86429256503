"""Healthy streams in the shapes of several APIs, from tables; the request's path chooses one."""

from hamms_trio.modes.streams.shapes.chat import Chat
from hamms_trio.modes.streams.shapes.messages import Messages
from hamms_trio.modes.streams.shapes.ndjson import NdJson
from hamms_trio.modes.streams.shapes.plain import Plain
from hamms_trio.modes.streams.shapes.responses import Responses
from hamms_trio.modes.streams.shapes.rpc import GrpcWeb, Mcp
from hamms_trio.modes.streams.shapes.shape import (
    PLACEHOLDER as PLACEHOLDER,
    ApiError as ApiError,
    Finish as Finish,
    ModelAnswer as ModelAnswer,
    Part as Part,
    Piece as Piece,
    Shape as Shape,
    pieces as pieces,
)

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (Chat(), Responses(), Messages(), Plain(), NdJson(), Mcp(), GrpcWeb())
}

# The end of a path, the shape it chooses, and the shape's dialect.
_PATHS = (
    ("/chat/completions", "chat", ""),
    ("/responses", "responses", ""),
    ("/messages", "messages", ""),
    ("/ndjson", "ndjson", ""),
    ("/api/chat", "ndjson", "chat"),
    ("/api/generate", "ndjson", "generate"),
)


def shape_of(path: str) -> tuple[Shape, str]:
    """Return the shape for a path, and its dialect."""
    for end, name, dialect in _PATHS:
        if path.endswith(end):
            return SHAPES[name], dialect
    return SHAPES["plain"], ""
