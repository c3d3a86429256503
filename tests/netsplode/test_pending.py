"""Resets that run while their caller continues: `blocking=False` and `PendingReset`."""

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


def test_a_nonblocking_reset_returns_at_once_and_completes(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False)
    assert pending.result(SAFETY_NET).is_confirmed
    assert pending.wait(0)
    assert_reset(ends.server)


def test_a_nonblocking_reset_takes_addresses(ends: Ends) -> None:
    pair = ends.client.getsockname(), ends.server.getsockname()
    assert reset_connection(*pair, blocking=False).result(SAFETY_NET).is_confirmed


def test_nothing_happens_before_the_delay_is_over(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False, delay=SAFETY_NET)
    assert not pending.wait(0)
    with pytest.raises(ResetTimeout, match="under way"):
        pending.result(0)
    assert_open(ends)
    assert pending.cancel()
    assert_open(ends)


def test_a_reset_cancelled_in_time_resets_nothing(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False, delay=SAFETY_NET)
    assert pending.cancel()
    assert pending.cancel()  # a second call is no error
    assert pending.wait(0)
    with pytest.raises(CancelledError):
        pending.result()


def test_a_completed_reset_cannot_be_cancelled(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False)
    assert pending.wait(SAFETY_NET)
    assert not pending.cancel()
    assert pending.result().is_confirmed


def test_bad_arguments_raise_in_the_caller() -> None:
    with pytest.raises(UnsupportedConnection):
        reset_connection(object(), blocking=False)
    with pytest.raises(UnsupportedConnection):
        reset_connection(("127.0.0.1", 0), blocking=False)


def test_result_raises_a_later_error_each_time() -> None:
    missing = reset_connection(("192.0.2.1", 1), ("192.0.2.2", 2), blocking=False)
    assert missing.wait(SAFETY_NET)
    for _ in range(2):
        with pytest.raises(ConnectionNotFound):
            missing.result()


def test_many_pending_resets_run_at_once() -> None:
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


def test_a_pending_reset_does_not_delay_the_exit() -> None:
    done = alone.interpret("-W", "ignore", "-c", LEFT_PENDING)  # the program closes nothing itself
    assert (done.stdout, done.stderr) == ("left pending False False\n", "")
