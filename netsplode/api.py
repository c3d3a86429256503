"""`reset_connection`, for code that may wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from netsplode import resetting
from netsplode.connections import AddressLike
from netsplode.resetting import TechniqueName, Verify
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
    verify: Verify = "auto",
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
    verify: Verify = "auto",
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
    verify: Verify = "auto",
    forwarded: bool = False,
    use_abortive_close: bool | None = None,
    fallback_to_abortive_close_after: float | None = None,
) -> ResetResult | PendingReset:
    """Reset a TCP connection: its peer sees RST, whoever holds it here sees the same or a close.

    Args:
        target: a socket, descriptor, asyncio or trio or anyio stream, an object that wraps one of these,
            what `find_connections` has found, or an address: ``("127.0.0.1", 5432)`` or ``"127.0.0.1:5432"``.
        remote: with an address, the other end's; needed when several connections match.
        blocking: False returns at once, with a `PendingReset` to wait for.
        delay: seconds to wait before.
        technique: "auto" takes the best that applies, and falls through; or one of "abort", "rst", "destroy",
            "keepalive", "close" and "scapy", or several in the order to try (see docs/resetting.md).
        timeout: seconds to wait until both ends are seen to be down.
        verify: "auto" looks at the other end if this host has it, or else probes it if this process may;
            True insists on proof; False doesn't look.
        forwarded: take a connection, given by both addresses, that this host does not end but forwards.
        use_abortive_close: instead of ``technique``: True closes abortively, False only injects.
        fallback_to_abortive_close_after: instead of ``technique``: inject for so many seconds, then close.

    Raises:
        UnsupportedConnection: there is no TCP connection in ``target``.
        ConnectionNotFound, AmbiguousConnection: none matches, or several.
        MissingCapability, TechniqueUnavailable: it can't be done here; the message says what would help.
        ResetTimeout: an end was not seen to be down in time; ``result`` says which.
        ValueError: there is no such technique, or a time is negative.
        OSError: EMFILE, this process has no descriptor left to look with.
    """
    if use_abortive_close is None and fallback_to_abortive_close_after is None:
        plan = resetting.planned(technique)
    elif technique == "auto":
        plan = resetting.planned_as_formerly(use_abortive_close, fallback_to_abortive_close_after)
    else:
        raise TypeError("technique already says what use_abortive_close and the fallback would")
    steps = resetting.begin(
        target,
        remote,
        delay=delay or 0.0,
        plan=plan,
        timeout=timeout,
        verify=verify,
        forwarded=forwarded,
        may_wait_for_loop=not (blocking and resetting.in_running_loop()),
    )
    if blocking:
        return resetting.run(steps)
    from netsplode.pending import PendingReset

    return PendingReset(steps)
