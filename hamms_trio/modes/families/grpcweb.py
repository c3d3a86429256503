"""gRPC-web over HTTP/1.1: the status is a frame after the messages, and fails on its way.

The wire format is that of grpc/doc/PROTOCOL-WEB.md: frames of a flag, four octets of length and data; 0x80 marks
the trailers. Each message is a protocol buffer whose field 1 is a text; by default there is one, as in a unary
call.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import partial
from typing import Annotated

from hamms_trio.modes.model.expectation import must_error, must_error_or_succeed, must_succeed
from hamms_trio.modes.model.parameters import Choice, Seconds
from hamms_trio.modes.streams.cut import without
from hamms_trio.modes.streams.declare import on_stream
from hamms_trio.modes.streams.faults import FAULTS, How
from hamms_trio.modes.streams.parameters import Tokens
from hamms_trio.modes.streams.shapes import Part
from hamms_trio.modes.streams.shapes.rpc import TRAILERS, frame
from hamms_trio.modes.streams.stream import Stream, octets_of
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import split_each

PROTOCOL = "grpc/doc/PROTOCOL-WEB.md"
OK, INTERNAL = "0", "13"


def grpcweb(*, tokens: Tokens = 1, gap: Seconds = 0.0) -> None:
    """Declare the parameters of the whole family."""


on_grpcweb = partial(on_stream, grpcweb, shape="grpcweb")


@on_grpcweb(
    client=must_error(PROTOCOL),
    issues=(
        "connectrpc/conformance#1115",
        "grpc/grpc-rust#2543",
        "grpc/grpc-rust#2830",
    ),
)
async def grpcweb_no_trailers(stream: Stream, *, how: How = "clean") -> None:
    """End the body after the messages, without the frame of the trailers, as ``how`` says (see llm-cut)."""
    await _play(stream, without(stream.pieces, Part.TERMINAL), how)


@on_grpcweb(client=must_error(PROTOCOL), issues=("connectrpc/conformance#1115",))
async def grpcweb_trailers_cut(stream: Stream, *, how: How = "clean") -> None:
    """End the body within the frame of the trailers, after the status, as ``how`` says (see llm-cut)."""
    *messages, trailers = octets_of(stream.pieces)
    await _play(stream, [*messages, trailers[: trailers.index(b"\r\n") + 2]], how)


@on_grpcweb(client=must_succeed(PROTOCOL))
async def grpcweb_trailers_split(stream: Stream) -> None:
    """Send each octet of the messages and of the trailers in a chunk of its own."""
    await _play(stream, split_each(b"".join(octets_of(stream.pieces))))


@on_grpcweb(client=must_error(PROTOCOL))
async def grpcweb_trailers_only_body(stream: Stream) -> None:
    """Give the status of an error in the head, as an answer without messages does, and send messages."""
    messages = without(stream.pieces, Part.TERMINAL)
    await _play(stream, messages, fields=_status(INTERNAL))


@on_grpcweb(client=must_error_or_succeed(PROTOCOL))
async def grpcweb_status_twice(
    stream: Stream,
    *,
    case: Annotated[str, Choice("error-last", "error-first", "same")] = "error-last",
) -> None:
    """Give a status in the head and another one in the trailers: the error last or first, or twice the same.

    A correct client never reports success for a call with an error among its statuses.
    """
    first, last = {"error-last": (OK, INTERNAL), "error-first": (INTERNAL, OK)}.get(case, (OK, OK))
    trailers = frame(TRAILERS, f"grpc-status:{last}\r\ngrpc-message:last\r\n".encode())
    messages = without(stream.pieces, Part.TERMINAL)
    await _play(stream, [*messages, trailers], fields=_status(first))


def _status(status: str) -> tuple[Field, ...]:
    return (("grpc-status", status), ("grpc-message", "first"))


async def _play(
    stream: Stream, frames: Iterable[bytes], how: str = "clean", fields: tuple[Field, ...] = ()
) -> None:
    """Send frames as they are, or each in base64 to a client that speaks grpc-web-text."""
    kind = stream.shape.content_type
    if "grpc-web-text" in (stream.request.get("content-type") or ""):
        kind = "application/grpc-web-text+proto"
        frames = map(b64encode, frames)
    await stream.open(FAULTS[how], kind, fields)
    await stream.send(frames)
    await stream.end()
