"""Ranges of octets (RFC 9110 §14), and the multipart content for several ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_RANGES = 200  # Apache's MaxRanges; more ranges get the whole representation

_SPEC = re.compile(r"([0-9]*+)-([0-9]*+)")
_MAX_DIGITS = 19  # more than any length has; parsing longer numerals would be slow


class Span(NamedTuple):
    """A range of octets, by the positions of the first and the last octet."""

    first: int
    last: int

    @property
    def octets(self) -> int:
        return self.last - self.first + 1


def requested_spans(field: str, length: int) -> tuple[Span, ...] | None:
    """Return the spans that a Range field selects of a representation of ``length`` octets.

    Ranges that overlap or touch become one, so the total never exceeds the representation (RFC 9110 §15.3.7.2,
    §17.15). The spans are in the order of the request.

    Returns:
        None if the field has to be ignored (another unit, bad syntax, too many ranges); an empty tuple if no
        range can be satisfied, which means 416.
    """
    unit, equals, text = field.partition("=")
    if not equals or unit.lower() != "bytes" or text.count(",") >= MAX_RANGES:
        return None
    specs = [spec for member in text.split(",") if (spec := member.strip(" \t"))]
    spans = []
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None or not _is_valid(match[1], match[2]):
            return None
        if span := _satisfied(match[1], match[2], length):
            spans.append(span)
    if not specs or any(not span.octets for span in spans):
        return None
    return _coalesced(spans)


def content_range(span: Span | None, length: int) -> str:
    """Format a Content-Range; without a span, that of a 416 (RFC 9110 §14.4)."""
    return f"bytes {span.first}-{span.last}/{length}" if span else f"bytes */{length}"


def multipart(
    spans: tuple[Span, ...], length: int, content_type: str, boundary: str
) -> Iterator[bytes | Span]:
    """Build multipart/byteranges content, in which spans stand for their octets (RFC 9110 §14.6).

    Args:
        spans: the ranges to send.
        length: octets of the representation.
        content_type: the representation's media type.
        boundary: a string that occurs nowhere in the representation.
    """
    delimiter = f"--{boundary}\r\n"
    for span in spans:
        head = f"Content-Type: {content_type}\r\nContent-Range: {content_range(span, length)}"
        yield f"{delimiter}{head}\r\n\r\n".encode("latin-1")
        yield span
        delimiter = f"\r\n--{boundary}\r\n"
    yield f"\r\n--{boundary}--\r\n".encode("latin-1")


def _is_valid(first: str, last: str) -> bool:
    """Return True if a range-spec is valid, satisfiable or not (RFC 9110 §14.1.1)."""
    if not first:
        return bool(last)
    return not last or _position(last) >= _position(first)


def _satisfied(first: str, last: str, length: int) -> Span | None:
    """Return the span of a valid range-spec, or None if it is unsatisfiable (RFC 9110 §14.1.2)."""
    if not first:
        suffix = min(_position(last), length)
        return Span(length - suffix, length - 1) if _position(last) else None
    if _position(first) >= length:
        return None
    return Span(_position(first), min(_position(last), length - 1) if last else length - 1)


def _position(numeral: str) -> int:
    digits = numeral.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _coalesced(spans: list[Span]) -> tuple[Span, ...]:
    """Merge spans that overlap or touch, at the position of the first in the request."""
    merged: list[tuple[int, Span]] = []
    for span, place in sorted((span, place) for place, span in enumerate(spans)):
        if merged and span.first <= merged[-1][1].last + 1:
            earliest, before = merged.pop()
            merged.append((min(earliest, place), before._replace(last=max(before.last, span.last))))
        else:
            merged.append((place, span))
    return tuple(span for _, span in sorted(merged))
