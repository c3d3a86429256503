"""Call a function of a test module in a process of its own: as nobody, in a private network, on another platform.

`call` forks ``python -m tests.netsplode.alone '{"module": ..., ...}'``, which prints what the function returns.
"""

from __future__ import annotations

import ctypes
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from tests import forks

# This module imports neither netsplode nor a module that does, because `main` sets the platform first.

T = TypeVar("T")
SAFETY_NET = 60.0  # seconds; every scene takes far less
_ROOT = Path(__file__).parents[2]
_IMPORTED_FIRST = (
    "asyncio",
    "pytest",
    "ssl",
    "trio",
    "trustme",
)  # they would look for modules of the other platform
_NOBODY = 65534
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000  # linux/sched.h
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_TRUNK = forks.Trunk(__name__, _IMPORTED_FIRST, options=("-W", "error"))
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """This machine does not allow the circumstances."""


@dataclass(frozen=True)
class Circumstances:
    """How the process differs from the one that starts it.

    Attributes:
        nobody: True if it has dropped every privilege.
        network: True if it is in a network namespace of its own; as nobody, in a user namespace too, like
            `unshare -rn`.
        platform: the value of sys.platform when netsplode is imported.
    """

    nobody: bool = False
    network: bool = False
    platform: str = sys.platform


def call(scene: Callable[..., T], *arguments: object, **circumstances: Any) -> T:
    """Call ``scene`` in a new process, and return its result; any warning or error there fails the test.

    Raises:
        Refused: this machine does not allow the circumstances; the message gives the reason.
    """
    request = asdict(Circumstances(**circumstances))
    request |= {"module": scene.__module__, "name": scene.__name__, "arguments": arguments}
    done = forks.run(_TRUNK, json.dumps(request))
    if f"{Refused.__name__}: " in done.stderr:
        raise Refused(done.stderr.rpartition(": ")[2])
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    returned: T = json.loads(done.stdout)
    return returned


def interpret(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter in which every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
        cwd=_ROOT,
    )


def main(request: str) -> None:
    """Set up the circumstances in the only order that works, and call the function."""
    fields = json.loads(request)
    module, name, arguments = (fields.pop(key) for key in ("module", "name", "arguments"))
    circumstances = Circumstances(**fields)
    for name_of_other in _IMPORTED_FIRST:
        import_module(name_of_other)
    sys.platform = circumstances.platform
    scene = getattr(import_module(module), name)
    if circumstances.nobody:
        _import_all("netsplode")  # nobody may not read this directory
        _become_nobody()
    if circumstances.network:
        _enter_a_network(_CLONE_NEWNET | (_CLONE_NEWUSER if circumstances.nobody else 0))
    print(json.dumps(scene(*arguments)))


def _import_all(package: str) -> None:
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)


def _become_nobody() -> None:
    try:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    except PermissionError as error:
        raise Refused(f"only root becomes another user ({error})") from error
    # As after exec: otherwise /proc/self belongs to root, and other processes of nobody may not look into it.
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def enter_a_user_namespace() -> None:
    """Enter a user namespace, which gives every capability, but none over the network."""
    _unshare(_CLONE_NEWUSER)


def _unshare(flags: int) -> None:
    if _libc.unshare(flags) < 0:
        raise Refused(f"no namespaces ({os.strerror(ctypes.get_errno())})")


def _enter_a_network(flags: int) -> None:
    user, group = os.getuid(), os.getgid()
    _unshare(flags)
    if flags & _CLONE_NEWUSER:
        for file, content in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {user} 1"),
            ("gid_map", f"0 {group} 1"),
        ):
            Path("/proc/self", file).write_text(content)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
