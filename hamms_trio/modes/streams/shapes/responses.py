"""The shape of the Responses API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from hamms_trio.modes.streams.shapes.shape import (
    CREATED,
    INPUT_TOKENS,
    TOOL,
    ApiError,
    Finish,
    ModelAnswer,
    Objects,
    Part,
    PartEvent,
    Piece,
    Shape,
    compact,
    openai_error,
    openai_rate_fields,
    pieces,
    typed,
)
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent


class Responses(Shape):
    """Numbered events about one output item; the last one holds the whole response."""

    name = "responses"
    delta_type = "response.output_text.delta"

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        return typed(_numbered(_objects(answer)))

    def document(self, answer: ModelAnswer) -> bytes:
        return compact(_response(answer, _status(answer), [_item(answer, "completed")])).encode()

    def error(self, problem: ApiError) -> bytes:
        return compact(openai_error(problem)).encode()

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        events = _numbered(_objects(answer.cut(len(answer.tokens))))
        number = sum(part in (Part.OPENING, Part.TOKEN) for part, _ in events)
        error = {
            "type": "error",
            "sequence_number": number,
            "code": problem.type,
            "message": problem.message,
            "param": None,
        }
        return ServerSentEvent(compact(error), "error").octets()

    def extra(self, answer: ModelAnswer, text: str) -> Piece:
        """Return one more token's event, numbered as if it followed the whole stream."""
        piece = super().extra(answer, text)
        event = json.loads(piece.event.data or "{}")
        event["sequence_number"] = len(pieces(self, answer))
        return replace(piece, octets=ServerSentEvent(compact(event), piece.event.type).octets())

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return openai_rate_fields(limit, remaining, reset)


def _numbered(objects: Objects) -> Objects:
    for number, (part, value) in enumerate(objects):
        yield part, {"type": value["type"], "sequence_number": number, **value}


def _objects(answer: ModelAnswer) -> Objects:
    for word in ("created", "in_progress"):
        response = _response(answer, "in_progress", [])
        yield Part.OPENING, {"type": f"response.{word}", "response": response}
    item = _item(answer.cut(0), "in_progress")
    yield Part.OPENING, {"type": "response.output_item.added", "output_index": 0, "item": item}
    yield from (_call if answer.tool else _text)(answer)
    if answer.finish is not Finish.MISSING:
        item = _item(answer, "completed" if answer.finish is Finish.DONE else "incomplete")
        yield Part.CLOSING, {"type": "response.output_item.done", "output_index": 0, "item": item}
    status = _status(answer)
    response = _response(answer, status, [_item(answer, status)])
    yield Part.TERMINAL, {"type": f"response.{status or 'completed'}", "response": response}


def _text(answer: ModelAnswer) -> Objects:
    at = {"item_id": f"msg_{answer.nonce}", "output_index": 0, "content_index": 0}
    empty, whole = _output_text(""), _output_text(answer.text)
    yield Part.OPENING, {"type": "response.content_part.added", **at, "part": empty}
    for token in answer.tokens:
        delta = {"delta": token, "logprobs": []}
        yield Part.TOKEN, {"type": "response.output_text.delta", **at, **delta}
    if answer.finish is not Finish.MISSING:
        text = {"text": answer.text, "logprobs": []}
        yield Part.CLOSING, {"type": "response.output_text.done", **at, **text}
        yield Part.CLOSING, {"type": "response.content_part.done", **at, "part": whole}


def _call(answer: ModelAnswer) -> Objects:
    at = {"item_id": f"fc_{answer.nonce}", "output_index": 0}
    name = "response.function_call_arguments"
    for token in answer.tokens:
        yield Part.TOKEN, {"type": f"{name}.delta", **at, "delta": token}
    if answer.finish is not Finish.MISSING:
        yield Part.CLOSING, {"type": f"{name}.done", **at, "name": TOOL, "arguments": answer.text}


def _status(answer: ModelAnswer) -> str | None:
    return {Finish.DONE: "completed", Finish.LENGTH: "incomplete"}.get(answer.finish)


def _item(answer: ModelAnswer, status: str | None) -> dict[str, object]:
    if answer.tool:
        return {
            "id": f"fc_{answer.nonce}",
            "type": "function_call",
            "status": status,
            "call_id": f"call_{answer.nonce}",
            "name": TOOL,
            "arguments": answer.text,
        }
    content = [_output_text(answer.text)] if answer.tokens else []
    return {
        "id": f"msg_{answer.nonce}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _output_text(text: str) -> dict[str, object]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _response(
    answer: ModelAnswer, status: str | None, output: list[dict[str, object]]
) -> dict[str, object]:
    cut_short = status == "incomplete"
    return {
        "id": f"resp_{answer.nonce}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut_short else None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": _usage(answer) if output else None,
    }


def _usage(answer: ModelAnswer) -> dict[str, object]:
    count = len(answer.tokens)
    return {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": count,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + count,
    }
