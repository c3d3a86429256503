"""The answer that a representation gives: the whole, some ranges, or that nothing has changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hamms_trio.wire import Field, reason_phrase
from hamms_trio.wire.fields.conditional import Validators, evaluate, range_applies
from hamms_trio.wire.fields.dates import imf_fixdate
from hamms_trio.wire.fields.ranges import Span, content_range, multipart, requested_spans

# Octets of a file that are read into the answer if they are in memory, so that one piece is sent.
READ_AT_ONCE = 64 * 1024
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)  # Linux only

PLAIN_TEXT = ("Content-Type", "text/plain; charset=utf-8")
NOSNIFF = ("X-Content-Type-Options", "nosniff")
_ACCEPT_RANGES = ("Accept-Ranges", "bytes")


class Slice(NamedTuple):
    """Octets of an open file, for ``os.sendfile``; the file may be shorter when they are sent."""

    descriptor: int
    offset: int
    octets: int


BodyPart = bytes | Slice


class FileAnswer:
    """A response without the fields of the connection. The receiver closes it, sent or not.

    Attributes:
        fields: all fields but Content-Length.
        content_length: value of that field, for HEAD too; None if the field is left out (304).
        parts: the content; empty for HEAD.
        rendered: the response that a sender has made, if the answer is for many requests and has no open file.
    """

    __slots__ = ("_descriptor", "content_length", "fields", "parts", "rendered", "status")

    def __init__(
        self,
        status: int,
        fields: tuple[Field, ...],
        parts: Sequence[BodyPart] = (),
        *,
        content_length: int | None,
        descriptor: int | None = None,
    ) -> None:
        self.status = status
        self.fields = fields
        self.parts = parts
        self.content_length = content_length
        self._descriptor = descriptor  # of the file that the slices belong to
        self.rendered: object = None

    def fileno(self) -> int:
        """Return the descriptor of the file that the slices belong to."""
        if self._descriptor is None:
            raise ValueError("this answer has no open file")
        return self._descriptor

    def close(self) -> None:
        """Close the open file, if there is one. Closing twice does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {self.content_length} octets>"


def answer_octets(
    method: str, status: int, fields: tuple[Field, ...], content: bytes
) -> FileAnswer:
    """Make an answer whose content is in memory."""
    parts = [content] if content and method != "HEAD" else []
    return FileAnswer(status, fields, parts, content_length=len(content))


def answer_plainly(method: str, status: int, *fields: Field) -> FileAnswer:
    """Make an answer whose content is its reason phrase, as most errors and redirects do."""
    content = reason_phrase(status).encode()
    return answer_octets(method, status, (PLAIN_TEXT, NOSNIFF, *fields), content)


@dataclass(frozen=True, kw_only=True)
class Representation:
    """The present state of a resource (RFC 9110 §3.2), without its octets."""

    octets: int
    content_type: str
    validators: Validators
    fields: tuple[Field, ...] = ()  # further representation metadata
    vary: str | None = None

    @cached_property
    def about(self) -> tuple[Field, ...]:
        """The fields of an answer with the whole representation."""
        return _about(self, self.content_type)


Source = bytes | int  # all octets of a representation, or the descriptor of a regular file


def represent(
    method: str, fields: Mapping[str, str], shown: Representation, source: Source, *, now: float
) -> FileAnswer:
    """Answer GET or HEAD with a representation. The answer takes the open file over.

    Args:
        method: the request's method.
        fields: the request's Range and the fields in `CONDITIONAL_FIELDS`.
        shown: the representation.
        source: its octets.
        now: seconds since 1970.
    """
    parts: Sequence[BodyPart] = ()
    try:
        status, described, pieces = _decide(method, fields, shown, now)
        octets = sum(map(_octets, pieces))
        if method != "HEAD":
            parts = _read(source, pieces, octets)
    finally:
        descriptor = source if isinstance(source, int) else None
        if descriptor is not None and Slice not in map(type, parts):
            os.close(descriptor)
            descriptor = None
    length = None if status == 304 else octets
    return FileAnswer(status, described, parts, content_length=length, descriptor=descriptor)


_Piece = bytes | Span
_Decision = tuple[int, tuple[Field, ...], list[_Piece]]


def _decide(method: str, fields: Mapping[str, str], shown: Representation, now: float) -> _Decision:
    if not fields:
        return _whole(shown)
    instead = evaluate(method, fields, shown.validators, now=now)
    if instead == 304:  # only the fields that a cache needs (RFC 9110 §15.4.5)
        return 304, (*_etag(shown), *_vary(shown)), []
    if instead is not None:
        return instead, (PLAIN_TEXT, NOSNIFF, *_vary(shown)), [reason_phrase(instead).encode()]
    # A range is defined for GET alone (RFC 9110 §14.2), so HEAD describes the whole.
    if method != "GET" or not range_applies(fields, shown.validators, now=now):
        return _whole(shown)
    spans = requested_spans(fields.get("range", ""), shown.octets)
    return _whole(shown) if spans is None else _partial(shown, spans)


def _whole(shown: Representation) -> _Decision:
    pieces: list[_Piece] = [Span(0, shown.octets - 1)] if shown.octets else []
    return 200, shown.about, pieces


def _partial(shown: Representation, spans: tuple[Span, ...]) -> _Decision:
    if not spans:
        length = ("Content-Range", content_range(None, shown.octets))
        described = (PLAIN_TEXT, NOSNIFF, length, _ACCEPT_RANGES, *_vary(shown))
        return 416, described, [reason_phrase(416).encode()]
    if len(spans) == 1:
        place = ("Content-Range", content_range(spans[0], shown.octets))
        return 206, (*shown.about, place), list(spans)
    boundary = os.urandom(16).hex()  # the author of the file can't have guessed it
    pieces = list(multipart(spans, shown.octets, shown.content_type, boundary))
    return 206, _about(shown, f"multipart/byteranges; boundary={boundary}"), pieces


def _about(shown: Representation, content_type: str) -> tuple[Field, ...]:
    modified = shown.validators.last_modified
    dated = () if modified is None else (("Last-Modified", imf_fixdate(modified)),)
    described = (("Content-Type", content_type), *shown.fields, NOSNIFF, _ACCEPT_RANGES)
    return (*described, *_etag(shown), *dated, *_vary(shown))


def _etag(shown: Representation) -> tuple[Field, ...]:
    etag = shown.validators.etag
    return () if etag is None else (("ETag", etag),)


def _vary(shown: Representation) -> tuple[Field, ...]:
    return () if shown.vary is None else (("Vary", shown.vary),)


def _octets(piece: _Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.octets


def _read(source: Source, pieces: list[_Piece], octets: int) -> list[BodyPart]:
    """Replace spans by their octets, where those are few and in memory."""
    if octets > READ_AT_ONCE and isinstance(source, int):
        return [piece if isinstance(piece, bytes) else _slice(source, piece) for piece in pieces]
    parts = [piece if isinstance(piece, bytes) else _octets_of(source, piece) for piece in pieces]
    if Slice in map(type, parts):
        return parts
    whole = b"".join(part for part in parts if isinstance(part, bytes))
    return [whole] if whole else []


def _slice(descriptor: int, span: Span) -> Slice:
    return Slice(descriptor, span.first, span.octets)


def _octets_of(source: Source, span: Span) -> BodyPart:
    if isinstance(source, bytes):
        return source[span.first : span.last + 1]
    octets = read_if_in_memory(source, span.first, span.octets)
    return _slice(source, span) if len(octets) < span.octets else octets


def read_if_in_memory(descriptor: int, offset: int, octets: int) -> bytes:
    """Read as much of a file as is in memory; where the system can't tell, wait for the disk."""
    buffer = bytearray(octets)
    try:
        read = os.preadv(descriptor, [buffer], offset, _NOWAIT)
    except OSError:  # not in memory, or the file system can't tell: the sender reads the file
        return b""
    return bytes(buffer if read == octets else buffer[:read])
