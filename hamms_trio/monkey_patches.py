"""Detection of processes in which gevent or eventlet has replaced modules that trio is built on."""

from __future__ import annotations

import sys

from hamms_trio.errors import PatchedProcess

NEEDED = ("select", "socket", "threading")  # the unpatched modules


def refuse_patched_process() -> None:
    """Refuse to run where the modules that trio needs are patched.

    trio waits with the real ``select.epoll``, which both libraries delete. A thread that they patch is a green
    thread, so a loop in it would block all others.

    Raises:
        PatchedProcess: gevent or eventlet has patched one of them.
    """
    for library in ("gevent", "eventlet"):
        patched = [name for name in NEEDED if _has_patched(library, name)]
        if patched:
            raise PatchedProcess(
                f"{library} has patched {' and '.join(patched)} in this process, and the server needs the "
                "real ones: start `hamms-trio serve --ready-file FILE` in a process of its own, and read "
                "the ports from FILE"
            )


def _has_patched(library: str, name: str) -> bool:
    if library == "gevent":
        monkey = sys.modules.get("gevent.monkey")
        return monkey is not None and bool(monkey.is_module_patched(name))
    patcher = sys.modules.get("eventlet.patcher")
    called = {"threading": "thread"}.get(name, name)
    return patcher is not None and bool(patcher.is_monkey_patched(called))
