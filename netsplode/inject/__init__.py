"""Reset a TCP connection from outside it, by segments that look like its own."""

from __future__ import annotations

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
        ValueError: the two are not numeric addresses of one connection, or ``expected`` names another end.
    """
    first, second = Endpoint.of(local), Endpoint.of(remote)
    names = {"local": first, "remote": second}
    if not set(expected or ()) <= set(names):
        raise ValueError(f'the ends are "local" and "remote", not {expected}')
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
    opened = make(first, second, scope=_scope(local, remote))
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


def _scope(*addresses: Address) -> int:
    """The interface of a link-local address: the fourth item that ``getsockname`` returns."""
    return next((int(a[3]) for a in addresses if len(a) > 3 and a[3]), 0)
