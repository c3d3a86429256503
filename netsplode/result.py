"""What a reset has done, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Address = tuple[str, int]  # host, port


class End(StrEnum):
    """What one end of a connection is known to have come to."""

    RESET = "reset"  # its socket fails with ECONNRESET (after a FIN: an end, then EPIPE)
    ABORTED = "aborted"  # its socket is dead, but fails otherwise (ECONNABORTED; MPTCP: ENOTCONN)
    CLOSED = "closed"  # its descriptor was closed
    UNCONFIRMED = "unconfirmed"  # an RST was sent to it; nothing here can tell whether it came


@dataclass(frozen=True, slots=True)
class Attempt:
    """One technique that was tried or considered, and what came of it."""

    technique: str
    outcome: str


@dataclass(frozen=True, slots=True)
class ResetResult:
    """How a connection was reset, and what each end has seen of it.

    ``ends`` has the keys "local" and "remote"; ``elapsed`` is in seconds, without the delay asked for.
    """

    technique: str
    local: Address
    remote: Address
    ends: dict[str, End]
    elapsed: float
    attempts: tuple[Attempt, ...]

    @property
    def is_confirmed(self) -> bool:
        """Whether both ends are known to be down."""
        return End.UNCONFIRMED not in self.ends.values()


def written(address: Address) -> str:
    """An address as people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
