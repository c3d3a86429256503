"""The interface of every technique, and the steps in which it works."""

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
# Seconds to wait; a call that may block, for a thread; or an injection to wait for.
Step: TypeAlias = "float | Callable[[], object] | Injection"
# A generator that yields whatever it waits for: threads, trio and asyncio each wait in their own way.
Steps = Generator[Step, Any, T]


class Unproved(Exception):
    """The technique did its work, and the local end seems to stand; ``ends`` is the state of both."""

    def __init__(self, reason: str, ends: Ends) -> None:
        super().__init__(reason)
        self.ends = ends


class Technique(Protocol):
    """One way to reset a connection."""

    name: str

    def obstacle(self, target: Target) -> str | None:
        """Return why this technique can't be tried on this connection, or None."""

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        """Reset the connection within some seconds, and return the state of its ends.

        Raises:
            MissingCapability: this process lacks a capability.
            ConnectionNotFound: the connection has ended meanwhile.
            Unproved: the technique did its work, and the local end seems to stand.
            OSError: the system refuses.
        """


def in_thread(work: Callable[[], T]) -> Steps[T]:
    """Call ``work`` in a thread if an event loop is running; raise its error here."""

    def attempt() -> T | NetsplodeError | OSError:
        try:
            return work()
        except (NetsplodeError, OSError) as error:
            return error

    answer = yield attempt
    if isinstance(answer, NetsplodeError | OSError):
        raise answer
    returned: T = answer
    return returned


def obstacle_in_other_network(target: Target) -> str | None:
    """Return why no technique may act by addresses, or None.

    In this network namespace the same addresses are those of another connection, or of none.
    """
    return "the socket is in another network namespace" if target.is_in_other_network else None


def ends(local: End, remote: End = End.UNCONFIRMED) -> Ends:
    """Make the states of both ends."""
    return {"local": local, "remote": remote}
