"""Resets under the monkey patches of green-thread libraries, which take select.poll away."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import pytest

from netsplode import reset_connection
from tests.netsplode import alone
from tests.netsplode.scenes import connected, on_linux

pytestmark = [on_linux, pytest.mark.privileged]

TECHNIQUES = ["abort", "rst", "destroy", "keepalive", "close", "scapy"]


def reset_under_eventlet(by_address: bool, *techniques: str) -> list[list[str]]:
    # eventlet's resolver imports trio where dnspython, httpcore2 and h2 are installed together
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"
    with warnings.catch_warnings(action="ignore"):  # eventlet says that it is deprecated
        import eventlet

        eventlet.monkey_patch()
    return [reset_by(technique, by_address) for technique in techniques]


def reset_without_poll(*techniques: str) -> list[list[str]]:
    import select

    del select.poll, select.epoll
    return [reset_by(technique, False) for technique in techniques]


def reset_by(technique: str, by_address: bool) -> list[str]:
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset_connection(*(pair if by_address else (ends.client,)), technique=technique)
        return [result.technique, result.ends["remote"]]


def outcomes_of(scene: Callable[..., list[list[str]]], *arguments: object) -> list[list[str]]:
    try:
        return alone.call(scene, *arguments, network=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))


def test_every_technique_works_under_eventlet() -> None:
    outcomes = outcomes_of(reset_under_eventlet, False, *TECHNIQUES)
    assert outcomes == [[technique, "reset"] for technique in TECHNIQUES]


def test_an_address_works_under_eventlet() -> None:
    assert outcomes_of(reset_under_eventlet, True, "abort") == [["abort", "reset"]]


def test_injection_works_without_poll() -> None:
    outcomes = outcomes_of(reset_without_poll, "rst", "keepalive")
    assert outcomes == [["rst", "reset"], ["keepalive", "reset"]]
