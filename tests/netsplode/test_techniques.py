"""The choice of a technique, the errors that it causes at both ends, and its result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import pytest
import trio

import netsplode.aio
import netsplode.trio
from netsplode import (
    ConnectionNotFound,
    ResetResult,
    ResetTimeout,
    TechniqueUnavailable,
    reset_connection,
)
from netsplode.order import Order, Verify
from netsplode.plan import plan_of
from netsplode.resetting import begin, run
from tests.netsplode import alone
from tests.netsplode.scenes import (
    Ends,
    assert_open,
    assert_reset,
    connected,
    on_linux,
    still_connecting,
)

pytestmark = on_linux


def test_auto_uses_abort_and_lists_its_attempts(ends: Ends) -> None:
    result = reset_connection(ends.client)
    assert result.technique == "abort"
    assert [(a.technique, a.outcome) for a in result.attempts] == [("abort", "done")]
    assert result.elapsed > 0


# The error that the holder of the connection gets from `recv`.
HOLDER_SEES: dict[str, type[OSError]] = {
    "abort": ConnectionResetError,
    "rst": ConnectionResetError,
    "keepalive": ConnectionResetError,
    "destroy": ConnectionAbortedError,
}


@pytest.mark.privileged
@pytest.mark.parametrize("technique", list(HOLDER_SEES))
def test_both_ends_fail_as_the_result_says(private_network: None, technique: str) -> None:
    with connected() as (ours, peer, _):
        result = reset_connection(ours, technique=technique)
        assert result.technique == technique
        assert result.ends["remote"] == "reset"
        assert result.ends["local"] == ("aborted" if technique == "destroy" else "reset")
        assert ours.fileno() >= 0
        with pytest.raises(HOLDER_SEES[technique]):
            ours.recv(1)
        assert ours.recv(1) == b""
        assert_reset(peer)


@pytest.mark.privileged
def test_several_techniques_are_tried_in_their_order(
    private_network: None,
) -> None:
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset_connection(*pair, technique=["close", "destroy", "abort"])
        assert [attempt.technique for attempt in result.attempts] == ["close", "destroy"]
        assert "another process" in result.attempts[0].outcome
        assert_reset(ends.server)


def test_the_error_lists_every_technique_that_did_not_apply(ends: Ends) -> None:
    pair = ends.client.getsockname(), ends.server.getsockname()
    with pytest.raises(TechniqueUnavailable) as raised:
        reset_connection(*pair, technique=["close", "close"])
    assert [attempt.technique for attempt in raised.value.attempts] == ["close", "close"]
    assert str(raised.value).count("another process holds the connection") == 2
    assert_open(ends)


@pytest.mark.parametrize("technique", ["rst", "keepalive"])
def test_injection_is_refused_during_the_handshake(technique: str) -> None:
    with still_connecting() as (connecting, _):
        with pytest.raises(TechniqueUnavailable, match="not established yet"):
            reset_connection(connecting, technique=technique)
        assert reset_connection(connecting, verify=False).technique == "abort"


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_without_verify_the_remote_end_is_unconfirmed(ends: Ends, technique: str) -> None:
    result = reset_connection(ends.client, technique=technique, verify=False)
    assert result.ends["remote"] == "unconfirmed"
    assert not result.is_confirmed
    assert_reset(ends.server)


def test_verify_true_works_when_both_ends_are_here(ends: Ends) -> None:
    assert reset_connection(ends.client, verify=True, timeout=0.5).is_confirmed


# The arguments of the first netsplode.


@pytest.mark.parametrize("blocking", [True, False])
def test_use_abortive_close_still_works(ends: Ends, blocking: bool) -> None:
    if blocking:
        result = reset_connection(ends.client, use_abortive_close=True, delay=None)
    else:
        result = reset_connection(ends.client, use_abortive_close=True, blocking=False).result()
    assert result.technique == "abort"
    assert_reset(ends.server)


@pytest.mark.privileged
def test_use_abortive_close_false_only_injects(
    private_network: None,
) -> None:
    with connected() as ends:
        assert reset_connection(ends.client, use_abortive_close=False).technique == "rst"
        assert_reset(ends.server)
    with connected() as ends:
        result = reset_connection(ends.client, fallback_to_abortive_close_after=5.0)
        assert result.technique == "rst"


@pytest.mark.privileged
def test_the_fallback_closes_after_its_seconds(private_network: None) -> None:
    with connected() as ends:
        result = reset_connection(ends.client, fallback_to_abortive_close_after=0.0)
        assert [a.technique for a in result.attempts] == ["rst", "abort"]
        assert result.is_confirmed
        assert_reset(ends.server)


@pytest.mark.parametrize(
    "legacy", [{"use_abortive_close": True}, {"fallback_to_abortive_close_after": 1.0}]
)
def test_technique_and_legacy_arguments_do_not_mix(ends: Ends, legacy: Any) -> None:
    with pytest.raises(TypeError, match="either technique or"):
        reset_connection(ends.client, technique="close", **legacy)
    assert_open(ends)


# Inside the loops, in a process of its own, because idle threads of trio stay in the first network namespace.


def in_trio(*target: Any, technique: str) -> ResetResult:
    return trio.run(partial(netsplode.trio.reset_connection, *target, technique=technique))


def in_asyncio(*target: Any, technique: str) -> ResetResult:
    return asyncio.run(netsplode.aio.reset_connection(*target, technique=technique))


def play(reset: Callable[..., ResetResult], technique: str, by_address: bool) -> list[str]:
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset(*(pair if by_address else (ends.client,)), technique=technique)
        assert_reset(ends.server)
        return [result.technique, *result.ends.values()]


def play_in_both_loops() -> list[list[str]]:
    return [
        play(reset, technique, by_address)
        for reset in (in_trio, in_asyncio)
        for technique in ("rst", "destroy")
        for by_address in (False, True)
    ]


@pytest.mark.privileged
def test_rst_and_destroy_work_inside_both_loops() -> None:
    try:
        everything = alone.call(play_in_both_loops, network=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))
    rst, destroy = ["rst", "reset", "reset"], ["destroy", "aborted", "reset"]
    assert everything == 2 * [rst, rst, destroy, destroy]


@pytest.mark.privileged
def test_an_infinite_timeout_works(private_network: None) -> None:
    with connected() as ends:
        assert reset_connection(ends.client, technique="keepalive", timeout=inf).is_confirmed
        assert_reset(ends.server)


@pytest.mark.privileged
def test_a_missed_timeout_is_an_error_without_verify_too(
    private_network: None,
) -> None:
    with connected() as ends:
        with pytest.raises(ResetTimeout):
            reset_connection(ends.client, technique="keepalive", timeout=0.0, verify=False)
        assert_open(ends)


@pytest.mark.privileged
def test_close_spares_a_descriptor_that_was_reused(private_network: None, tmp_path: Path) -> None:
    with connected() as ends, open(tmp_path / "theirs", "w") as theirs:
        number = os.dup(ends.client.fileno())
        plan = plan_of(["keepalive", "close"])
        steps = begin(Order(number, plan=plan, timeout=0.2, verify=Verify.NEVER))
        with closing(steps):
            next(steps)  # the technique waits for a segment
            os.dup2(theirs.fileno(), number)
            with pytest.raises((ResetTimeout, ConnectionNotFound)):
                run(steps)
        os.close(number)  # it was open
