"""Reset one connection: find it, try the techniques in order, look whether it worked.

`begin` makes a generator that yields what it waits for (see `techniques.Step`), so that threads, trio and
asyncio each carry it out in their own way (see `netsplode.pending`, `.trio` and `.aio`).
"""

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Literal

from netsplode.connection import Connection
from netsplode.connections import (
    AddressLike,
    check_address,
    find_one,
    is_address,
    one_address,
)
from netsplode.errors import (
    ConnectionNotFound,
    MissingCapability,
    ResetTimeout,
    TechniqueUnavailable,
    UnsupportedConnection,
)
from netsplode.kernel import tcp
from netsplode.privileges import has_capability, missing_capability
from netsplode.result import Attempt, End, ResetResult
from netsplode.targets import Target, held, listed
from netsplode.techniques import (
    ABORT,
    CLOSE,
    RST,
    TECHNIQUES,
    Ends,
    Steps,
    Technique,
    Unproved,
    in_order,
    obstacle_in_handshake,
    out_of_loop,
    prove,
)
from netsplode.watch import Watch

Verify = Literal["auto"] | bool
TechniqueName = str | Sequence[str]
# The techniques to try on a connection, with how many seconds each may take if it is not its share of all.
Plan = Callable[[Target], Sequence[tuple[Technique, float | None]]]

_LOOK_AGAIN = 0.0005  # seconds; on one host an RST arrives within microseconds
_LOOK_AGAIN_AT_MOST = 0.02


def run(steps: Steps[ResetResult], wait: Callable[[float], object] = time.sleep) -> ResetResult:
    """Carry the steps out on this thread; ``wait`` lets seconds pass."""
    came: object = None
    while True:
        try:
            step = steps.send(came)
        except StopIteration as end:
            result: ResetResult = end.value
            return result
        came = None
        if callable(step):
            came = step()
        elif isinstance(step, float):
            wait(step)
        else:
            wait(0.0)  # which tells whether it is to go on
            step.wait()


def begin(
    target: object,
    remote: AddressLike | None,
    *,
    delay: float,
    plan: Plan,
    timeout: float,
    verify: Verify,
    forwarded: bool,
    may_wait_for_loop: bool = True,
) -> Steps[ResetResult]:
    """What `netsplode.reset_connection` does, waiting left to the caller.

    What is wrong with the arguments is raised here and now. Begin the steps, or a descriptor stays open.

    Args:
        may_wait_for_loop: whether an asyncio loop can go on while this waits.
    """
    if not (timeout >= 0 and 0 <= delay <= threading.TIMEOUT_MAX):
        raise ValueError(f"timeout={timeout} and delay={delay} have to be seconds, 0 or more")
    if verify != "auto" and not isinstance(verify, bool):
        raise ValueError(f'verify={verify!r} has to be "auto", True or False')
    if is_address(target):
        for end in (target, remote):
            if end is not None:
                check_address(end)
        found = out_of_loop(partial(_located, target, remote, forwarded))
    elif remote is not None:
        raise TypeError("remote goes with an address, not with an object that holds a connection")
    elif isinstance(target, Connection) and target.entry is not None:
        found = _now(listed(target.entry))
    else:
        found = _held_later(target, _cookie(target)) if delay else _now(held(target))
    return _steps(found, delay, plan, timeout, verify, may_wait_for_loop)


def carry_out(
    target: Target,
    plan: Plan,
    timeout: float,
    verify: Verify | Literal["here"],
    *,
    may_wait_for_loop: bool = True,
) -> Steps[ResetResult]:
    """Reset this very connection and look at its ends; the target is closed whatever happens.

    Args:
        verify: as for `netsplode.reset_connection`; "here" looks at sockets of this host only.
    """
    begun = time.perf_counter()
    deadline = begun + timeout
    with closing(target), closing(Watch(target)) as watch:
        if verify is not False:
            watch.look()
        if verify is True and not target.is_forwarded:
            _check_can_verify(watch)
        is_new = obstacle_in_handshake(target) is not None
        name, ends, attempts = yield from attempt(target, plan(target), watch, deadline)
        if verify is not False and not is_new:  # or else there is no other end to ask
            yield from _confirm(target, watch, ends, deadline, verify, may_wait_for_loop)
        elapsed = time.perf_counter() - begun
        result = ResetResult(name, target.local, target.remote, ends, elapsed, attempts)
        problem = _problem(result, watch, verify, may_wait_for_loop)
    if problem:
        raise ResetTimeout(problem, result)
    return result


def attempt(
    target: Target,
    plan: Sequence[tuple[Technique, float | None]],
    watch: Watch,
    deadline: float,
) -> Steps[tuple[str, Ends, tuple[Attempt, ...]]]:
    """Try one technique after another: which one did it, what is known of the ends, and all attempts.

    Raises:
        TechniqueUnavailable: none could.
        MissingCapability: the only one needs a capability.
        ConnectionNotFound: the connection has gone meanwhile.
    """
    attempts: list[Attempt] = []
    missing: set[str] = set()
    unproved: tuple[str, Ends] | None = None
    for technique, limit in plan:
        obstacle = technique.obstacle(target)
        if obstacle is None:
            left = max(0.0, deadline - time.perf_counter())
            share = left if technique is plan[-1][0] else left / 2
            try:
                ends = yield from technique.reset(target, watch, share if limit is None else limit)
            except ConnectionNotFound:
                if unproved is None:
                    raise
                break
            except Unproved as error:
                unproved, obstacle = (technique.name, error.ends), str(error)
            except MissingCapability as error:
                if len(plan) == 1:
                    raise
                missing |= error.missing
                obstacle = str(error)
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise ConnectionNotFound("it was closed meanwhile") from error
                obstacle = str(error)
            else:
                attempts.append(Attempt(technique.name, "done"))
                return technique.name, ends, tuple(attempts)
        attempts.append(Attempt(technique.name, obstacle))
    if unproved is not None:
        return *unproved, tuple(attempts)
    raise TechniqueUnavailable("no technique can reset this connection", attempts, missing)


def planned(technique: TechniqueName) -> Plan:
    """The plan of "auto", of one technique, or of several to be tried in this order.

    Raises:
        ValueError: there is no technique of such a name.
    """
    if technique == "auto":
        return lambda target: [(each, None) for each in in_order(target)]
    names = [technique] if isinstance(technique, str) else list(technique)
    known = {each.name: each for each in TECHNIQUES}
    for name in names or [""]:
        if name not in known:
            raise ValueError(f"{name!r} is no technique: {', '.join(['auto', *known])}")
    chosen = [(known[name], None) for name in names]
    return lambda target: chosen


def planned_as_formerly(
    use_abortive_close: bool | None, fallback_to_abortive_close_after: float | None
) -> Plan:
    """What the first netsplode's arguments asked for: close abortively, or inject and then perhaps close."""
    abortive: list[tuple[Technique, float | None]] = [(ABORT, None), (CLOSE, None)]
    if use_abortive_close:
        return lambda target: abortive
    if fallback_to_abortive_close_after is not None and fallback_to_abortive_close_after < 0:
        raise ValueError(f"{fallback_to_abortive_close_after} seconds: give 0 or more")
    injecting: list[tuple[Technique, float | None]] = [(RST, fallback_to_abortive_close_after)]
    if fallback_to_abortive_close_after is not None:
        injecting += abortive
    return lambda target: injecting


def in_running_loop() -> bool:
    """Whether this thread is one on which an asyncio loop is waiting for us to return."""
    asyncio: Any = sys.modules.get("asyncio.events")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _steps(
    found: Steps[Target],
    delay: float,
    plan: Plan,
    timeout: float,
    verify: Verify,
    may_wait_for_loop: bool,
) -> Steps[ResetResult]:
    if delay:
        yield float(delay)
    target = yield from found
    carried = carry_out(target, plan, timeout, verify, may_wait_for_loop=may_wait_for_loop)
    return (yield from carried)


def _now(target: Target) -> Steps[Target]:
    yield from ()
    return target


def _held_later(target: object, pinned: int) -> Steps[Target]:
    yield from ()
    found = held(target)
    if _cookie_of(found) != pinned:
        found.close()
        raise ConnectionNotFound("what held the connection holds another one by now")
    return found


def _confirm(
    target: Target,
    watch: Watch,
    ends: Ends,
    deadline: float,
    verify: Verify | Literal["here"],
    may_wait_for_loop: bool,
) -> Steps[None]:
    """Find out what came of the ends that the technique knows nothing of."""
    if ends["local"] is End.UNCONFIRMED and not target.is_forwarded:
        if not may_wait_for_loop:
            return
        if (yield from _wait_gone(watch, "local", deadline)):
            ends["local"] = End.CLOSED
    if ends["remote"] is not End.UNCONFIRMED:
        return
    if "remote" in watch.sees:
        if (yield from _wait_gone(watch, "remote", deadline)):
            ends["remote"] = End.RESET
    elif watch.is_elsewhere:  # nothing that is sent from here would get there
        return
    elif verify is True or (verify == "auto" and has_capability("CAP_NET_RAW")):
        left = max(0.0, deadline - time.perf_counter())
        try:
            ends["remote"] = yield from prove(target, watch, left)
        except (
            OSError,
            UnsupportedConnection,
        ):  # refused, or no descriptor left: reset it is all the same
            if verify is True:
                raise


def _wait_gone(watch: Watch, end: str, deadline: float) -> Steps[bool]:
    if end not in watch.sees:
        return False
    pause = _LOOK_AGAIN
    while watch.stands(end):
        if time.perf_counter() >= deadline:
            return False
        yield pause
        pause = min(2 * pause, _LOOK_AGAIN_AT_MOST)
    return True


def _problem(
    result: ResetResult,
    watch: Watch,
    verify: Verify | Literal["here"],
    may_wait_for_loop: bool,
) -> str:
    """What makes this result a failure, if anything does."""
    if result.is_confirmed:
        return ""
    if result.ends["local"] is End.UNCONFIRMED and result.technique != CLOSE.name:
        return _outcomes(result)
    if verify is False:
        return ""
    if result.ends["local"] is End.UNCONFIRMED:
        if not may_wait_for_loop:
            return ""  # it closes once we have returned
        return _outcomes(result)
    if "remote" in watch.sees:
        return "the remote end still stands"
    gave_no_proof = "the remote end has given no proof of being down"
    return gave_no_proof if verify is True or result.technique in _INJECTING else ""


def _outcomes(result: ResetResult) -> str:
    return "; ".join(f"{attempt.technique}: {attempt.outcome}" for attempt in result.attempts)


_INJECTING = (RST.name, "scapy")


def _check_can_verify(watch: Watch) -> None:
    if watch.is_elsewhere:
        raise TechniqueUnavailable(
            "nothing can be proved of a connection in another network namespace",
            [Attempt("verify", "reset it from a thread in that namespace, or without verify=True")],
        )
    if "remote" in watch.sees or has_capability("CAP_NET_RAW") or sys.platform != "linux":
        return
    raise missing_capability(
        "the remote end is on another host, and can't be seen without raw sockets", "CAP_NET_RAW"
    )


def _located(target: AddressLike, remote: AddressLike | None, forwarded: bool) -> Target:
    try:
        return listed(find_one(target, remote))
    except ConnectionNotFound:
        if not forwarded or remote is None:
            raise
    return Target(one_address(target), one_address(remote))


def _cookie(target: object) -> int:
    """Which socket this is now. No descriptor is kept: it would keep a closed connection open."""
    with closing(held(target)) as connection:
        return _cookie_of(connection)


def _cookie_of(target: Target) -> int:
    if target.sock is None or sys.platform != "linux":
        return 0
    return tcp.cookie(target.sock)
