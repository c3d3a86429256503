"""Parameters that the modes of several families of streams have in common."""

from __future__ import annotations

import re
from typing import Annotated

from hamms_trio.modes.model.parameters import Choice, Range, Value

MOST_TOKENS = 2_000  # are written in some 15 ms, for which all other clients wait
Tokens = Annotated[int, Range("tokens", 1, MOST_TOKENS)]
After = Annotated[int, Range("tokens", 0, MOST_TOKENS)]
At = Annotated[str, Choice("event", "inside", "utf8")]
LlmShape = Annotated[str, Choice("path", "chat", "responses", "messages", "plain", "ndjson")]
SseShape = Annotated[str, Choice("plain", "chat", "responses", "messages")]
KeepAlive = Annotated[str, Choice("comment", "ping", "empty")]
Beat = Annotated[str, Choice("comment", "ping", "none")]
StallAt = Annotated[str, Choice("mid", "head", "first", "inside", "after")]
ErrorStatus = Annotated[int, Range("a status code", 400, 599)]
ErrorType = Annotated[str, Choice("overloaded_error", "rate_limit_error", "server_error")]
ShouldRetry = Annotated[str, Choice("none", "true", "false")]
PerMinute = Annotated[int, Range("requests a minute", 1, 60_000)]


class NumberOr:
    """A number, as it is to be sent, or one of some names: ``Annotated[str, NumberOr("date", "none")]``."""

    _NUMBER = re.compile(r"-?[0-9]{1,12}")

    def __init__(self, *names: str) -> None:
        self.names = names

    def takes(self, kind: type) -> str:
        return f"a whole number, or one of {', '.join(self.names)}"

    def describe(self) -> dict[str, object]:
        return {"choices": list(self.names), "pattern": self._NUMBER.pattern}

    def read(self, text: str, kind: type) -> str:
        if text not in self.names and not self._NUMBER.fullmatch(text):
            raise ValueError
        return text

    def to_label(self, value: Value) -> str:
        return str(value)

    def from_label(self, text: str) -> str:
        return text


RetryAfter = Annotated[str, NumberOr("date", "ms", "garbage", "none")]
