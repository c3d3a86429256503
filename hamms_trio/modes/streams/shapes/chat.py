"""The shape of Chat Completions, which most compatible servers speak."""

from __future__ import annotations

from collections.abc import Iterator

from hamms_trio.modes.streams.shapes.shape import (
    CREATED,
    INPUT_TOKENS,
    TOOL,
    ApiError,
    Finish,
    ModelAnswer,
    Part,
    PartEvent,
    Shape,
    compact,
    openai_error,
    openai_rate_fields,
)
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent


class Chat(Shape):
    """Chunks without a type, then ``[DONE]``."""

    name = "chat"

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        for part, delta in _deltas(answer):
            yield part, _chunk(answer, choices=[_choice(delta)])
        if answer.finish is not Finish.MISSING:
            yield Part.FINISH, _chunk(answer, choices=[_choice({}, _finish_reason(answer))])
        if answer.usage:
            yield Part.USAGE, _chunk(answer, choices=[], usage=_usage(answer))
        yield Part.TERMINAL, ServerSentEvent("[DONE]")

    def document(self, answer: ModelAnswer) -> bytes:
        message: dict[str, object] = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.tool:
            call = {**_call(answer), "function": {"name": TOOL, "arguments": answer.text}}
            message |= {"content": None, "tool_calls": [call]}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": _finish_reason(answer),
        }
        completion = _common(answer, "chat.completion")
        return compact({**completion, "choices": [choice], "usage": _usage(answer)}).encode()

    def error(self, problem: ApiError) -> bytes:
        return compact(openai_error(problem)).encode()

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        return ServerSentEvent(compact(openai_error(problem))).octets()

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return openai_rate_fields(limit, remaining, reset)


def _deltas(answer: ModelAnswer) -> Iterator[tuple[Part, dict[str, object]]]:
    role = {"role": "assistant"}
    if not answer.tool:
        yield Part.OPENING, {**role, "content": ""}
        for token in answer.tokens:
            yield Part.TOKEN, {"content": token}
        return
    call = {"index": 0, **_call(answer), "function": {"name": TOOL, "arguments": ""}}
    yield Part.OPENING, {**role, "content": None, "tool_calls": [call]}
    for token in answer.tokens:
        yield Part.TOKEN, {"tool_calls": [{"index": 0, "function": {"arguments": token}}]}


def _call(answer: ModelAnswer) -> dict[str, object]:
    return {"id": f"call_{answer.nonce}", "type": "function"}


def _chunk(answer: ModelAnswer, **rest: object) -> ServerSentEvent:
    return ServerSentEvent(compact({**_common(answer, "chat.completion.chunk"), **rest}))


def _common(answer: ModelAnswer, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{answer.nonce}",
        "object": kind,
        "created": CREATED,
        "model": answer.model,
    }


def _choice(delta: dict[str, object], finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _finish_reason(answer: ModelAnswer) -> str:
    if answer.finish is Finish.LENGTH:
        return "length"
    return "tool_calls" if answer.tool else "stop"


def _usage(answer: ModelAnswer) -> dict[str, int]:
    count = len(answer.tokens)
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": count,
        "total_tokens": INPUT_TOKENS + count,
    }
