"""Inferences about a client's behaviour, from the traces of a few cells."""

from __future__ import annotations

from typing import Any

import pytest

from hamms_trio.check.infer.behaviour import infer
from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.plan.needs import Need


def trace(slug: str, *gaps: float, **more: Any) -> Trace:
    """Return the trace of a client that ended with an error, after pauses between its attempts."""
    known: dict[str, Any] = {
        "ended": True,
        "ok": False,
        "seconds": sum(gaps),
        "last": 0.0,
        "attempts": len(gaps) + 1,
        "again": len(gaps),
        "gaps": gaps,
        "methods": ("GET",) * (len(gaps) + 1),
        "connections": 1,
        "fields": (),
        "timeout": 1.0,
        "octets": 0,
    }
    return Trace(slug=slug, **{**known, **more})


def value_of(topic: str, *traces: Trace) -> str:
    found = infer({each.slug: each for each in traces}, (), frozenset({Need.REDIRECT}))
    return found[topic].value


@pytest.mark.parametrize(
    ("gaps", "law"),
    [
        ((0.01, 0.0, 0.04), "none"),
        ((1.0, 1.1, 1.0), "fixed, 1.03 s"),
        ((1.0, 2.1), "growing"),
        ((1.0, 2.0, 3.0), "linear"),
        ((0.5, 1.0, 2.0), "exponential"),
        ((1.0, 0.2, 0.7), "jittered"),
    ],
)
def test_the_law_of_waits_needs_three_of_them(gaps: tuple[float, ...], law: str) -> None:
    assert value_of("retry.wait", trace("retry-storm", *gaps)) == law


def test_a_gap_between_two_calls_is_no_wait() -> None:
    two_calls = trace("conn-drop-after-request", 0.05, 0.0, again=1)
    assert "retry.wait" not in infer({two_calls.slug: two_calls}, (), frozenset())


def test_a_timeout_is_that_of_the_last_attempt() -> None:
    seen = [trace(slug, 1.0, 1.0, last=1.0) for slug in ("tcp-accept-hang", "pace-first-byte")]
    assert value_of("timeout.read", *seen) == "1.0 s"


def test_a_client_that_still_tries_again_has_a_timeout_at_most() -> None:
    assert value_of("timeout.read", trace("tcp-accept-hang", 2.0, ended=False)) == "at most 2.0 s"
    waits = trace("tcp-accept-hang", ended=False, seconds=4.0)
    assert value_of("timeout.read", waits) == "none within 4.0 s"


def hops(slug: str, number: int, **more: Any) -> Trace:
    return trace(slug, *[0.01] * number, **more)


def test_a_loop_that_is_noticed_at_once_is_no_limit_of_redirects() -> None:
    assert value_of("redirects.limit", hops("redirect-loop", 10)) == "10"
    followed = hops("redirect-count", 5, ok=True)
    assert value_of("redirects.limit", hops("redirect-loop", 1), followed) == "at least 5"
