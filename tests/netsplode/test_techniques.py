"""Which technique is taken, what each one shows the holder of a connection, and what is told of it."""

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


def test_auto_takes_the_best_and_tells_what_it_tried(ends: Ends) -> None:
    result = reset_connection(ends.client)
    assert result.technique == "abort"
    assert [(a.technique, a.outcome) for a in result.attempts] == [("abort", "done")]
    assert result.elapsed > 0


# What the holder of the connection and its peer get from `recv`.
HOLDER_SEES: dict[str, type[OSError]] = {
    "abort": ConnectionResetError,
    "rst": ConnectionResetError,
    "keepalive": ConnectionResetError,
    "destroy": ConnectionAbortedError,
}


@pytest.mark.privileged
@pytest.mark.parametrize("technique", list(HOLDER_SEES))
def test_each_end_sees_what_the_result_says(private_network: None, technique: str) -> None:
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
def test_several_techniques_are_tried_in_the_order_in_which_they_are_named(
    private_network: None,
) -> None:
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset_connection(*pair, technique=["close", "destroy", "abort"])
        assert [attempt.technique for attempt in result.attempts] == ["close", "destroy"]
        assert "another process" in result.attempts[0].outcome
        assert_reset(ends.server)


def test_when_none_applies_the_error_lists_them_all(ends: Ends) -> None:
    pair = ends.client.getsockname(), ends.server.getsockname()
    with pytest.raises(TechniqueUnavailable) as raised:
        reset_connection(*pair, technique=["close", "close"])
    assert [attempt.technique for attempt in raised.value.attempts] == ["close", "close"]
    assert str(raised.value).count("another process holds the connection") == 2
    assert_open(ends)


@pytest.mark.parametrize("technique", ["rst", "keepalive"])
def test_a_handshake_under_way_cannot_be_injected_into(technique: str) -> None:
    with still_connecting() as (connecting, _):
        with pytest.raises(TechniqueUnavailable, match="not established yet"):
            reset_connection(connecting, technique=technique)
        assert reset_connection(connecting, verify=False).technique == "abort"


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_without_verification_nothing_is_claimed_of_the_other_end(
    ends: Ends, technique: str
) -> None:
    result = reset_connection(ends.client, technique=technique, verify=False)
    assert result.ends["remote"] == "unconfirmed"
    assert not result.is_confirmed
    assert_reset(ends.server)


def test_insisting_on_proof_is_no_obstacle_where_the_other_end_is_seen(ends: Ends) -> None:
    assert reset_connection(ends.client, verify=True, timeout=0.5).is_confirmed


# What the first netsplode had.


@pytest.mark.parametrize("blocking", [True, False])
def test_an_abortive_close_can_be_asked_for_as_formerly(ends: Ends, blocking: bool) -> None:
    if blocking:
        result = reset_connection(ends.client, use_abortive_close=True, delay=None)
    else:
        result = reset_connection(ends.client, use_abortive_close=True, blocking=False).result()
    assert result.technique == "abort"
    assert_reset(ends.server)


@pytest.mark.privileged
def test_a_connection_is_only_injected_into_when_that_is_asked_for_as_formerly(
    private_network: None,
) -> None:
    with connected() as ends:
        assert reset_connection(ends.client, use_abortive_close=False).technique == "rst"
        assert_reset(ends.server)
    with connected() as ends:
        result = reset_connection(ends.client, fallback_to_abortive_close_after=5.0)
        assert result.technique == "rst"


@pytest.mark.privileged
def test_what_does_not_converge_in_time_is_closed_as_formerly(private_network: None) -> None:
    with connected() as ends:
        result = reset_connection(ends.client, fallback_to_abortive_close_after=0.0)
        assert [a.technique for a in result.attempts] == ["rst", "abort"]
        assert result.is_confirmed
        assert_reset(ends.server)


@pytest.mark.parametrize(
    "formerly", [{"use_abortive_close": True}, {"fallback_to_abortive_close_after": 1.0}]
)
def test_the_old_and_the_new_way_to_say_it_do_not_mix(ends: Ends, formerly: Any) -> None:
    with pytest.raises(TypeError, match="already says"):
        reset_connection(ends.client, technique="close", **formerly)
    assert_open(ends)


# Within the loops, in a process of its own: threads of trio's that idle are in the network of before.


def in_trio(*target: Any, technique: str) -> ResetResult:
    return trio.run(partial(netsplode.trio.reset_connection, *target, technique=technique))


def in_asyncio(*target: Any, technique: str) -> ResetResult:
    return asyncio.run(netsplode.aio.reset_connection(*target, technique=technique))


def played(reset: Callable[..., ResetResult], technique: str, by_address: bool) -> list[str]:
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset(*(pair if by_address else (ends.client,)), technique=technique)
        assert_reset(ends.server)
        return [result.technique, *result.ends.values()]


def everything_in_loops() -> list[list[str]]:
    return [
        played(reset, technique, by_address)
        for reset in (in_trio, in_asyncio)
        for technique in ("rst", "destroy")
        for by_address in (False, True)
    ]


@pytest.mark.privileged
def test_injections_and_destructions_can_be_awaited() -> None:
    try:
        everything = alone.call(everything_in_loops, network=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))
    rst, destroy = ["rst", "reset", "reset"], ["destroy", "aborted", "reset"]
    assert everything == 2 * [rst, rst, destroy, destroy]


@pytest.mark.privileged
def test_there_is_no_limit_to_the_patience_that_may_be_asked_for(private_network: None) -> None:
    with connected() as ends:
        assert reset_connection(ends.client, technique="keepalive", timeout=inf).is_confirmed
        assert_reset(ends.server)


@pytest.mark.privileged
def test_what_was_not_reset_in_time_is_an_error_without_verification_too(
    private_network: None,
) -> None:
    with connected() as ends:
        with pytest.raises(ResetTimeout):
            reset_connection(ends.client, technique="keepalive", timeout=0.0, verify=False)
        assert_open(ends)


@pytest.mark.privileged
def test_a_descriptor_that_is_another_file_by_now_is_not_closed(
    private_network: None, tmp_path: Path
) -> None:
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
