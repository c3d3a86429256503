"""`reset_connection` for code that may block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, overload

from netsplode import resetting
from netsplode.connections import AddressLike
from netsplode.order import Order, VerifyLike
from netsplode.plan import TechniqueName, plan_from_legacy_arguments
from netsplode.result import ResetResult

if TYPE_CHECKING:
    from netsplode.pending import PendingReset


@overload
def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    blocking: Literal[True] = True,
    delay: float | None = 0.0,
    technique: TechniqueName = "auto",
    timeout: float = 5.0,
    verify: VerifyLike = "auto",
    forwarded: bool = False,
    use_abortive_close: bool | None = None,
    fallback_to_abortive_close_after: float | None = None,
) -> ResetResult: ...
@overload
def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    blocking: Literal[False],
    delay: float | None = 0.0,
    technique: TechniqueName = "auto",
    timeout: float = 5.0,
    verify: VerifyLike = "auto",
    forwarded: bool = False,
    use_abortive_close: bool | None = None,
    fallback_to_abortive_close_after: float | None = None,
) -> PendingReset: ...
def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    blocking: bool = True,
    delay: float | None = 0.0,
    technique: TechniqueName = "auto",
    timeout: float = 5.0,
    verify: VerifyLike = "auto",
    forwarded: bool = False,
    use_abortive_close: bool | None = None,
    fallback_to_abortive_close_after: float | None = None,
) -> ResetResult | PendingReset:
    """Reset a TCP connection, so that its peer sees an RST.

    The program that holds the connection here sees the same, or a closed socket.

    Args:
        target: the object that holds the connection (a socket, descriptor, stream, transport, response,
            reader, file, or an object that wraps one of these), a `Connection` that `find_connections`
            returned, or an address: ``("127.0.0.1", 5432)`` or ``"127.0.0.1:5432"``.
        remote: the address of the other end; needed when several connections match ``target``.
        blocking: False returns at once with a `PendingReset` to wait for.
        delay: seconds to wait before the reset.
        technique: "auto" tries the best that applies, then the next ones; or one or several of "abort",
            "rst", "destroy", "keepalive", "close" and "scapy" (see docs/resetting.md).
        timeout: seconds until both ends must be down.
        verify: "auto" checks the other end if it is on this host, and otherwise probes it if this
            process may; True raises an error without proof; False skips the check.
        forwarded: True allows a connection, given by both addresses, that this host only forwards.
        use_abortive_close: instead of ``technique``: True closes abortively, False only injects.
        fallback_to_abortive_close_after: instead of ``technique``: seconds to inject before an abortive
            close.

    Raises:
        UnsupportedConnection: ``target`` holds no TCP connection.
        ConnectionNotFound: no connection matches, or it has ended.
        AmbiguousConnection: several connections match.
        MissingCapability: this process lacks a capability; the message names the remedy.
        TechniqueUnavailable: no technique works here; the message gives the reason for each.
        ResetTimeout: an end was not seen to be down in time; ``result`` names it.
        ValueError: there is no such technique, or a time is negative.
        OSError: EMFILE, this process has no free descriptor.
    """
    order = Order.of(
        target,
        remote,
        delay=delay,
        technique=technique,
        timeout=timeout,
        verify=verify,
        forwarded=forwarded,
        loop_can_run=not (blocking and resetting.is_in_running_loop()),
    )
    if use_abortive_close is not None or fallback_to_abortive_close_after is not None:
        order = _replan(order, technique, use_abortive_close, fallback_to_abortive_close_after)
    return resetting.run(resetting.begin(order)) if blocking else _begin_apart(order)


def _begin_apart(order: Order) -> PendingReset:
    """Begin a reset that the caller may wait for later."""
    from netsplode.pending import PendingReset

    return PendingReset(resetting.begin(order))


def _replan(
    order: Order, technique: TechniqueName, use_abortive_close: bool | None, seconds: float | None
) -> Order:
    """Follow the arguments of the first netsplode instead of ``technique``."""
    if technique != "auto":
        raise TypeError("give either technique or the arguments of the first netsplode")
    return replace(order, plan=plan_from_legacy_arguments(use_abortive_close, seconds))
