"""A shape: the way in which one API writes an answer as a stream of events, as one document, and as an error."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import EVENT_STREAM, ServerSentEvent, comment

CREATED = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's own example
TOOL = "look_up"
INPUT_TOKENS = 3

# A nonce that no client gives: answers with it are written once, and then filled with each client's own.
PLACEHOLDER = "~.~hamms.placeholder~.~"

_ARGUMENTS = ('{"text":"', '"}')
_REMEMBERED_ANSWERS = 64


class Finish(Enum):
    """The reason that the stream itself gives for its end."""

    DONE = "all was said"
    LENGTH = "the limit of tokens was reached"
    MISSING = "no reason"


class Part(Enum):
    """The place of an event within its stream."""

    OPENING = "before the first token"
    TOKEN = "one token"
    CLOSING = "after the last token, without the finish reason"
    FINISH = "the finish reason"
    USAGE = "numbers of tokens"
    TERMINAL = "the marker of the end"


@dataclass(frozen=True, slots=True, unsafe_hash=False)
class ModelAnswer:
    """Everything that decides the octets of one healthy answer.

    Attributes:
        tokens: the text, or a tool call's arguments, in pieces; the last one holds the nonce.
        tool: True if the answer calls a tool.
        usage: True if the client asks for numbers of tokens.
        dialect: a word by which a shape may tell variants apart.
    """

    tokens: tuple[str, ...]
    nonce: str
    model: str = "hamms"
    tool: bool = False
    usage: bool = False
    dialect: str = ""
    finish: Finish = Finish.DONE

    @classmethod
    @lru_cache(maxsize=_REMEMBERED_ANSWERS)
    def of(
        cls,
        count: int,
        nonce: str,
        *,
        mark: str = "",
        tool: bool = False,
        usage: bool = False,
        model: str = "hamms",
        dialect: str = "",
    ) -> ModelAnswer:
        """Return an answer of ``count`` tokens: t0, t1 and so on, then the nonce.

        Args:
            mark: stands at the end of each token's word.
        """
        words = [f"t{nth}{mark} " for nth in range(count)]
        words[-1] += nonce
        if tool:
            words[0] = _ARGUMENTS[0] + words[0]
            words[-1] += _ARGUMENTS[1]
        return cls(tuple(words), nonce, model, tool, usage, dialect)

    def __hash__(self) -> int:
        """Hash the members that distinguish most answers, at the same cost for all lengths."""
        return hash((len(self.tokens), self.nonce, self.model, self.tool, self.finish))

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    def cut(self, after: int, finish: Finish = Finish.MISSING) -> ModelAnswer:
        """Return the answer cut after some tokens, with the finish reason ``finish``."""
        return replace(self, tokens=self.tokens[:after], finish=finish)


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a stream as octets.

    Attributes:
        tokens: how many tokens have left once this piece has.
        written: the event's fields; those of a piece that was `filled` still hold the placeholder.
        nonce: stands for the placeholder, if it does.
    """

    octets: bytes
    part: Part
    tokens: int
    written: ServerSentEvent
    nonce: str = PLACEHOLDER

    @property
    def event(self) -> ServerSentEvent:
        """The event's fields."""
        data = self.written.data
        if data is None or self.nonce == PLACEHOLDER:
            return self.written
        return replace(self.written, data=data.replace(PLACEHOLDER, self.nonce))

    def filled(self, nonce: str) -> Piece:
        """Return the event with a nonce in place of the placeholder."""
        octets = self.octets.replace(PLACEHOLDER.encode(), nonce.encode())
        return Piece(octets, self.part, self.tokens, self.written, nonce)


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error as APIs report it: in a body, or as an event of a stream."""

    type: str
    message: str
    code: str | None = None


class Shape(ABC):
    """The way in which one API writes answers.

    Attributes:
        content_type: the media type of a stream.
        delta_type: the field ``event`` of a token's event, if it has one.
        resumes: True if a client may ask for the events after its last one.
        streams_by_default: True if a request gets a stream unless it asks for none.
        counts_octets: True if an event has its own length in it, so that a nonce can't be filled in.
        request_id: the name of the field that names the request.
    """

    name: str
    content_type = EVENT_STREAM
    delta_type: str | None = None
    resumes = False
    streams_by_default = False
    counts_octets = False
    request_id = "x-request-id"

    @abstractmethod
    def events(self, answer: ModelAnswer) -> Iterator[tuple[Part, ServerSentEvent]]:
        """Return the events of a healthy stream, in order."""

    @abstractmethod
    def document(self, answer: ModelAnswer) -> bytes:
        """Return the answer as one JSON document."""

    @abstractmethod
    def error(self, problem: ApiError) -> bytes:
        """Return the body of an error response."""

    @abstractmethod
    def error_event(self, problem: ApiError, answer: ModelAnswer) -> bytes:
        """Return an error as an event; ``answer`` holds the tokens that precede it."""

    @abstractmethod
    def rate_fields(self, limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
        """Return the fields about a rate limit that is full again in ``reset`` seconds."""

    def write(self, event: ServerSentEvent) -> bytes:
        """Return the octets of one event."""
        return event.octets()

    def keep_alive(self, kind: str) -> bytes:
        """Return an event that carries no content: ``comment``, ``ping`` or ``empty``."""
        if kind == "comment":
            return comment("keep-alive")
        if kind == "ping":
            return self.write(ServerSentEvent('{"type":"ping"}', "ping"))
        return self.write(ServerSentEvent(""))

    def extra(self, answer: ModelAnswer, text: str) -> Piece:
        """Return one more token's event, as it would follow those of ``answer``."""
        more = replace(answer, tokens=(*answer.tokens, text), finish=Finish.MISSING)
        return next(p for p in pieces(self, more) if p.tokens == len(more.tokens))


@lru_cache(maxsize=_REMEMBERED_ANSWERS)
def pieces(shape: Shape, answer: ModelAnswer) -> tuple[Piece, ...]:
    """Return the healthy stream of an answer."""
    found, tokens = [], 0
    for part, event in shape.events(answer):
        tokens += part is Part.TOKEN
        found.append(Piece(shape.write(event), part, tokens, event))
    return tuple(found)


def compact(value: object) -> str:
    """Return JSON on one line, with characters unescaped where JSON allows it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def openai_error(problem: ApiError) -> dict[str, object]:
    error = {"message": problem.message, "type": problem.type, "param": None, "code": problem.code}
    return {"error": error}


def openai_rate_fields(limit: int, remaining: int, reset: float) -> tuple[Field, ...]:
    return (
        ("x-ratelimit-limit-requests", str(limit)),
        ("x-ratelimit-remaining-requests", str(remaining)),
        ("x-ratelimit-reset-requests", f"{reset:g}s"),
    )


PartEvent = tuple[Part, ServerSentEvent]
Objects = Iterable[tuple[Part, Mapping[str, object]]]


def typed(objects: Objects) -> Iterator[PartEvent]:
    """Yield JSON objects as events whose field ``event`` equals the object's ``type``."""
    for part, value in objects:
        yield part, ServerSentEvent(compact(value), str(value["type"]))
