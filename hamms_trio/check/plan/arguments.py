"""The arguments with which the check plays a mode: the shortest times that tell verdicts apart.

Why this is hard: a mode's wait has to be longer than a client's deadline, or a client without one would pass, and
octets have to come so often that a timeout from read to read never fires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.parameters import Value

GRACE = 1.0  # seconds beyond the deadlines of all attempts
MORE = 1.0  # seconds at least from the latest time that is allowed to the cap
ATTEMPTS_OF_RETRIES = 3  # that a client which may retry has time for
BOMB = 128 * 1024 * 1024  # octets, twice what a client may use beyond the control run


@dataclass(frozen=True, slots=True)
class CheckTimes:
    """The times of one run, in seconds.

    Attributes:
        timeout: the client's own, as it is given to it.
        start_up: how long the client takes against a healthy server.
        cap: after so long a client is stopped at the earliest.
        factor: by how much all of them are longer, for a client that waits for a processor.
        attempts: how often the client tries by itself, if an attempt fails; its timeout may bound each alone.
        waits: how long it pauses between these attempts, in all.
    """

    timeout: float
    start_up: float = 0.0
    cap: float = 0.0
    factor: float = 1.0
    attempts: int = 1
    waits: float = 0.0

    def longer(self, factor: float) -> CheckTimes:
        """Return times that are so many times as long; their proportions stay."""
        return replace(
            self,
            timeout=self.timeout * factor,
            start_up=self.start_up * factor,
            factor=self.factor * factor,
        )

    def late(self, attempts: int) -> float:
        """Return the latest time at which a client may report a failure, after this many attempts."""
        waits = self.waits if attempts > 1 else 0.0
        return self.timeout * (1 + attempts) + GRACE * self.factor + self.start_up + waits

    def cap_for(self, attempts: int, waits: float = 0.0) -> float:
        """Return the time at which a client is stopped; ``waits`` are pauses that are not its fault."""
        late = self.late(max(attempts, self.attempts))
        return max(self.cap, late + MORE * self.factor) + waits


# Octets keep coming in these modes, so that they renew a timeout that bounds each read alone.
NEVER_SILENT = (
    "pace-byte", "pace-header-drip", "pace-burst", "pace-infinite-body", "chunk-size-endless", "interim-102-slow",
    "llm-drip", "llm-heartbeat", "mcp-heartbeat", "sse-silent", "sse-endless-line",
)  # fmt: skip


def arguments_for(
    mode: FailureMode, times: CheckTimes, nonce: str, shape: str = ""
) -> dict[str, Value]:
    """Return the arguments that are not the mode's defaults.

    Args:
        shape: of a client of event streams; "" otherwise.
    """
    timeout, cap = times.timeout, times.cap_for(1)
    beat = timeout / 4  # a pause that no timeout from read to read notices
    more: dict[str, dict[str, Value]] = {
        "pace-byte": {"interval": beat},
        "pace-header-drip": {"interval": beat},
        "pace-first-byte": {"sleep": cap + 10},
        "pace-burst": {"gap": beat},
        "pace-duration-jump": {"at": timeout},
        "chunk-size-endless": {"interval": beat},
        "interim-102-slow": {"interval": beat},
        "sse-silent": {"interval": beat, "hold": cap + 10},
        "sse-endless-line": {"rate": 16 * 1024 * 1024},
        "llm-heartbeat": {"every": beat, "hold": cap + 10},
        "mcp-heartbeat": {"every": beat, "hold": cap + 10},
        "llm-stall": {"hold": cap + 10},
        "llm-slow-first": {"delay": 0.6 * timeout},
        "tcp-slow-close": {"delay": cap + 10},
        "tcp-half-close-after-response": {"hold": cap + 10},
        "tcp-bandwidth": {"rate": 4 * CANARY_OCTETS / timeout},
        "tcp-latency": {"delay": timeout / 10, "jitter": timeout / 20},
        "tcp-slow-read": {"rate": 8 * CANARY_OCTETS / timeout},
        "coding-slow-flush": {"interval": timeout / 16},
        "coding-bomb-gzip": {"size": BOMB},
        "coding-bomb-nested": {"size": BOMB},
        "coding-bomb-br": {"size": BOMB},
        "coding-bomb-zstd": {"size": BOMB},
        "tls-handshake-dribble": {"interval": timeout / 8000},
        "tcp-drop-every-nth": {"n": 1},
        "tcp-drop-random": {"failrate": 1.0},
        "tcp-refused-at-first": {"seconds": timeout},
        "redirect-method": {"status": "303"},
        "retry-after-date": {"s": 2},
        "status-204-body": {"first": 1},
        "status-304-body": {"first": 1},
    }
    given = dict(more.get(mode.slug, {}))
    names = {parameter.name for parameter in (*mode.parameters, *mode.modifiers)}
    if "key" in names:
        given["key"] = nonce
    if "shape" in names and shape:
        given["shape"] = shape
    given["nonce"] = nonce
    return given
