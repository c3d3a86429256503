"""Authentication and authorisation of requests."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

import trio

from hamms_trio.workbench.accounts.roles import Role, required_role
from hamms_trio.workbench.accounts.sessions import FailedLogins, Sessions
from hamms_trio.workbench.accounts.users import NOBODY, User
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.problems import Problem

SESSION_SECONDS = 480 * 60.0
HASHES_AT_ONCE = 1  # a login keeps a processor busy for some 60 ms
BEARER_CHALLENGE = ("WWW-Authenticate", 'Bearer realm="hamms-trio"')
MAX_PASSWORD = 1_024  # characters


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller of a request."""

    username: str
    role: Role


OPEN_MODE = Identity("open_mode", Role.ADMIN)


class Guard:
    """The access control of one workbench; everybody is an admin unless there are users or a token.

    Args:
        demo_token: makes its bearer an admin; empty for none.
        require_token: True to require a token even if no user and no demo token exists.
        session_seconds: how long a login lasts.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        users: Mapping[str, User] | None = None,
        *,
        demo_token: str = "",
        require_token: bool = False,
        session_seconds: float = SESSION_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._users = users or {}
        self._demo_token = demo_token
        self.is_on = bool(require_token or demo_token or self._users)
        self._sessions = Sessions(session_seconds, clock)
        self._failures = FailedLogins(clock)
        self._hashing = trio.CapacityLimiter(HASHES_AT_ONCE)

    def identify(self, token: str | None) -> Identity | None:
        """Return the owner of a token; without accounts anybody is an admin, and None means an unknown token."""
        if token and self._demo_token and _is_same(token, self._demo_token):
            return Identity("demo_token", Role.ADMIN)
        session = self._sessions.find(token) if token else None
        if session is not None:
            return Identity(session.username, session.role)
        return None if self.is_on else OPEN_MODE

    def check(self, method: str, path: str, token: str | None) -> Identity | None:
        """Return the caller of a request that the caller's role allows; None on a public path.

        Raises:
            Problem: 401 without a valid token, 403 if the role is too low.
        """
        required = required_role(method, path)
        identity = self.identify(token)
        if required is None:
            return identity
        if identity is None:
            raise Problem(401, "unauthorized", "unauthorized", BEARER_CHALLENGE)
        if identity.role < required:
            raise Problem(403, "forbidden", "forbidden")
        return identity

    async def log_in(self, given: Document, client: str) -> Document:
        """Open a session.

        Args:
            client: the client's address; failed logins count by address and user name.

        Raises:
            Problem: 400, 401, 429 or 503.
        """
        if not self._users:
            raise Problem(503, "auth_unavailable", "no auth users configured")
        username, password = given.get("username"), given.get("password")
        if not isinstance(username, str) or not isinstance(password, str):
            username = password = ""
        username = username.strip()
        if not username or not password.strip():
            raise Problem(400, "invalid_credentials", "username and password are required")
        if wait := self._failures.wait_seconds(client, username):
            again = ("Retry-After", str(math.ceil(wait)))
            raise Problem(429, "too_many_attempts", f"try again in {math.ceil(wait)} s", again)
        user = self._users.get(username)
        checked = user or NOBODY
        is_right = len(password) <= MAX_PASSWORD and await trio.to_thread.run_sync(
            checked.has_password, password, limiter=self._hashing
        )
        if user is None or not is_right:
            self._failures.note_failure(client, username)
            raise Problem(
                401, "invalid_credentials", "invalid username or password", BEARER_CHALLENGE
            )
        self._failures.note_success(client, username)
        token, session = self._sessions.open(user.username, user.role)
        return {
            "token": token,
            "username": user.username,
            "role": user.role.word,
            "expires_at": int(session.expires_at),
        }

    def log_out(self, token: str | None) -> None:
        """End the session of a token; do nothing without accounts and for the demo token.

        Raises:
            Problem: 401 without a token, or with one that is unknown while accounts are on.
        """
        is_known = token is not None and self.identify(token) is not None
        if not token or not is_known:
            raise Problem(401, "unauthorized", "unauthorized", BEARER_CHALLENGE)
        self._sessions.close(token)


def bearer_token(authorization: str | None, query: Mapping[str, str]) -> str | None:
    """Return the token in the Authorization field, or else in the query; None if neither has one."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return query.get("token") or None


def _is_same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())
