"""Resets of our own process's connections: whether and when peers see them; and netsplode's import."""

from __future__ import annotations

import os
import sys

from bench.effort import Effort
from bench.errors import Unmeasurable
from bench.machine import held_at_most
from bench.resets.namespace import entering, play
from bench.trials import Always, Trials, Try

TRIES = 1000
LIMIT_SECONDS = 120.0
HELD_HOW = ("plain", "TLS", "asyncio", "uvloop", "trio", "dup'ed", "shared by fork")
RESET_MS = 1.0

PROCESSES = 200
OWNER_MS = 1.5
OWNERS = {
    "the owner of the last one": {"same": True, "listed": False},
    "another owner each time, from a listing": {"same": False, "listed": True},
    "another owner each time, by addresses alone": {"same": False, "listed": False},
}

CROWD = 1000
CROWD_MS = 1000.0

STARTS = 20
IMPORT_MS = 60.0
IMPORTS = ("import netsplode", "from netsplode import reset_connection")


def resets(effort: Effort) -> list[Trials]:
    """Our own sockets by kind of holder, a thousand sockets at once, and the import."""
    entering()
    return [_own(effort), _owner(effort), _crowd(effort), _imports(effort)]


def _own(effort: Effort) -> Trials:
    trials = Trials("our own socket: from the call until its peer sees ECONNRESET", "ms", "reset")
    for how in HELD_HOW:
        try:
            tries = play("own", LIMIT_SECONDS, how=how, tries=effort.count(TRIES))
        except Unmeasurable as error:
            trials.unmeasured.append(f"{how}: {error}")
        else:
            trials.add(how, tries, Always(RESET_MS))
    return trials


def _owner(effort: Effort) -> Trials:
    what = f"another process's socket among {PROCESSES} processes: until its owner sees ECONNRESET"
    trials = Trials(what, "ms", "reset")
    for subject, how in OWNERS.items():
        arguments = {"processes": PROCESSES, "tries": effort.count(TRIES // 10), **how}
        trials.add(subject, play("owner", LIMIT_SECONDS, **arguments), Always(OWNER_MS))
    return trials


def _crowd(effort: Effort) -> Trials:
    connections = held_at_most(2 * CROWD) // 2  # both ends may be in one process
    what = f"netsploder, {connections} connections: until all peers see ECONNRESET"
    trials = Trials(what, "ms", "all reset")
    for subject, within in (("in another process", False), ("in the same process", True)):
        arguments = {"connections": connections, "tries": effort.rounds, "within": within}
        trials.add(subject, play("crowd", LIMIT_SECONDS, **arguments), Always(CROWD_MS))
    return trials


def _imports(effort: Effort) -> Trials:
    trials = Trials("CPU of an import, above that of a bare Python", "ms", "no scapy")
    for _ in range(max(3, effort.count(STARTS))):
        for statement in IMPORTS:
            trials.add(statement, [_import(statement)], Always(IMPORT_MS))
    return trials


def _import(statement: str) -> Try:
    bare, _ = _start("pass")
    milliseconds, has_scapy = _start(statement)
    return None if has_scapy else milliseconds - bare


def _start(statement: str) -> tuple[float, bool]:
    """Return the CPU of a process that runs one statement, and whether it imported scapy."""
    program = f"import sys; {statement}; sys.exit(10 if 'scapy' in sys.modules else 0)"
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, used = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 10):
        raise Unmeasurable(f"{statement!r} fails")
    return 1000 * (used.ru_utime + used.ru_stime), code == 10
