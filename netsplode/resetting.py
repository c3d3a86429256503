"""Reset one connection: find it, try the techniques in order, look whether it worked.

`steps` is a generator that yields how many seconds to wait, or what to do that may block, so that threads,
trio and asyncio each carry it out in their own way (see `netsplode.pending`, `.trio` and `.aio`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Literal

from netsplode.connections import AddressLike, find_one, is_address
from netsplode.errors import (
    ConnectionNotFound,
    MissingCapability,
    ResetTimeout,
    TechniqueUnavailable,
)
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag
from netsplode.result import Attempt, End, ResetResult
from netsplode.targets import Holder, Target, held
from netsplode.techniques import TECHNIQUES, Technique

Verify = Literal["auto"] | bool
Step = float | Callable[[], object]  # seconds to wait, or what to do where it blocks nobody
Steps = Generator[Step, object, ResetResult]

_LOOK_AGAIN = 0.0005  # seconds; on one host an RST arrives within microseconds
_LOOK_AGAIN_AT_MOST = 0.02


def run(steps: Steps, wait: Callable[[float], object] = time.sleep) -> ResetResult:
    """Carry the steps out on this thread."""
    came: object = None
    while True:
        try:
            step = steps.send(came)
        except StopIteration as end:
            result: ResetResult = end.value
            return result
        came = step() if callable(step) else wait(step)


def steps(
    target: object,
    remote: AddressLike | None,
    delay: float,
    technique: str,
    timeout: float,
    verify: Verify,
) -> Steps:
    """What `netsplode.reset_connection` does, waiting left to the caller."""
    techniques = TECHNIQUES if technique == "auto" else chosen(technique)
    address = target if is_address(target) else None
    if remote is not None and address is None:
        raise TypeError("remote goes with an address, not with an object that holds a connection")
    if delay > 0:
        pinned = None if address is not None else _cookie(target)
        yield delay
        if pinned != (None if address is not None else _cookie(target)):
            raise ConnectionNotFound("what held the connection holds another one by now")
    if address is None:
        connection = held(target)
    else:
        found = yield partial(_found, address, remote)
        assert isinstance(found, Target)
        connection = found
    return (yield from carry_out(connection, techniques, timeout, verify))


def carry_out(
    connection: Target, techniques: Sequence[Technique], timeout: float, verify: Verify
) -> Steps:
    """Reset this very connection and look at the other end; the target is closed whatever happens."""
    begun = time.perf_counter()
    watch = None
    try:
        if verify is not False and sys.platform == "linux":
            watch = _Watch(connection)
        if connection.sock is None:
            outcome = yield partial(attempt, connection, techniques)
            assert isinstance(outcome, tuple)
            name, local, attempts = outcome
        else:
            name, local, attempts = attempt(connection, techniques)
        ends = {"local": local, "remote": End.UNCONFIRMED}
        if watch is not None:
            yield from _confirm(watch, ends, begun + timeout)
    finally:
        connection.close()
        if watch is not None:
            watch.close()
    elapsed = time.perf_counter() - begun
    result = ResetResult(name, connection.local, connection.remote, ends, elapsed, attempts)
    is_here = watch is not None and watch.sees_remote
    if not result.is_confirmed and (verify is True or (is_here and local is not End.UNCONFIRMED)):
        raise ResetTimeout(
            "the remote end still stands" if is_here else "nothing here can see the remote end",
            result,
        )
    return result


def attempt(
    target: Target, techniques: Sequence[Technique]
) -> tuple[str, End, tuple[Attempt, ...]]:
    """Try one technique after another: which one did it, the local end's state, and all attempts.

    Raises:
        TechniqueUnavailable: none could.
        MissingCapability: the only one needs a capability.
        ConnectionNotFound: the connection has gone meanwhile.
    """
    attempts: list[Attempt] = []
    missing: set[str] = set()
    for technique in techniques:
        obstacle = technique.obstacle(target)
        if obstacle is None:
            try:
                local = technique.reset(target)
            except ConnectionNotFound:
                raise
            except MissingCapability as error:
                if len(techniques) == 1:
                    raise
                missing |= error.missing
                obstacle = str(error)
            except OSError as error:
                obstacle = str(error)
            else:
                attempts.append(Attempt(technique.name, "done"))
                return technique.name, local, tuple(attempts)
        attempts.append(Attempt(technique.name, obstacle))
    raise TechniqueUnavailable("no technique can reset this connection", attempts, missing)


def chosen(name: str) -> Sequence[Technique]:
    """The technique of this name.

    Raises:
        ValueError: there is none.
    """
    if name == "auto":
        return TECHNIQUES
    for technique in TECHNIQUES:
        if technique.name == name:
            return (technique,)
    known = ", ".join(technique.name for technique in TECHNIQUES)
    raise ValueError(f"{name!r} is no technique: auto, {known}")


class _Watch:
    """Looks whether the other end is a socket of this host, and whether it is still there."""

    def __init__(self, target: Target) -> None:
        self._ends = target.remote, target.local
        self._diag = Diag()
        self.sees_remote = self.stands()

    def stands(self) -> bool:
        return self._diag.get(*self._ends) is not None

    def close(self) -> None:
        self._diag.close()


def _confirm(watch: _Watch, ends: dict[str, End], deadline: float) -> Generator[Step, object, None]:
    if not watch.sees_remote or ends["local"] is End.UNCONFIRMED:
        return
    pause = _LOOK_AGAIN
    while watch.stands():
        if time.perf_counter() >= deadline:
            return
        yield pause
        pause = min(2 * pause, _LOOK_AGAIN_AT_MOST)
    ends["remote"] = End.RESET


def _found(target: AddressLike, remote: AddressLike | None) -> Target:
    entry = find_one(target, remote)
    return Target(entry.local, entry.remote, Holder.OTHER, entry=entry)


def _cookie(target: object) -> int:
    """Which socket this is now. No descriptor is kept: it would keep a closed connection open."""
    connection = held(target)
    try:
        assert connection.sock is not None
        return tcp.cookie(connection.sock) if sys.platform == "linux" else 0
    finally:
        connection.close()
