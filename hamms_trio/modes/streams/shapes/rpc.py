"""The shapes of remote calls: MCP over HTTP (JSON-RPC in an event stream) and gRPC-web (frames)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hamms_trio.modes.streams.shapes.shape import (
    ApiError,
    ModelAnswer,
    Part,
    PartEvent,
    Shape,
    compact,
)
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent

MESSAGE, TRAILERS = 0x00, 0x80  # the first octet of a frame (grpc/doc/PROTOCOL-WEB.md)
STATUS_OK = "grpc-status:0\r\ngrpc-message:OK\r\n"


class Mcp(Shape):
    """A notification for each token, then the result of a tool's call; the dialect is the call's id as JSON."""

    name = "mcp"
    resumes = True
    streams_by_default = True

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        for number, token in enumerate(answer.tokens, 1):
            params = {"level": "info", "data": token}
            note = {"jsonrpc": "2.0", "method": "notifications/message", "params": params}
            yield Part.TOKEN, ServerSentEvent(compact(note), "message", self.id(answer, number))
        number = len(answer.tokens) + 1
        result = self.document(answer).decode()
        yield Part.TERMINAL, ServerSentEvent(result, "message", self.id(answer, number))

    def id(self, answer: ModelAnswer, number: int) -> str:
        """Return an event id, from which the server can resume for a client that reconnects."""
        return f"{answer.dialect}-{number}"

    def document(self, answer: ModelAnswer) -> bytes:
        result = {"content": [{"type": "text", "text": answer.text}], "isError": False}
        call = json.loads(answer.dialect or "null")
        return compact({"jsonrpc": "2.0", "id": call, "result": result}).encode()

    def error(self, problem: ApiError) -> bytes:
        error = {"code": -32601, "message": problem.message}
        return compact({"jsonrpc": "2.0", "id": None, "error": error}).encode()

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        return ServerSentEvent(self.error(problem).decode(), "message").octets()

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return ()


class GrpcWeb(Shape):
    """A message for each token, whose field 1 is the token, then the trailers as a frame."""

    name = "grpcweb"
    content_type = "application/grpc-web+proto"
    streams_by_default = True
    counts_octets = True

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        for token in answer.tokens:
            yield Part.TOKEN, ServerSentEvent(token)
        yield Part.TERMINAL, ServerSentEvent(STATUS_OK, "trailers")

    def write(self, event: ServerSentEvent) -> bytes:
        data = (event.data or "").encode()
        return frame(TRAILERS, data) if event.type == "trailers" else frame(MESSAGE, message(data))

    def document(self, answer: ModelAnswer) -> bytes:
        return b"".join(self.write(event) for _, event in self.events(answer))

    def error(self, problem: ApiError) -> bytes:
        return self.error_event(problem, ModelAnswer((), ""))

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        return frame(TRAILERS, f"grpc-status:13\r\ngrpc-message:{problem.message}\r\n".encode())

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return ()


def frame(flags: int, data: bytes) -> bytes:
    """Return one frame: its flags, its length in four octets, and its data."""
    return bytes((flags,)) + len(data).to_bytes(4, "big") + data


def message(text: bytes) -> bytes:
    """Return a protocol buffer whose field 1 is a text."""
    length, octets = len(text), bytearray(b"\x0a")
    while length > 0x7F:
        octets.append(length & 0x7F | 0x80)
        length >>= 7
    octets.append(length)
    return bytes(octets) + text
