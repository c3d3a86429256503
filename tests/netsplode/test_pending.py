"""Resets that are under way while their caller goes on: `blocking=False` and `PendingReset`."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from netsplode import (
    ConnectionNotFound,
    ResetTimeout,
    UnsupportedConnection,
    reset_connection,
)
from tests.netsplode import alone
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    assert_open,
    assert_reset,
    connected,
    on_linux,
)

pytestmark = on_linux


def test_it_returns_at_once_and_the_reset_comes(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False)
    assert pending.result(SAFETY_NET).is_confirmed
    assert pending.wait(0)
    assert_reset(ends.server)


def test_addresses_can_be_waited_for_too(ends: Ends) -> None:
    pair = ends.client.getsockname(), ends.server.getsockname()
    assert reset_connection(*pair, blocking=False).result(SAFETY_NET).is_confirmed


def test_a_delay_passes_before_anything_is_done(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False, delay=SAFETY_NET)
    assert not pending.wait(0)
    with pytest.raises(ResetTimeout, match="under way"):
        pending.result(0)
    assert_open(ends)
    assert pending.cancel()
    assert_open(ends)


def test_what_was_cancelled_in_time_says_so(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False, delay=SAFETY_NET)
    assert pending.cancel()
    assert pending.cancel()  # twice is no error
    assert pending.wait(0)
    with pytest.raises(CancelledError):
        pending.result()


def test_what_is_done_cannot_be_cancelled(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False)
    assert pending.wait(SAFETY_NET)
    assert not pending.cancel()
    assert pending.result().is_confirmed


def test_bad_input_is_told_to_the_caller_and_not_to_the_thread() -> None:
    with pytest.raises(UnsupportedConnection):
        reset_connection(object(), blocking=False)
    with pytest.raises(UnsupportedConnection):
        reset_connection(("127.0.0.1", 0), blocking=False)


def test_what_goes_wrong_later_is_raised_each_time_the_result_is_asked_for() -> None:
    missing = reset_connection(("192.0.2.1", 1), ("192.0.2.2", 2), blocking=False)
    assert missing.wait(SAFETY_NET)
    for _ in range(2):
        with pytest.raises(ConnectionNotFound):
            missing.result()


def test_many_may_be_under_way_at_once() -> None:
    before = threading.active_count()
    with connected() as one, connected() as other:
        pending = [
            reset_connection(ends.client, blocking=False, delay=0.01) for ends in (one, other)
        ]
        assert [reset.result(SAFETY_NET).is_confirmed for reset in pending] == [True, True]
    assert threading.active_count() == before


LEFT_PENDING = """
import socket, sys
import netsplode
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server = listener.accept()[0]
pending = netsplode.reset_connection(client, blocking=False, delay=3600.0)
still = server.dup()
closing = netsplode.reset_connection(server, blocking=False, technique="close", timeout=3600.0)
print("left pending", pending.wait(0), closing.wait(0))
"""


def test_what_is_left_pending_does_not_keep_the_interpreter() -> None:
    done = alone.interpret("-W", "ignore", "-c", LEFT_PENDING)  # which closes nothing itself
    assert (done.stdout, done.stderr) == ("left pending False False\n", "")
