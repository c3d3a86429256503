"""Reset a TCP connection from outside it, by segments that look like its own."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from typing import Literal

from netsplode.inject.converge import Converger, Outcome as Outcome
from netsplode.inject.driver import Driver, Injected as Injected, Injection as Injection
from netsplode.inject.segment import Endpoint

Address = tuple[str | int, ...]
Ends = Literal["both", "local", "remote"]
DriverName = Literal["linux", "scapy"]


def open_injection(
    local: Address,
    remote: Address,
    *,
    ends: Ends = "both",
    timeout: float = 5.0,
    driver: DriverName = "linux",
    clock: Callable[[], float] = time.monotonic,
    expected: Mapping[str, int] | None = None,
    probing: bool = True,
) -> Injection:
    """An injection to be run, or to be waited for by an event loop; its user closes it.

    Args:
        local: one end, as ``getsockname`` returns it; which one is called local does not matter.
        remote: the other one.
        ends: the ones to reset.
        timeout: seconds after which an end that has given no proof is unconfirmed.
        driver: "scapy" works on more systems, "linux" is faster and needs nothing.
        expected: for "local" or "remote", the sequence number that this end expects next, where that is known
            (TCP_REPAIR tells): its RST goes out at the first step, and needs no probe before.
        probing: whether to send probes. Where they are filtered: no. Then somebody else has to make the connection
            talk, and `Injection.note_gone` that an end is gone, which proves itself only if it still talks.

    Raises:
        MissingCapability: this process may not open raw sockets.
        ValueError: the two are not numeric addresses of one connection, or link-local ones without an interface.
    """
    first, second = Endpoint.of(local), Endpoint.of(remote)
    names = {"local": first, "remote": second}
    if not set(expected or ()) <= set(names):
        raise ValueError(f'the ends are "local" and "remote", not {expected}')
    link_local = _is_link_local(first) or _is_link_local(second)
    scope = _scope(local, remote) if link_local else 0
    make = _driver(driver)  # before the clock starts: importing scapy takes its time
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
    return Injection(converger, opened, local=first, remote=second, clock=clock)


def inject_reset(
    local: Address,
    remote: Address,
    *,
    ends: Ends = "both",
    timeout: float = 5.0,
    driver: DriverName = "linux",
    deliver: Callable[[Injected], None] | None = None,
) -> Injected:
    """Reset the connection between two addresses and wait for the proof; see `open_injection`.

    Args:
        deliver: is called with the result as soon as it is there; closing the sniffer takes another 10 ms.
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
    """Whether each link of a host may have this address for another end."""
    return len(end.address) == 16 and ipaddress.IPv6Address(end.address).is_link_local


def _scope(*addresses: Address) -> int:
    """The index of the interface that one of the addresses names."""
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
