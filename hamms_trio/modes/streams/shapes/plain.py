"""The shape of a plain event stream: numbered texts, and no marker of the end."""

from __future__ import annotations

from collections.abc import Iterator

from hamms_trio.modes.streams.shapes.shape import (
    ApiError,
    ModelAnswer,
    Part,
    PartEvent,
    Shape,
    compact,
    openai_error,
)
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent


class Plain(Shape):
    """One event for each token, whose id counts from 1 and whose data has no space at its end."""

    name = "plain"
    resumes = True

    def events(self, answer: ModelAnswer) -> Iterator[PartEvent]:
        for number, token in enumerate(answer.tokens, 1):
            yield Part.TOKEN, ServerSentEvent(token.rstrip(" "), id=str(number))

    def document(self, answer: ModelAnswer) -> bytes:
        return compact({"text": answer.text}).encode()

    def error(self, problem: ApiError) -> bytes:
        return compact(openai_error(problem)).encode()

    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        return ServerSentEvent(compact(openai_error(problem)), "error").octets()

    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        return ()
