"""Techniques that inject RST segments, which each end takes for the other's (see `netsplode.inject`)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from netsplode.errors import ConnectionNotFound, UnsupportedConnection
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag
from netsplode.kernel.tcp import State
from netsplode.result import End
from netsplode.targets import Target
from netsplode.techniques.abort import borrow, obstacle_to_borrowing
from netsplode.techniques.technique import (
    Ends,
    Steps,
    Unproved,
    in_thread,
    obstacle_in_other_network,
)
from netsplode.watch import REMADE, Watch

if TYPE_CHECKING:
    from netsplode.inject import DriverName, Injected, Injection

DRIVER: DriverName = "linux" if sys.platform == "linux" else "scapy"

_HANDSHAKE = (State.SYN_SENT, State.SYN_RECEIVED)
_BOTH = frozenset(("local", "remote"))
_TALK_AFTER = 1  # seconds of silence, the least that there is (tcp(7))


class Rst:
    """Exact RST segments to both ends, and probes that prove that they worked (CAP_NET_RAW)."""

    def __init__(self, name: str, driver: DriverName) -> None:
        self.name = name
        self._driver = driver

    def obstacle(self, target: Target) -> str | None:
        return obstacle_in_other_network(target) or obstacle_in_handshake(target)

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        watch.look()
        _pin(target)
        injection = yield from _opened(target, watch, seconds, self._driver)
        injected = yield from _converge(injection, watch)
        answered = any(outcome.value == End.RESET for outcome in injected.ends.values())
        if target.is_forwarded and answered and not injected.was_there:
            raise ConnectionNotFound("there is no such connection: neither end knows of it")
        return _ends_of(injected)


class KeepAlive:
    """Keep-alive segments of the connection's own kernel, whose answers give the exact numbers for the RSTs.

    This is for networks that drop probes. It takes a second of silence, and proves nothing about an end
    on another host.
    """

    name = "keepalive"

    def obstacle(self, target: Target) -> str | None:
        return (
            obstacle_to_borrowing(target)
            or obstacle_in_other_network(target)
            or obstacle_in_handshake(target)
        )

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        watch.look()
        if target.sock is None:
            yield from in_thread(partial(borrow, target))
        assert target.sock is not None
        _pin(target)
        injection = yield from _opened(target, watch, seconds, DRIVER, probing=False)
        with _talking(target.sock):
            # Only an answer to a probe could prove that an end on another host is down. That end receives
            # two RSTs: ours, and that of this host's kernel, which no longer has the connection when the
            # answer to a keep-alive segment arrives.
            return _ends_of((yield from _converge(injection, watch, watch.visible)))


def prove(target: Target, watch: Watch, seconds: float) -> Steps[End]:
    """Reset the remote end once more, and probe it until it proves to be down."""
    injection = yield from _opened(target, watch, seconds, DRIVER, which="remote")
    injected = yield from _converge(injection, watch)
    return End(injected.ends["remote"].value)


def _opened(
    target: Target,
    watch: Watch,
    seconds: float,
    driver: DriverName,
    *,
    which: Literal["both", "remote"] = "both",
    probing: bool = True,
) -> Steps[Injection]:
    """Open an injection in the network namespace of the connection."""
    if driver == "scapy":  # importing it takes a third of a second
        yield from in_thread(partial(import_module, "netsplode.inject.scapy_driver"))
    from netsplode.inject import open_injection

    opening = partial(
        open_injection,
        (*target.local, 0, target.interface),
        (*target.remote, 0, target.interface),
        ends=which,
        timeout=seconds,
        driver=driver,
        probing=probing,
        may_send_to=watch.may_send_to,
    )
    try:
        return target.run_in_network(opening)
    except ValueError as error:  # link-local addresses of an unknown link
        raise UnsupportedConnection(str(error)) from error


def _ends_of(injected: Injected) -> Ends:
    found = {end: End(outcome.value) for end, outcome in injected.ends.items()}
    if found["local"] is End.UNCONFIRMED:
        refused = injected.blocked
        firewall = f"; a firewall of this host refused {refused} segments" if refused else ""
        raise Unproved(f"no proof came within {injected.elapsed:.1f} s{firewall}", found)
    return found


def _converge(
    injection: Injection, watch: Watch, awaited: frozenset[str] = _BOTH
) -> Steps[Injected]:
    """Run an injection until the awaited ends are down or its time is over, and close it."""
    with injection:
        injection.step()
        while not injection.done and injection.pending & awaited and not watch.doubt:
            yield injection
            injection.step()
            for end in injection.pending & watch.visible:
                if not watch.stands(end):
                    injection.note_gone(end)
        if injection.result.was_remade:
            watch.doubt = REMADE
        watch.is_remade()
        yield injection.close  # this takes some milliseconds
        return injection.result


def _pin(target: Target) -> None:
    """Check that the addresses are still those of this connection."""
    if target.sock is not None:
        gone = sys.platform == "linux" and tcp.state(target.sock) in (State.CLOSED, State.TIME_WAIT)
    elif target.entry is not None:
        with target.run_in_network(Diag) as diag:
            entry = diag.get(target.local, target.remote, interface=target.interface)
        gone = entry is None or entry.cookie != target.entry.cookie
    else:
        gone = False
    if gone:
        raise ConnectionNotFound("the connection has ended meanwhile")


def obstacle_in_handshake(target: Target) -> str | None:
    """Return why no RST can be exact yet, or None."""
    state = None
    if target.sock is not None and sys.platform == "linux":
        state = tcp.state(target.sock)
    elif target.entry is not None:
        state = target.entry.state
    return "the connection is not established yet" if state in _HANDSHAKE else None


@contextmanager
def _talking(sock: socket.SocketType) -> Iterator[None]:
    """Let the kernel send a keep-alive segment after each second of silence; restore its options."""
    assert sys.platform == "linux"  # see obstacle
    tcp_options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
    options = [(socket.IPPROTO_TCP, option, _TALK_AFTER) for option in tcp_options]
    options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    before = [sock.getsockopt(level, option) for level, option, _ in options]
    try:
        for level, option, value in options:
            sock.setsockopt(level, option, value)
        yield
    finally:
        for (level, option, _), value in zip(options, before, strict=True):
            with suppress(OSError):
                sock.setsockopt(level, option, value)
