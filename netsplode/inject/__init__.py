"""Reset a TCP connection from outside, by segments that look like its own."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from typing import Literal

from netsplode.inject.converge import Converger, Outcome as Outcome
from netsplode.inject.driver import Driver, Injected as Injected, Injection as Injection
from netsplode.inject.segment import Endpoint

SocketName = tuple[str | int, ...]
ChosenEnds = Literal["both", "local", "remote"]
DriverName = Literal["linux", "scapy"]


def _always(end: str) -> bool:
    return True


def open_injection(
    local: SocketName,
    remote: SocketName,
    *,
    ends: ChosenEnds = "both",
    timeout: float = 5.0,
    driver: DriverName = "linux",
    clock: Callable[[], float] = time.monotonic,
    expected: Mapping[str, int] | None = None,
    probing: bool = True,
    may_send_to: Callable[[str], bool] = _always,
) -> Injection:
    """Open an injection, to `run` it or to step it from an event loop; the caller closes it.

    Args:
        local: one end, as ``getsockname`` returns it; either end may be called local.
        remote: the other end.
        ends: the ends to reset.
        timeout: seconds after which an end without proof is unconfirmed.
        driver: "scapy" works on more systems; "linux" is faster and needs no package.
        expected: for "local" or "remote", the sequence number that this end expects next, if it is known
            (from TCP_REPAIR, for example). Its RST leaves in the first step, without a probe before it.
        probing: False where probes are filtered. Then the connection has to send segments by itself, and the
            caller has to call `Injection.note_gone` for an end that falls silent.
        clock: a clock in seconds that never goes back.
        may_send_to: called with "local" or "remote" before each segment leaves; False drops the segment.

    Raises:
        MissingCapability: this process may not open raw sockets.
        ValueError: these are not two numeric addresses of one connection, or they are link-local and name no
            interface.
    """
    first, second = Endpoint.of(local), Endpoint.of(remote)
    names = {"local": first, "remote": second}
    if not set(expected or ()) <= set(names):
        raise ValueError(f'the ends are "local" and "remote", not {expected}')
    link_local = _is_link_local(first) or _is_link_local(second)
    scope = _scope(local, remote) if link_local else 0
    # Before the clock starts, since importing scapy takes a third of a second.
    make = _driver(driver)
    converger = Converger(
        first,
        second,
        wanted=names.values() if ends == "both" else [names[ends]],
        now=clock(),
        timeout=timeout,
        expected={names[name]: seq for name, seq in (expected or {}).items()},
        probing=probing,
    )
    opened = make(first, second, scope=scope)
    return Injection(
        converger, opened, local=first, remote=second, clock=clock, may_send_to=may_send_to
    )


def inject_reset(
    local: SocketName,
    remote: SocketName,
    *,
    ends: ChosenEnds = "both",
    timeout: float = 5.0,
    driver: DriverName = "linux",
    deliver: Callable[[Injected], None] | None = None,
) -> Injected:
    """Reset the connection between two addresses and wait for the proof; see `open_injection`.

    Args:
        local: one end.
        remote: the other end.
        ends: the ends to reset.
        timeout: seconds after which an end without proof is unconfirmed.
        driver: "linux" or "scapy".
        deliver: called with the result as soon as it is known; closing the sniffer takes another 10 ms.
    """
    opened = open_injection(local, remote, ends=ends, timeout=timeout, driver=driver)
    with opened as injection:
        result = injection.run()
        if deliver is not None:
            deliver(result)
    return result


def _driver(name: DriverName) -> Callable[..., Driver]:
    if name == "scapy":
        from netsplode.inject.scapy_driver import ScapyDriver

        return ScapyDriver
    from netsplode.inject.linux import LinuxDriver

    return LinuxDriver


def _is_link_local(end: Endpoint) -> bool:
    """Return True if an address names different ends on different links of a host."""
    return len(end.address) == 16 and ipaddress.IPv6Address(end.address).is_link_local


def _scope(*addresses: SocketName) -> int:
    """Return the index of the interface that one of the addresses names."""
    for host, _, *more in addresses:
        zone = str(host).partition("%")[2]
        if zone:
            return int(zone) if zone.isdigit() else _index_of(zone)
        if len(more) == 2 and more[1]:
            return int(more[1])
    raise ValueError(f"{addresses[0][0]} is link-local: name its interface too, as in fe80::1%eth0")


def _index_of(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        raise ValueError(f"there is no interface {interface!r}") from error
