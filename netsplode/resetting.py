"""Reset one connection: find it, try the techniques in order, check both ends.

`begin` returns a generator that yields whatever it waits for (see `techniques.Step`). Threads, trio and
asyncio each do that waiting in their own way: see `netsplode.pending` and `netsplode.asynchronous`.
"""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from netsplode.connection import Connection
from netsplode.connections import AddressLike, exact_address, find_one, is_address
from netsplode.errors import (
    ConnectionNotFound,
    MissingCapability,
    ResetTimeout,
    TechniqueUnavailable,
    UnsupportedConnection,
)
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag
from netsplode.order import Order, Verify
from netsplode.plan import Turn
from netsplode.privileges import missing_capability
from netsplode.result import Attempt, End, ResetResult
from netsplode.targets import Target, target_of_connection, target_of_entry, target_of_object
from netsplode.techniques import (
    CLOSE,
    RST,
    SCAPY,
    Ends,
    Steps,
    Unproved,
    in_thread,
    obstacle_in_handshake,
    prove,
)
from netsplode.watch import Watch

_FIRST_PAUSE = 0.0005  # seconds; on one host an RST arrives within microseconds
_LONGEST_PAUSE = 0.02
_INJECTING = (RST.name, SCAPY.name)


def run(steps: Steps[ResetResult], wait: Callable[[float], object] = time.sleep) -> ResetResult:
    """Carry out the steps on this thread; ``wait`` sleeps for some seconds."""
    answer: object = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            result: ResetResult = end.value
            return result
        answer = None
        if callable(step):
            answer = step()
        elif isinstance(step, float):
            wait(step)
        else:
            wait(0.0)  # raises if the reset was cancelled
            step.wait()


def begin(order: Order) -> Steps[ResetResult]:
    """Return the steps of one reset; the caller does the waiting.

    A target that cannot be reset raises its error here. Run the steps, or a descriptor stays open.
    """
    target = order.target
    if isinstance(target, Target):
        found = _ready(target)
    elif is_address(target):
        found = in_thread(partial(_locate, target, order.remote, order.forwarded))
    elif isinstance(target, Connection) and target.entry is not None:
        found = _ready(_held_end_of(target_of_connection(target)))
    elif order.delay:
        found = _hold_later(target, _cookie_now(target))
    else:
        found = _ready(target_of_object(target))
    return _steps(order, found)


def attempt(
    target: Target, plan: Sequence[Turn], watch: Watch, deadline: float
) -> Steps[tuple[str, Ends, tuple[Attempt, ...]]]:
    """Try one technique after another until one works.

    Returns:
        The name of that technique, the state of each end as far as it is known, and all attempts.

    Raises:
        TechniqueUnavailable: none worked.
        MissingCapability: the only technique needs a capability.
        ConnectionNotFound: the connection has ended meanwhile.
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
                    raise ConnectionNotFound("the connection was closed meanwhile") from error
                obstacle = str(error)
            else:
                attempts.append(Attempt(technique.name, "done"))
                return technique.name, ends, tuple(attempts)
        attempts.append(Attempt(technique.name, obstacle))
    if unproved is not None:
        return *unproved, tuple(attempts)
    raise TechniqueUnavailable("no technique can reset this connection", attempts, missing)


def is_in_running_loop() -> bool:
    """Return True if an asyncio loop on this thread is waiting for the caller to return."""
    asyncio: Any = sys.modules.get("asyncio.events")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _steps(order: Order, found: Steps[Target]) -> Steps[ResetResult]:
    if order.delay:
        yield float(order.delay)
    target = yield from found
    begun = time.perf_counter()
    deadline = begun + order.timeout
    with closing(target), closing(Watch(target)) as watch:
        if order.verify is not Verify.NEVER:
            watch.look()
        if order.verify is Verify.REQUIRED and not target.is_forwarded:
            _check_can_verify(watch)
        has_peer = obstacle_in_handshake(target) is None
        name, ends, attempts = yield from attempt(target, order.plan(target), watch, deadline)
        check = _Check(order, target, watch, deadline)
        if order.verify is not Verify.NEVER and has_peer:
            yield from check.confirm(ends)
        result = ResetResult(
            technique=name,
            local=target.local,
            remote=target.remote,
            ends=ends,
            elapsed=time.perf_counter() - begun,
            attempts=attempts,
            doubt=watch.doubt,
        )
        problem = check.problem(result)
    if problem:
        raise ResetTimeout("; ".join(filter(None, (problem, result.doubt))), result)
    return result


@dataclass(frozen=True, slots=True)
class _Check:
    """The check of both ends after a technique has done its work."""

    order: Order
    target: Target
    watch: Watch
    deadline: float

    def confirm(self, ends: Ends) -> Steps[None]:
        """Find out the state of the ends that the technique left unconfirmed."""
        watch, target = self.watch, self.target
        if ends["local"] is End.UNCONFIRMED and not target.is_forwarded:
            if not self.order.loop_can_run:
                return
            if (yield from self._wait_gone("local")):
                ends["local"] = End.CLOSED
        if ends["remote"] is not End.UNCONFIRMED:
            return
        if "remote" in watch.visible:
            if (yield from self._wait_gone("remote")):
                ends["remote"] = End.RESET
        elif not watch.is_in_other_network:
            # Segments sent from here would not reach another namespace.
            yield from self._probe(ends)

    def _probe(self, ends: Ends) -> Steps[None]:
        verify = self.order.verify
        if verify is Verify.AUTO and not self.target.has_capability("CAP_NET_RAW"):
            return
        if verify is Verify.LOCAL:
            return
        left = max(0.0, self.deadline - time.perf_counter())
        try:
            ends["remote"] = yield from prove(self.target, self.watch, left)
        except (OSError, UnsupportedConnection):  # the connection was reset all the same
            if verify is Verify.REQUIRED:
                raise

    def _wait_gone(self, end: str) -> Steps[bool]:
        if end not in self.watch.visible:
            return False
        pause = _FIRST_PAUSE
        while self.watch.stands(end):
            if time.perf_counter() >= self.deadline:
                return False
            yield pause
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True

    def problem(self, result: ResetResult) -> str:
        """Return why this result is a failure; empty if it is none."""
        unconfirmed = {end for end, state in result.ends.items() if state is End.UNCONFIRMED}
        verify = self.order.verify
        if not unconfirmed:
            return ""
        if "local" in unconfirmed:
            if result.technique == CLOSE.name and (
                verify is Verify.NEVER or not self.order.loop_can_run
            ):
                return ""  # the loop closes the socket after this call has returned
            return "; ".join(f"{each.technique}: {each.outcome}" for each in result.attempts)
        if verify is Verify.NEVER:
            return ""
        if "remote" in self.watch.visible:
            return "the remote end still stands"
        needs_proof = verify is Verify.REQUIRED or result.technique in _INJECTING
        return "the remote end has given no proof of being down" if needs_proof else ""


def _check_can_verify(watch: Watch) -> None:
    if watch.is_in_other_network:
        raise TechniqueUnavailable(
            "nothing can be proved of a connection in another network namespace",
            [Attempt("verify", "reset it from a thread in that namespace, or without verify=True")],
        )
    if "remote" in watch.visible or watch.target.has_capability("CAP_NET_RAW"):
        return
    if sys.platform == "linux":
        raise missing_capability(
            "the remote end is on another host, and can't be seen without raw sockets",
            "CAP_NET_RAW",
        )


def _held_end_of(target: Target) -> Target:
    """Return the other end of an orphan, if a process of this host holds that end."""
    entry = target.entry
    if entry is None or entry.inode:
        return target
    with target.run_in_network(Diag) as diag:
        ends = [
            diag.get(*pair, interface=target.interface)
            for pair in ((target.local, target.remote), (target.remote, target.local))
        ]
    orphan, other = ends
    if orphan is None or orphan.cookie != entry.cookie or other is None or not other.inode:
        return target
    return target_of_entry(other, target.network)


def _ready(target: Target) -> Steps[Target]:
    yield from ()
    return target


def _hold_later(target: object, expected_cookie: int) -> Steps[Target]:
    yield from ()
    found = target_of_object(target)
    if _cookie_of(found) != expected_cookie:
        found.close()
        raise ConnectionNotFound("the object holds another connection by now")
    return found


def _locate(target: AddressLike, remote: AddressLike | None, forwarded: bool) -> Target:
    try:
        return target_of_entry(find_one(target, remote))
    except ConnectionNotFound:
        if not forwarded or remote is None:
            raise
    return Target(exact_address(target), exact_address(remote))


def _cookie_now(target: object) -> int:
    """Identify the socket without keeping a descriptor, which would keep a closed connection open."""
    with closing(target_of_object(target)) as connection:
        return _cookie_of(connection)


def _cookie_of(target: Target) -> int:
    if target.sock is None or sys.platform != "linux":
        return 0
    return tcp.cookie(target.sock)
