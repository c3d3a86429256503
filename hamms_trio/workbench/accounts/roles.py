"""The role that a request needs, by its method and path."""

from __future__ import annotations

import re
from enum import IntEnum

READS = frozenset(("GET", "HEAD", "OPTIONS"))


class Role(IntEnum):
    """A role, which includes the rights of every lower one."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


PROTECTED = (
    "/api/mocks",
    "/api/history",
    "/api/replay",
    "/api/scenarios",
    "/api/targets",
    "/api/proxy/request",
    "/api/events",
    "/api/incidents",
    "/api/playground",
    "/api/verify",
    "/api/checks",
    "/api/metrics/trends",
    "/api/auth/me",
    "/api/auth/logout",
)

# State-changing requests that need less than the admin role. The patterns match whole paths, so that no resource
# can have the name of a verb.
_LESSER = tuple(
    (re.compile(path), role)
    for path, role in (
        (r"/api/replay/[^/]+", Role.OPERATOR),
        (r"/api/playground/request", Role.OPERATOR),
        (r"/api/scenarios/[^/]+/run", Role.OPERATOR),
        (r"/api/proxy/request", Role.OPERATOR),
        (r"/api/incidents/(?:start|stop)", Role.OPERATOR),
        (r"/api/auth/logout", Role.VIEWER),
        (r"/api/verify", Role.VIEWER),
    )
)


def required_role(method: str, path: str) -> Role | None:
    """Return the lowest role that may make this request; None if everybody may."""
    if not path.startswith(PROTECTED):
        return None
    if method in READS:
        return Role.VIEWER
    if method == "POST":
        for pattern, role in _LESSER:
            if pattern.fullmatch(path):
                return role
    return Role.ADMIN
