"""The errors of netsplode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netsplode.connection import Connection
    from netsplode.result import Attempt, ResetResult


class NetsplodeError(Exception):
    """The base class of all errors of netsplode."""


class UnsupportedConnection(NetsplodeError, TypeError):
    """The object holds no TCP connection, or none that can be reset."""


class ConnectionNotFound(NetsplodeError, LookupError):
    """No connection matches, or it has ended."""


class AmbiguousConnection(NetsplodeError, LookupError):
    """More than one connection matches; ``candidates`` lists them."""

    def __init__(self, message: str, candidates: Iterable[Connection]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class MissingCapability(NetsplodeError, PermissionError):
    """This process lacks a capability; ``missing`` names it, and ``hint`` is the remedy."""

    def __init__(self, message: str, missing: Iterable[str], hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.missing = frozenset(missing)
        self.hint = hint


class TechniqueUnavailable(NetsplodeError, OSError):
    """No technique worked; the message and ``attempts`` give the reason for each.

    ``missing`` names the capabilities with which one of them might have worked.
    """

    def __init__(
        self, message: str, attempts: Iterable[Attempt], missing: Iterable[str] = ()
    ) -> None:
        self.attempts = tuple(attempts)
        self.missing = frozenset(missing)
        listed = "; ".join(f"{attempt.technique}: {attempt.outcome}" for attempt in self.attempts)
        super().__init__(f"{message} ({listed})" if listed else message)


class ResetTimeout(NetsplodeError, TimeoutError):
    """Not every end was seen to be down in time; ``result`` has the state of each."""

    def __init__(self, message: str, result: ResetResult | None = None) -> None:
        super().__init__(message)
        self.result = result
