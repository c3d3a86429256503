"""Responses of routes, and their encoding."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import ClassVar, Protocol

from hamms_trio.net.accepted import GivenAnswer, Handover
from hamms_trio.wire import Field, field_lines, reason_phrase, status_line
from hamms_trio.wire.fields.negotiation import best_match
from hamms_trio.wire.grammar import FIELD_NAME
from hamms_trio.wire.status import has_no_body

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?")
# The server frames the message and ends the connection, so these fields are the server's.
_RESERVED = frozenset(
    ("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade", "x-request-id")
)


class BodyFile(Protocol):
    """An open file for a response body."""

    def fileno(self) -> int: ...
    def close(self) -> None: ...


class FileBody:
    """Octets and ranges of one open file, in sending order.

    The server closes the file once the response was sent or has failed.
    """

    __slots__ = ("file", "octets", "pieces")

    def __init__(self, file: BodyFile, *pieces: bytes | range) -> None:
        self.file = file
        self.pieces = pieces
        self.octets = sum(map(len, pieces))

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class BodyBroken(Exception):
    """A body can't be completed, through no fault of its route.

    Args:
        needs_reset: True to reset the connection, as the body's source has done with its own.
    """

    def __init__(self, reason: str, *, needs_reset: bool = False) -> None:
        super().__init__(reason)
        self.needs_reset = needs_reset


class SizedBody(ABC):
    """Octets that arrive while they are sent, and whose number is known: they leave with Content-Length.

    Attributes:
        octets: the number of octets. A body that ends earlier ends the connection.
    """

    octets: int

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the octets; raise `BodyBroken` if they end too early."""

    @abstractmethod
    async def aclose(self) -> None:
        """Release everything that the body holds, even if no octet was read."""


ResponseBody = bytes | FileBody | SizedBody | AsyncIterable[bytes]


class Response:
    """A status, fields and a body; immutable, so that one response may answer many requests.

    Content-Type is text/plain unless ``fields`` set it; the server adds Date, Server, X-Request-ID and the fields
    that frame the message. A body that is an async iterator is sent piece by piece, each piece as a chunk, and
    closed at its end.

    Args:
        close: True to end the connection with this response.
        typed: False to send no Content-Type unless ``fields`` have one.

    Raises:
        ValueError: the status is not a final one, or a field is malformed or reserved for the server.
    """

    is_ours: ClassVar[bool] = True  # False if somebody else answers

    __slots__ = (
        "body",
        "close",
        "content",
        "fields",
        "has_origin",
        "lines",
        "plain",
        "preamble",
        "status",
        "typed",
    )

    def __init__(
        self,
        status: int = 200,
        body: ResponseBody = b"",
        fields: tuple[Field, ...] = (),
        *,
        close: bool = False,
        typed: bool = True,
    ) -> None:
        self.status = status
        self.fields = fields
        self.close = close
        self.typed = typed
        self.lines, bodiless, self.has_origin = _head_lines(status, fields, typed)
        if bodiless:
            body = b""
        self.body = body
        self.content = body if isinstance(body, bytes) else b""
        if isinstance(body, bytes):
            self.preamble = self._preamble(len(body), bodiless=bodiless)
            # True if a usual request needs no more than `preamble` and `content`.
            self.plain = not close and not self.has_origin
        else:
            self.plain = False
            # The framing of a body of unknown length depends on the request's version.
            self.preamble = b""
            if isinstance(body, FileBody | SizedBody):
                self.preamble = self._preamble(body.octets, bodiless=False)

    @property
    def sent_fields(self) -> tuple[Field, ...]:
        """The fields with the Content-Type that the server adds."""
        is_typed = not self.typed or any(name.lower() == "content-type" for name, _ in self.fields)
        is_empty = has_no_body(self.status) or self.status == 205
        return self.fields if is_typed or is_empty else (*self.fields, ("Content-Type", TEXT))

    def _preamble(self, octets: int, *, bodiless: bool) -> bytes:
        if bodiless and self.status != 205:
            return self.lines + b"X-Request-ID: "
        return b"%bContent-Length: %d\r\nX-Request-ID: " % (self.lines, octets)

    def preamble_for(self, minor_version: int) -> bytes:
        """Return the head up to the value of X-Request-ID, framed for this minor version."""
        if self.preamble:
            return self.preamble
        framing = b"Transfer-Encoding: chunked\r\n" if minor_version else b""
        return self.lines + framing + b"X-Request-ID: "


class GivenAway(Response):
    """A placeholder for a response: another owner takes the connection, and answers the request.

    The octets of the handover begin with the request, whose chunked content is one chunk there; later octets of the
    client follow. The server can take the connection back.

    Attributes:
        take: called with the connection; an exception closes it.
        request_content: the content that the route has read; None if the new owner has to read it.
        instead: the response to a request without a connection, such as a request of the server itself.
        to: the new owner in words, for records.
    """

    is_ours = False

    __slots__ = ("instead", "request_content", "take", "to")

    def __init__(
        self,
        take: Callable[[Handover], None],
        request_content: bytes | None = b"",
        instead: Response | None = None,
        *,
        to: str = "",
    ) -> None:
        super().__init__()
        self.to = to
        self.status = 0  # until the new owner reports what it has sent
        self.plain = False
        self.take = take
        self.request_content = request_content
        self.instead = instead or error(502, "no_connection", "Bad Gateway: nobody can answer here")

    def hand_over(self, given: Handover) -> None:
        """Hand the connection over, and close it if the new owner can't take it."""
        try:
            self.take(given)
        except BaseException:  # raised again; even an interrupt leaves no socket open
            given.sock.close()
            if given.on_answered is not None:
                given.on_answered(GivenAnswer(None, 0))
            given.on_end()
            raise


class ErrorDocument(Response):
    """A refusal as JSON, with a code for programs and a message for people.

    Attributes:
        as_text: the same refusal for people alone.
    """

    __slots__ = ("as_text",)

    def __init__(
        self,
        status: int,
        content: Mapping[str, object],
        message: str,
        fields: tuple[Field, ...],
        *,
        close: bool,
    ) -> None:
        octets = json.dumps({"error": content}, sort_keys=True).encode()
        super().__init__(status, octets, (("Content-Type", JSON), *fields), close=close)
        self.as_text = Response(status, message.encode(), fields, close=close)


def text(content: str, status: int = 200, *fields: Field) -> Response:
    """Return a response of plain text."""
    return Response(status, content.encode(), fields)


def prefers_json(accept: str | None) -> bool:
    """Return True if a client wants an error as JSON rather than as text."""
    return best_match(accept, ("text/plain", JSON)) == JSON


def json_response(content: object, status: int = 200, *fields: Field) -> Response:
    """Return a JSON document as a response, in ASCII with sorted keys."""
    octets = json.dumps(content, sort_keys=True, allow_nan=False).encode()
    return Response(status, octets, (("Content-Type", JSON), *fields))


def error(
    status: int, code: str, message: str, *fields: Field, close: bool = False, **more: object
) -> Response:
    """Return an error document, with a code for programs and a message for people."""
    content = {"code": code, "message": message, **more}
    return ErrorDocument(status, content, message, fields, close=close)


def explain(status: int, problem: str, *fields: Field) -> Response:
    """Return the error document of a status; its code is the reason phrase, which also begins the message."""
    phrase = reason_phrase(status)
    return error(status, phrase.lower().replace(" ", "_"), f"{phrase}: {problem}", *fields)


@lru_cache(maxsize=1024)
def _head_lines(status: int, fields: tuple[Field, ...], typed: bool) -> tuple[bytes, bool, bool]:
    """Return the status line and field lines, if a body never follows them, and if they have Date or Server."""
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not the status of a final response")
    check_fields(fields)
    names = {name.lower() for name, _ in fields}
    bodiless = has_no_body(status) or status == 205
    default = () if bodiless or not typed or "content-type" in names else (("Content-Type", TEXT),)
    lines = status_line(status) + field_lines(fields + default)
    return lines, bodiless, bool(names & {"date", "server"})


def check_fields(fields: tuple[Field, ...]) -> None:
    """Refuse malformed fields, and fields that only the server sends.

    Raises:
        ValueError: a field is malformed, or reserved for the server.
    """
    for name, value in fields:
        if not FIELD_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a field")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{value[:80]!r} can't be the value of {name}")
        if name.lower() in _RESERVED:
            raise ValueError(f"{name} is reserved for the server")
