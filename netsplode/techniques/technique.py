"""What a way to reset a connection has to say and do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from netsplode.errors import NetsplodeError
from netsplode.result import End
from netsplode.targets import Target
from netsplode.watch import Watch

if TYPE_CHECKING:
    from netsplode.inject import Injection

T = TypeVar("T")
Ends = dict[str, End]  # of "local" and "remote"
# Seconds to wait; what to do where it blocks nobody; or an injection that has to wait.
Step: TypeAlias = "float | Callable[[], object] | Injection"
# Yields what it waits for, so that threads, trio and asyncio each wait in their own way.
Steps = Generator[Step, Any, T]


class Unproved(Exception):
    """All was done, and yet the local end seems to stand; ``ends`` is what is known."""

    def __init__(self, reason: str, ends: Ends) -> None:
        super().__init__(reason)
        self.ends = ends


class Technique(Protocol):
    """One way to reset a connection."""

    name: str

    def obstacle(self, target: Target) -> str | None:
        """Why it can't be tried on this connection, or None."""

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        """Reset it within so many seconds, and tell what is known of its ends.

        Raises:
            MissingCapability: this process may not.
            ConnectionNotFound: it has gone meanwhile.
            Unproved: it was done, and the local end seems to stand.
            OSError: the system refused.
        """


def out_of_loop(work: Callable[[], T]) -> Steps[T]:
    """Have ``work`` done where it blocks no loop; what it raises is raised here."""

    def tried() -> T | NetsplodeError | OSError:
        try:
            return work()
        except (NetsplodeError, OSError) as error:
            return error

    came = yield tried
    if isinstance(came, NetsplodeError | OSError):
        raise came
    done: T = came
    return done


def obstacle_elsewhere(target: Target) -> str | None:
    """Why nothing that acts by addresses may be tried: here they are another connection's, or nobody's."""
    return "the socket is in another network namespace" if target.is_elsewhere else None


def ends(local: End, remote: End = End.UNCONFIRMED) -> Ends:
    return {"local": local, "remote": remote}
