"""The shape of the Messages API."""

from __future__ import annotations

from collections.abc import Iterator

from hamms_trio.modes.streams.shapes.shape import (
    INPUT_TOKENS,
    TOOL,
    ApiError,
    Finish,
    ModelAnswer,
    Objects,
    Part,
    PartEvent,
    Shape,
    compact,
    typed,
)
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent


class Messages(Shape):
    """Content blocks between ``message_start`` and ``message_stop``."""

    name = "messages"
    delta_type = "content_block_delta"
    request_id = "request-id"

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        return typed(_objects(answer))

    def document(self, answer: ModelAnswer) -> bytes:
        block = _block(answer)
        if answer.tool:
            block["input"] = {"text": answer.text.removeprefix('{"text":"').removesuffix('"}')}
        else:
            block["text"] = answer.text
        message = _message(answer) | {"content": [block], "stop_reason": _stop_reason(answer)}
        message["usage"] = {"input_tokens": INPUT_TOKENS, "output_tokens": len(answer.tokens)}
        return compact(message).encode()

    def error(self, problem: ApiError) -> bytes:
        return _error(problem).encode()

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        return ServerSentEvent(_error(problem), "error").octets()

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return (
            ("anthropic-ratelimit-requests-limit", str(limit)),
            ("anthropic-ratelimit-requests-remaining", str(remaining)),
        )


def _objects(answer: ModelAnswer) -> Objects:
    yield Part.OPENING, {"type": "message_start", "message": _message(answer)}
    at: dict[str, object] = {"index": 0}
    yield Part.OPENING, {"type": "content_block_start", **at, "content_block": _block(answer)}
    yield Part.OPENING, {"type": "ping"}
    kind, name = ("input_json_delta", "partial_json") if answer.tool else ("text_delta", "text")
    for token in answer.tokens:
        yield (
            Part.TOKEN,
            {"type": "content_block_delta", **at, "delta": {"type": kind, name: token}},
        )
    if answer.finish is not Finish.MISSING:
        yield Part.CLOSING, {"type": "content_block_stop", **at}
        delta = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
        usage = {"output_tokens": len(answer.tokens)}
        yield Part.FINISH, {"type": "message_delta", "delta": delta, "usage": usage}
    yield Part.TERMINAL, {"type": "message_stop"}


def _message(answer: ModelAnswer) -> dict[str, object]:
    return {
        "id": f"msg_{answer.nonce}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": 0},
    }


def _block(answer: ModelAnswer) -> dict[str, object]:
    if answer.tool:
        return {"type": "tool_use", "id": f"toolu_{answer.nonce}", "name": TOOL, "input": {}}
    return {"type": "text", "text": ""}


def _stop_reason(answer: ModelAnswer) -> str:
    if answer.finish is Finish.LENGTH:
        return "max_tokens"
    return "tool_use" if answer.tool else "end_turn"


def _error(problem: ApiError) -> str:
    error = {"type": problem.type, "message": problem.message}
    return compact({"type": "error", "error": error})
