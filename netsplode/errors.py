"""Everything netsplode raises on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netsplode.connection import Connection
    from netsplode.result import Attempt, ResetResult


class NetsplodeError(Exception):
    """Base class; catch this to catch only ours."""


class UnsupportedConnection(NetsplodeError, TypeError):
    """There is no TCP connection inside this object, or none that can be reset."""


class ConnectionNotFound(NetsplodeError, LookupError):
    """The connection is not there, or not there any more."""


class AmbiguousConnection(NetsplodeError, LookupError):
    """More than one connection matches; ``candidates`` are those."""

    def __init__(self, message: str, candidates: Iterable[Connection]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class MissingCapability(NetsplodeError, PermissionError):
    """This process may not do it; ``missing`` names what it needs, ``hint`` says how to get it."""

    def __init__(self, message: str, missing: Iterable[str], hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.missing = frozenset(missing)
        self.hint = hint


class TechniqueUnavailable(NetsplodeError, OSError):
    """No technique could do it. The message and ``attempts`` list each, and what stood in its way.

    ``missing`` names the capabilities with which one of them might have.
    """

    def __init__(
        self, message: str, attempts: Iterable[Attempt], missing: Iterable[str] = ()
    ) -> None:
        self.attempts = tuple(attempts)
        self.missing = frozenset(missing)
        listed = "; ".join(f"{attempt.technique}: {attempt.outcome}" for attempt in self.attempts)
        super().__init__(f"{message} ({listed})" if listed else message)


class ResetTimeout(NetsplodeError, TimeoutError):
    """Not everything was confirmed in time; ``result`` says what is known of each end."""

    def __init__(self, message: str, result: ResetResult | None = None) -> None:
        super().__init__(message)
        self.result = result
