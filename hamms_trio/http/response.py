"""What a route answers with, and how that is put into octets."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, Mapping
from functools import lru_cache
from typing import Protocol

from hamms_trio.wire import Field, field_lines, reason_phrase, status_line
from hamms_trio.wire.status import has_no_body

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?")
# How the message ends and whether the connection lasts is for the connection to say.
_OURS = frozenset(
    ("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade", "x-request-id")
)


class OpenFile(Protocol):
    """A file that a response is sent from."""

    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Residence:
    """What bodies that are sent of one file know of it: until when it counts as being in memory."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0


class FileBody:
    """Octets and ranges of one open file, in the order in which they are sent.

    The file is closed when the response was sent, or could not be.
    """

    __slots__ = ("file", "octets", "pieces", "residence")

    def __init__(self, file: OpenFile, *pieces: bytes | range) -> None:
        self.file = file
        self.pieces = pieces
        self.octets = sum(map(len, pieces))
        self.residence = Residence()

    def of_file(self, file: OpenFile) -> FileBody:
        """The same of a file that was opened anew."""
        body = FileBody.__new__(FileBody)
        body.file, body.pieces, body.octets = file, self.pieces, self.octets
        body.residence = self.residence
        return body

    def close(self) -> None:
        self.file.close()


Body = bytes | FileBody | AsyncIterable[bytes]


class Response:
    """A status, fields and a body; immutable, so that one may answer many requests.

    Content-Type is text/plain unless ``fields`` say otherwise; Date, Server, X-Request-ID and all that
    frames the message are added. A body that is an async iterator is sent piece by piece as it comes,
    each as a chunk, and closed at its end.

    Args:
        close: whether the connection ends with this response.

    Raises:
        ValueError: the status is not a final one, or a field is malformed or for the server to send.
    """

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
    )

    def __init__(
        self,
        status: int = 200,
        body: Body = b"",
        fields: tuple[Field, ...] = (),
        *,
        close: bool = False,
    ) -> None:
        self.status = status
        self.fields = fields
        self.close = close
        self.lines, bodiless, self.has_origin = _head_lines(status, fields)
        if bodiless:
            body = b""
        self.body = body
        self.content = body if isinstance(body, bytes) else b""
        if isinstance(body, bytes):
            self.preamble = self._preamble(len(body), bodiless=bodiless)
            # Whether `preamble` and `content` are all that a usual request needs to know.
            self.plain = not close and not self.has_origin
        else:
            self.plain = False
            # Where only the end of a body tells its length, the head depends on the request's version.
            self.preamble = b""
            if isinstance(body, FileBody):
                self.preamble = self._preamble(body.octets, bodiless=False)

    def of_file(self, file: OpenFile) -> Response:
        """The same of a file that was opened anew, of a response that has one."""
        assert isinstance(self.body, FileBody)
        response = Response.__new__(Response)
        response.status = self.status
        response.fields = self.fields
        response.close = self.close
        response.lines = self.lines
        response.has_origin = self.has_origin
        response.body = self.body.of_file(file)
        response.content = b""
        response.preamble = self.preamble
        response.plain = False
        return response

    def _preamble(self, octets: int, *, bodiless: bool) -> bytes:
        if bodiless and self.status != 205:
            return self.lines + b"X-Request-ID: "
        return b"%bContent-Length: %d\r\nX-Request-ID: " % (self.lines, octets)

    def preamble_for(self, minor_version: int) -> bytes:
        """The head up to the value of X-Request-ID, as framed for this minor version."""
        if self.preamble:
            return self.preamble
        framing = b"Transfer-Encoding: chunked\r\n" if minor_version else b""
        return self.lines + framing + b"X-Request-ID: "


def text(content: str, status: int = 200, *fields: Field) -> Response:
    """Plain text."""
    return Response(status, content.encode(), fields)


def json_response(content: object, status: int = 200, *fields: Field) -> Response:
    """A JSON document, its keys sorted, in ASCII."""
    octets = json.dumps(content, sort_keys=True, allow_nan=False).encode()
    return Response(status, octets, (("Content-Type", JSON), *fields))


def error(
    status: int, code: str, message: str, *fields: Field, close: bool = False, **more: object
) -> Response:
    """The error document that every refusal has: a code for programs, a message for people."""
    content: Mapping[str, object] = {"error": {"code": code, "message": message, **more}}
    octets = json.dumps(content, sort_keys=True).encode()
    return Response(status, octets, (("Content-Type", JSON), *fields), close=close)


def explain(status: int, problem: str, *fields: Field) -> Response:
    """The error document of a status: its code is the reason phrase, which the message begins with."""
    phrase = reason_phrase(status)
    return error(status, phrase.lower().replace(" ", "_"), f"{phrase}: {problem}", *fields)


@lru_cache(maxsize=1024)
def _head_lines(status: int, fields: tuple[Field, ...]) -> tuple[bytes, bool, bool]:
    """The status line and field lines; whether no body follows them; whether Date or Server is among them."""
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not the status of a final response")
    check_fields(fields)
    names = {name.lower() for name, _ in fields}
    bodiless = has_no_body(status) or status == 205
    typed = bodiless or "content-type" in names
    default = () if typed else (("Content-Type", TEXT),)
    lines = status_line(status) + field_lines(fields + default)
    return lines, bodiless, bool(names & {"date", "server"})


def check_fields(fields: tuple[Field, ...]) -> None:
    """Refuse what would break a response apart, or contradict what the server says of it.

    Raises:
        ValueError: a field is malformed, or is for the server to send.
    """
    for name, value in fields:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a field")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{value[:80]!r} can't be the value of {name}")
        if name.lower() in _OURS:
            raise ValueError(f"{name} is for the server to send")
