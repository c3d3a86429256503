"""Resets under the monkey patches of green-thread libraries, which take select.poll away."""

from __future__ import annotations

import warnings

import pytest

from netsplode import reset_connection
from tests.netsplode import alone
from tests.netsplode.scenes import connected, on_linux

pytestmark = [on_linux, pytest.mark.privileged]

TECHNIQUES = ["abort", "rst", "destroy", "keepalive", "close", "scapy"]


def reset_under_eventlet(technique: str, by_address: bool) -> list[str]:
    with warnings.catch_warnings(action="ignore"):  # eventlet says that it is deprecated
        import eventlet

        eventlet.monkey_patch()
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset_connection(*(pair if by_address else (ends.client,)), technique=technique)
        return [result.technique, result.ends["remote"]]


def reset_without_poll(technique: str) -> list[str]:
    import select

    del select.poll, select.epoll
    with connected() as ends:
        result = reset_connection(ends.client, technique=technique)
        return [result.technique, result.ends["remote"]]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique_works_under_eventlet(technique: str) -> None:
    try:
        outcome = alone.call(reset_under_eventlet, technique, False, network=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))
    assert outcome == [technique, "reset"]


def test_an_address_works_under_eventlet() -> None:
    try:
        outcome = alone.call(reset_under_eventlet, "abort", True, network=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))
    assert outcome == ["abort", "reset"]


@pytest.mark.parametrize("technique", ["rst", "keepalive"])
def test_injection_works_without_poll(technique: str) -> None:
    try:
        outcome = alone.call(reset_without_poll, technique, network=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))
    assert outcome == [technique, "reset"]
