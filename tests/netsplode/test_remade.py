"""Injections into a connection whose four-tuple a later connection takes meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from netsplode import ResetResult, find_connections, reset_connection
from netsplode.inject import Injection
from netsplode.techniques import LINGER_ZERO
from tests.netsplode.scenes import Ends, assert_open, connected, on_linux

pytestmark = [on_linux, pytest.mark.privileged, pytest.mark.usefixtures("private_network")]


class Remaker:
    """A connection that can be closed and opened again between the same addresses."""

    def __init__(self, ends: Ends, stack: ExitStack) -> None:
        self.later: Ends | None = None
        self.ends = ends
        self._stack = stack

    def remake(self) -> None:
        if self.later is not None:
            return
        client, server, listener = self.ends
        source, to = client.getsockname(), listener.getsockname()
        for end in client, server:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            end.close()
        again = self._stack.enter_context(socket.create_connection(to, source_address=source))
        accepted = self._stack.enter_context(listener.accept()[0])
        self.later = Ends(again, accepted, listener)


@pytest.fixture
def remaker() -> Iterator[Remaker]:
    with connected() as ends, ExitStack() as stack:
        yield Remaker(ends, stack)


def reset(remaker: Remaker, technique: str) -> ResetResult:
    client, server, _ = remaker.ends
    (found,) = find_connections(client.getsockname(), server.getsockname())
    return reset_connection(found, technique=technique)


@pytest.mark.parametrize("technique", ["rst", "scapy"])
def test_a_later_connection_is_spared_and_the_result_states_the_doubt(
    remaker: Remaker, technique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = Injection.wait

    def remake_and_wait(injection: Injection) -> None:
        remaker.remake()
        wait(injection)

    monkeypatch.setattr(Injection, "wait", remake_and_wait)
    result = reset(remaker, technique)
    assert "later connection" in result.doubt
    assert not result.is_confirmed
    assert remaker.later is not None
    assert_open(remaker.later)


def test_without_a_later_connection_there_is_no_doubt(remaker: Remaker) -> None:
    result = reset(remaker, "rst")
    assert (result.doubt, result.is_confirmed) == ("", True)
