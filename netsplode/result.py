"""The result of a reset, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Address = tuple[str, int]  # host, port


class End(StrEnum):
    """The state of one end of a connection after a reset."""

    RESET = "reset"  # its socket fails with ECONNRESET (after a FIN: EOF, then EPIPE)
    ABORTED = "aborted"  # its socket fails with another error (ECONNABORTED; MPTCP: ENOTCONN)
    CLOSED = "closed"  # its descriptor was closed
    UNCONFIRMED = "unconfirmed"  # an RST was sent to it, and nothing proves that it arrived


@dataclass(frozen=True, slots=True)
class Attempt:
    """One technique that was tried or considered, and its outcome."""

    technique: str
    outcome: str


@dataclass(frozen=True, slots=True)
class ResetResult:
    """How a connection was reset, and the state of its ends.

    Attributes:
        technique: the name of the technique that worked.
        local: the end that was acted on. If both ends are on this host, a process holds this one.
        remote: the other end.
        ends: the states of "local" and "remote".
        elapsed: seconds, without the delay.
        attempts: the techniques that were tried or considered.
        doubt: why another connection may have been reset too; empty if none can have been.
    """

    technique: str
    local: Address
    remote: Address
    ends: dict[str, End]
    elapsed: float
    attempts: tuple[Attempt, ...]
    doubt: str = ""

    @property
    def is_confirmed(self) -> bool:
        """True if both ends are known to be down, and no other connection can have been reset."""
        return End.UNCONFIRMED not in self.ends.values() and not self.doubt


def format_address(address: Address) -> str:
    """Write an address as people do."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
