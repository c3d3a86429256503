"""Errors as the APIs report them, by their status, and the fields that tell a client when to come again."""

from __future__ import annotations

import math

from hamms_trio.modes.model.environment import Environment, State
from hamms_trio.modes.streams.shapes import ApiError
from hamms_trio.wire import Field, reason_phrase

SECONDS_AHEAD = 2  # of a Retry-After that is a date

SIGN_IN = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head>"
    b"<body><form><input name=user></form></body></html>"
)

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_MESSAGES = {
    "overloaded_error": "Overloaded: the failure mode says so",
    "rate_limit_error": "Rate limit reached: the failure mode says so",
    "server_error": "The server had an error: the failure mode says so",
}


def problem_of(status: int) -> ApiError:
    """Return the error for a status code."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    phrase = reason_phrase(status) or "Overloaded"
    return ApiError(kind, f"{status} {phrase}: the failure mode says so")


def problem_named(kind: str) -> ApiError:
    """Return the error of a type, as an event of a stream."""
    return ApiError(kind, _MESSAGES[kind], kind)


def retry_fields(
    retry_after: str, should_retry: str, environment: Environment
) -> tuple[Field, ...]:
    """Return the fields for the parameters ``retry_after`` (a number, or a name) and ``should_retry``."""
    should = () if should_retry == "none" else (("x-should-retry", should_retry),)
    if retry_after == "date":
        return (("Retry-After", environment.date(SECONDS_AHEAD)), *should)
    named: dict[str, tuple[Field, ...]] = {
        "none": (),
        "ms": (("retry-after-ms", "500"),),
        "garbage": (("Retry-After", "soon"),),
    }
    return (*named.get(retry_after, (("Retry-After", retry_after),)), *should)


def wait_fields(seconds: float) -> tuple[Field, ...]:
    """Return the fields for a wait, in whole seconds and in milliseconds."""
    return (
        ("Retry-After", str(math.ceil(seconds))),
        ("retry-after-ms", str(math.ceil(seconds * 1000))),
    )


def take(
    buckets: State[tuple[float, float]], key: str, now: float, per_minute: int
) -> tuple[float, float]:
    """Take one request from the bucket of a key, which is refilled evenly.

    Returns:
        The seconds until there is one to take, 0 if there was, and the seconds until the bucket is full.
    """
    full, each = float(per_minute), 60 / per_minute
    quota, at = buckets.get((key, per_minute), (full, now))
    quota = min(full, quota + (now - at) / each)
    wait = max(0.0, (1 - quota) * each)
    quota -= not wait
    buckets[(key, per_minute)] = (quota, now)
    return wait, (full - quota) * each
