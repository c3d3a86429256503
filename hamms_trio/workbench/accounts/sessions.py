"""Sessions and failed logins: in memory, bounded and expiring."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe

from hamms_trio.workbench.accounts.roles import Role

MAX_SESSIONS = 10_000
MAX_REMEMBERED = 10_000  # pairs of client and user name that failed to log in
FAILURES = 10  # before further logins are refused for REFUSED_SECONDS
REFUSED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a user who has logged in. ``expires_at`` is in seconds since the epoch."""

    username: str
    role: Role
    expires_at: float


class Sessions:
    """The live sessions, keyed by a digest of the token: the time of a look-up reveals nothing about a token.

    Args:
        seconds: how long a session lasts.
        clock: seconds since the epoch.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = max(60.0, seconds)
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def open(self, username: str, role: Role) -> tuple[str, Session]:
        """Open a session, and return its token of 43 characters."""
        token = token_urlsafe(32)
        session = Session(username, role, self._clock() + self._seconds)
        self._sessions[_digest(token)] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the live session of a token; None if the token is unknown or has expired."""
        digest = _digest(token)
        session = self._sessions.get(digest)
        if session is not None and session.expires_at <= self._clock():
            del self._sessions[digest]
            return None
        return session

    def close(self, token: str) -> bool:
        """End a session; False if there is none."""
        return self._sessions.pop(_digest(token), None) is not None


class FailedLogins:
    """The failed logins by client and user name, which slow down password guessing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait_seconds(self, client: str, username: str) -> float:
        """Return the seconds until the next login is accepted; 0 if it is accepted now."""
        count, until = self._failures.get((client, username), (0, 0.0))
        return max(0.0, until - self._clock()) if count >= FAILURES else 0.0

    def note_failure(self, client: str, username: str) -> None:
        key = client, username
        count, until = self._failures.pop(key, (0, 0.0))
        count = 0 if until <= self._clock() else count
        self._failures[key] = count + 1, self._clock() + REFUSED_SECONDS
        while len(self._failures) > MAX_REMEMBERED:
            self._failures.popitem(last=False)

    def note_success(self, client: str, username: str) -> None:
        self._failures.pop((client, username), None)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
