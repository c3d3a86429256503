"""Preconditions of requests (RFC 9110 §13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from hamms_trio.wire.fields.dates import parse_http_date

# The fields that `evaluate` and `range_applies` read.
CONDITIONAL_FIELDS = frozenset(
    ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")
)

# etagc has no space, and a comma may stand within the quotes (RFC 9110 §8.8.3).
_ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*+"'
_ENTITY_TAGS = re.compile(rf"(?:[ \t]*+(?:{_ENTITY_TAG}[ \t]*+)?(?:,|\Z))*+")
_EACH = re.compile(_ENTITY_TAG)


class Validators(NamedTuple):
    """The validators of a representation (RFC 9110 §8.8)."""

    etag: str | None = None  # as it is sent: quoted, and with W/ if it is weak
    last_modified: int | None = None  # seconds


def evaluate(
    method: str, fields: Mapping[str, str], current: Validators, *, now: float
) -> Literal[304, 412] | None:
    """Return the status by which a precondition ends a request, in the order of RFC 9110 §13.2.2, or None.

    Call this only for a request that would otherwise succeed (RFC 9110 §13.2.1), on a resource that has a
    representation.

    Args:
        method: the request's method.
        fields: values by name in lower case, repeated ones combined.
        current: the validators of the resource.
        now: seconds.
    """
    reads = method in ("GET", "HEAD")
    if (wanted := fields.get("if-match")) is not None:
        if not _any_matches(wanted, current.etag, weakly=False):
            return 412
    elif not _since(fields, "if-unmodified-since", current, now, otherwise=True):
        return 412
    if (known := fields.get("if-none-match")) is not None:
        if _any_matches(known, current.etag, weakly=True):
            return 304 if reads else 412
    elif reads and _since(fields, "if-modified-since", current, now, otherwise=False):
        return 304
    return None


def range_applies(fields: Mapping[str, str], current: Validators, *, now: float) -> bool:
    """Return True if If-Range allows Range, or is absent (RFC 9110 §13.1.5)."""
    validator = fields.get("if-range")
    if validator is None:
        return True
    if _EACH.fullmatch(validator):
        return validator == current.etag and not is_weak(validator)
    date = parse_http_date(validator, now=now)
    # A date is a strong validator only for a client that saw a later Date (RFC 9110 §8.8.2.2), so not within
    # the second of the date.
    return date is not None and date == current.last_modified and now >= date + 1


def is_weak(etag: str) -> bool:
    return etag.startswith("W/")


def _any_matches(field: str, etag: str | None, *, weakly: bool) -> bool:
    """Return True if a list of entity tags, or ``*``, matches the current tag (RFC 9110 §8.8.3.2).

    A malformed list matches nothing.
    """
    if field == "*":
        return True
    if etag is None or not _ENTITY_TAGS.fullmatch(field):
        return False
    tags = _EACH.findall(field)
    if weakly:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags)
    return etag in tags and not is_weak(etag)


def _since(
    fields: Mapping[str, str], name: str, current: Validators, now: float, *, otherwise: bool
) -> bool:
    """Return True if the resource is unmodified since the date in a field; ``otherwise`` without a valid date."""
    field = fields.get(name)
    if field is None or current.last_modified is None:
        return otherwise
    date = parse_http_date(field, now=now)
    return otherwise if date is None else current.last_modified <= date
