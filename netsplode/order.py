"""An order: everything that a caller asks of one reset, checked once and passed on as one value."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from netsplode.connections import AddressLike, check_address, is_address
from netsplode.plan import Plan, TechniqueName, plan_of

VerifyLike = Literal["auto"] | bool
AUTO = plan_of("auto")


class Verify(Enum):
    """How far to go for proof that both ends are down."""

    AUTO = "look at ends on this host, and probe others where this process may"
    REQUIRED = "raise an error if there is no proof"
    LOCAL = "look at ends on this host only"
    NEVER = "do not look"

    @classmethod
    def of(cls, value: VerifyLike) -> Verify:
        """Translate the caller's "auto", True or False.

        Raises:
            ValueError: the value is something else.
        """
        if value is True:
            return cls.REQUIRED
        if value is False:
            return cls.NEVER
        if value == "auto":
            return cls.AUTO
        raise ValueError(f'verify={value!r} has to be "auto", True or False')


@dataclass(frozen=True, slots=True)
class Order:
    """One reset as it was asked for.

    Attributes:
        target: the object, address, `Connection` or `Target` to reset.
        remote: the address of the other end, if the target is an address.
        plan: the techniques to try.
        delay: seconds to wait before the reset.
        timeout: seconds until both ends must be down.
        verify: how far to go for proof.
        forwarded: True if the connection may be one that this host only forwards.
        loop_can_run: True if an asyncio loop that holds the connection can run meanwhile.
    """

    target: object
    remote: AddressLike | None = None
    plan: Plan = AUTO
    delay: float = 0.0
    timeout: float = 5.0
    verify: Verify = Verify.AUTO
    forwarded: bool = False
    loop_can_run: bool = True

    def __post_init__(self) -> None:
        """Check the times and addresses.

        Raises:
            ValueError: a time is negative, or no number.
            UnsupportedConnection: an address is malformed.
            TypeError: ``remote`` came with an object that holds its connection itself.
        """
        if not (self.timeout >= 0 and 0 <= self.delay <= threading.TIMEOUT_MAX):
            raise ValueError(
                f"timeout={self.timeout} and delay={self.delay} have to be seconds, 0 or more"
            )
        if is_address(self.target):
            for end in (self.target, self.remote):
                if end is not None:
                    check_address(end)
        elif self.remote is not None:
            raise TypeError(
                "remote goes with an address, not with an object that holds a connection"
            )

    @classmethod
    def of(
        cls,
        target: object,
        remote: AddressLike | None = None,
        *,
        delay: float | None,
        technique: TechniqueName,
        timeout: float,
        verify: VerifyLike,
        forwarded: bool,
        loop_can_run: bool = True,
    ) -> Order:
        """Make an order of the arguments of `netsplode.reset_connection`.

        Raises:
            ValueError, UnsupportedConnection, TypeError: an argument is wrong.
        """
        return cls(
            target,
            remote,
            plan=plan_of(technique),
            delay=delay or 0.0,
            timeout=timeout,
            verify=Verify.of(verify),
            forwarded=forwarded,
            loop_can_run=loop_can_run,
        )
