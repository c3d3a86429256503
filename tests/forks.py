"""Processes of ``python -m MODULE`` that are forked from one that has imported everything, on Linux.

A start of the interpreter with the imports of a command costs a third of a second of CPU, and a fork a
hundredth. A forked process is a process like another: it has its own arguments, directory, environment,
standard streams and exit code, and it is a child of the test's process. Tests of the start itself, of what is
imported when, or of variables that Python reads at its start, start an interpreter instead.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

ROOT = Path(__file__).parents[1]
SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long
MOST_OCTETS = 1 << 20  # of a request
STANDARD_STREAMS = 3
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True)
class Trunk:
    """A process from which others are forked.

    Attributes:
        module: the module that they run as ``__main__``.
        options: of the interpreter.
        imports: what is imported before; ``package.*`` is a package with all of its modules.
    """

    module: str
    imports: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


HAMMS = Trunk("hamms_trio", ("hamms_trio.cli.*", "hamms_trio.blocking_workbench", "httpx"))

_trunks: dict[Trunk, tuple[subprocess.Popen[bytes], socket.socket]] = {}
_forking = threading.Lock()


class Forked(subprocess.Popen[str]):
    """A process with the trunk's module and these arguments; ``how`` is as for ``subprocess.Popen``, with text.

    Elsewhere than on Linux, it is an interpreter that starts.
    """

    def __init__(self, trunk: Trunk, *arguments: str, **how: Any) -> None:
        self._trunk = trunk
        command = [sys.executable, *trunk.options, "-m", trunk.module, *arguments]
        super().__init__(command, text=True, **how)

    if sys.platform == "linux":

        def _execute_child(
            self,
            args: list[str],
            executable: object,
            preexec_fn: object,
            close_fds: object,
            pass_fds: object,
            cwd: object,
            env: Mapping[str, str] | None,
            startupinfo: object,
            creationflags: object,
            shell: object,
            *ends: Any,
        ) -> None:
            """Fork instead of what ``subprocess.Popen`` does here: it forks and executes (Python 3.11 to 3.14)."""
            assert (executable, preexec_fn, pass_fds, shell) == (None, None, (), False)
            reads, _, _, writes, _, complains = pipes = ends[:6]
            streams = [
                given if given >= 0 else own for own, given in enumerate((reads, writes, complains))
            ]
            request = {
                "argv": args[args.index(self._trunk.module) :],
                "cwd": str(cwd or Path.cwd()),
                "environment": dict(os.environ if env is None else env),
            }
            self.pid = _fork(self._trunk, request, streams)
            self._child_created = True
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined] # typeshed has public names alone


def run(
    trunk: Trunk, *arguments: str, printed: str | None = None, **how: Any
) -> subprocess.CompletedProcess[str]:
    """Run the trunk's module until it exits, as ``subprocess.run`` would, and capture its output.

    Args:
        printed: its standard input; None for the test's own.
        how: as for ``subprocess.Popen``.
    """
    pipe = subprocess.PIPE
    if printed is not None:
        how["stdin"] = pipe
    with Forked(trunk, *arguments, stdout=pipe, stderr=pipe, **how) as process:
        try:
            output, errors = process.communicate(printed, timeout=SAFETY_NET)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def close_trunks() -> None:
    """End the processes from which others were forked."""
    while _trunks:
        process, connection = _trunks.popitem()[1]
        connection.close()
        process.wait(SAFETY_NET)


def _fork(trunk: Trunk, request: object, streams: list[int]) -> int:
    """Have the trunk fork, and return the number of the process, which becomes a child of this one."""
    with _forking:
        _, connection = _trunks[trunk] = _trunks.get(trunk) or _planted(trunk)
        _adopt_orphans(True)
        try:
            socket.send_fds(connection, [json.dumps(request).encode()], streams)
            return int(connection.recv(MOST_OCTETS))
        finally:
            _adopt_orphans(False)


def _planted(trunk: Trunk) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(SAFETY_NET)
    with theirs:
        command = [sys.executable, *trunk.options, "-m", __name__, f"{theirs.fileno()}"]
        process = subprocess.Popen(
            [*command, trunk.module, *trunk.imports], cwd=ROOT, pass_fds=[theirs.fileno()]
        )
    return process, ours


def _adopt_orphans(adopts: bool) -> None:
    """Have orphans among this process's descendants become its children, or init's."""
    assert not ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0)


def main(descriptor: str, module: str, *imports: str) -> None:
    """Import, and fork for each request; each process that is forked returns from `_serve` and runs the module."""
    for name in imports:
        package = import_module(name.removesuffix(".*"))
        if name.endswith(".*"):
            for found in walk_packages(package.__path__, f"{package.__name__}."):
                import_module(found.name)
    gc.collect()
    gc.freeze()  # so that the collector of a fork leaves these pages alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the test's process decides when this one ends
    with socket.socket(fileno=int(descriptor)) as connection:
        request = _serve(connection)
    if request is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _become(request)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _serve(connection: socket.socket) -> dict[str, Any] | None:
    """Return in each forked process with the request, and in this one when there are no more."""
    assert threading.active_count() == 1  # a fork has no other threads, and would wait for them
    while True:
        octets, streams, _, _ = socket.recv_fds(connection, MOST_OCTETS, STANDARD_STREAMS)
        if not octets:
            return None
        reading, writing = os.pipe()
        between = os.fork()
        if between or (number := os.fork()):
            if not between:
                os.write(writing, b"%d" % number)
                os._exit(0)  # now the forked process is an orphan, and the test's process adopts it
            for each in (writing, *streams):
                os.close(each)
            os.waitpid(between, 0)
            connection.send(os.read(reading, 32))
            os.close(reading)
            continue
        for each in (reading, writing):
            os.close(each)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        request: dict[str, Any] = json.loads(octets)
        return request


def _become(request: dict[str, Any]) -> None:
    """Take on the directory, the environment and the arguments of a request."""
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv = request["argv"]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 # as for each of these, Python closes it at the end
    sys.stdout = open(1, "w", buffering=_buffering(1), closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115


def _buffering(descriptor: int) -> int:
    return 1 if os.isatty(descriptor) else -1  # by lines, as Python does, or by default


if __name__ == "__main__":
    main(*sys.argv[1:])
