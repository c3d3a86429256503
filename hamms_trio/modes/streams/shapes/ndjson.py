"""The shape of newline-delimited JSON: Ollama's two dialects, and one of our own."""

from __future__ import annotations

from collections.abc import Iterator

from hamms_trio.modes.streams.shapes.shape import (
    ApiError,
    Finish,
    ModelAnswer,
    Part,
    PartEvent,
    Shape,
    compact,
)
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent

BLANK = b"\n"


class NdJson(Shape):
    """One line for each token, then one that says ``"done":true``."""

    name = "ndjson"
    content_type = "application/x-ndjson"
    streams_by_default = True

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        for token in answer.tokens:
            yield Part.TOKEN, ServerSentEvent(compact(_line(answer, token)))
        yield Part.TERMINAL, ServerSentEvent(compact(_line(answer, "", done=True)))

    def write(self, event: ServerSentEvent) -> bytes:
        return f"{event.data or ''}\n".encode()

    def document(self, answer: ModelAnswer) -> bytes:
        return compact(_line(answer, answer.text, done=True)).encode()

    def error(self, problem: ApiError) -> bytes:
        return compact({"error": problem.message}).encode()

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        return self.error(problem) + b"\n"

    def keep_alive(self, kind: str) -> bytes:
        return b'{"type":"ping"}\n' if kind == "ping" else BLANK

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return ()


def _line(answer: ModelAnswer, text: str, *, done: bool = False) -> dict[str, object]:
    line: dict[str, object] = {"model": answer.model, "created_at": "1994-11-06T08:49:37Z"}
    if answer.dialect == "chat":
        line["message"] = {"role": "assistant", "content": text}
    else:
        line["response" if answer.dialect == "generate" else "text"] = text
    line["done"] = done
    if done and answer.finish is not Finish.MISSING:
        line["done_reason"] = "length" if answer.finish is Finish.LENGTH else "stop"
        line["eval_count"] = len(answer.tokens)
    return line
