"""The failures of a target, each with the status of a gateway (RFC 9110 §15.6.3, §15.6.5)."""

from __future__ import annotations

import json
from enum import Enum

from hamms_trio.errors import HammsError
from hamms_trio.workbench.routing.problems import Problem

BAD_GATEWAY = 502
GATEWAY_TIMEOUT = 504
DISABLED = 409
FORBIDDEN = 403


class Failing(Enum):
    """The reason why a target has given no complete answer."""

    UNRESOLVED = "the target's host name has no address"
    REFUSED = "the target refuses connections"
    UNREACHABLE = "no connection to the target could be made"
    UNTRUSTED = "the target's certificate is not trusted"
    HANDSHAKE = "the TLS handshake with the target failed"
    CLOSED = "the target closed the connection before an answer"
    RESET = "the target reset the connection"
    INCOMPLETE = "the target closed the connection within its answer"
    MALFORMED = "the target's answer is not HTTP"
    TOO_LARGE = "the target's answer is too large"
    TIMEOUT = "the target did not answer in time"
    BUSY = "all connections to the target are in use"


class TargetFailed(HammsError):
    """No complete answer came from a target.

    Attributes:
        status: 504 if time ran out, else 502.
        code: the code in the error document.
    """

    def __init__(self, failing: Failing, detail: str = "") -> None:
        super().__init__(f"{failing.value}: {detail}" if detail else failing.value)
        self.failing = failing
        is_late = failing in (Failing.TIMEOUT, Failing.BUSY)
        self.status = GATEWAY_TIMEOUT if is_late else BAD_GATEWAY
        self.code = "proxy_timeout" if is_late else "proxy_error"

    def document(self) -> bytes:
        """Return the error document that takes the place of the answer, as JSON."""
        error = {"code": self.code, "message": str(self), "reason": self.failing.name.lower()}
        return json.dumps({"error": error}, sort_keys=True).encode()


def not_allowed(host: str, address: str, why: str) -> Problem:
    """Build the refusal of an address that no target may have."""
    where = address if host == address else f"{host} is at {address}, and that"
    return Problem(FORBIDDEN, "target_not_allowed", f"{where} {why}")


def unknown_target() -> Problem:
    """Build the refusal of a target that does not exist."""
    return Problem(404, "target_not_found", "target not found")


def disabled(name: str) -> Problem:
    """Build the refusal of a target that is disabled."""
    return Problem(DISABLED, "target_disabled", f"the target {name} is disabled")
