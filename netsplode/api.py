"""`reset_connection`, for code that may wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from netsplode import resetting
from netsplode.connections import AddressLike
from netsplode.resetting import Verify
from netsplode.result import ResetResult

if TYPE_CHECKING:
    from netsplode.pending import PendingReset


@overload
def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    blocking: Literal[True] = True,
    delay: float = 0.0,
    technique: str = "auto",
    timeout: float = 5.0,
    verify: Verify = "auto",
) -> ResetResult: ...
@overload
def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    blocking: Literal[False],
    delay: float = 0.0,
    technique: str = "auto",
    timeout: float = 5.0,
    verify: Verify = "auto",
) -> PendingReset: ...
def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    blocking: bool = True,
    delay: float = 0.0,
    technique: str = "auto",
    timeout: float = 5.0,
    verify: Verify = "auto",
) -> ResetResult | PendingReset:
    """Reset a TCP connection: its peer sees RST, whoever holds it here sees the same or a close.

    Args:
        target: a socket, descriptor, asyncio or trio or anyio stream, an object that wraps one of these,
            or an address: ``("127.0.0.1", 5432)`` or ``"127.0.0.1:5432"``.
        remote: with an address, the other end's; needed when several connections match.
        blocking: False returns at once, with a `PendingReset` to wait for.
        delay: seconds to wait before.
        technique: "auto" tries them in order; see docs/resetting.md for the others.
        timeout: seconds to wait until the other end is seen to be down.
        verify: "auto" looks at the other end if this host has it; True insists; False doesn't look.

    Raises:
        UnsupportedConnection: there is no TCP connection in ``target``.
        ConnectionNotFound, AmbiguousConnection: none matches, or several.
        MissingCapability, TechniqueUnavailable: it can't be done here; the message says what would help.
        ResetTimeout: the other end was not seen to be down in time.
    """
    todo = resetting.steps(target, remote, delay, technique, timeout, verify)
    if blocking:
        return resetting.run(todo)
    from netsplode.pending import PendingReset

    return PendingReset(todo)
