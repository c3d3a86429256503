"""Settings of a process that serves many connections, and its ready file."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

from netsplode.usage import Refused

SWITCH_SECONDS = 0.0001


def collect_garbage_rarely() -> None:
    """Make collections rare, since connections leave no cycles and ten thousand make a collection slow."""
    gc.freeze()
    gc.set_threshold(10_000, 50, 1_000)


def switch_threads_often() -> None:
    """Let the loop continue soon after each system call, although another thread computes.

    Python's 5 ms would pass several times until the loop has sent an octet that is due.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


def raise_descriptor_limit() -> float:
    """Raise the limit of descriptors, since each connection needs one, and return the new limit."""
    if sys.platform == "win32":
        return inf
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS refuses an unlimited number
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return inf if soft == resource.RLIM_INFINITY else soft


@contextmanager
def announcing() -> Iterator[None]:
    """Turn an OSError of the block, which announces the servers' addresses, into `Refused`.

    Raises:
        Refused: the ready file or standard output can't be written.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or "to standard output"
        raise Refused(f"can't write {where}: {error.strerror}") from None


@contextmanager
def kept_ready_file(path: Path | None) -> Iterator[None]:
    """Remove an old ready file now and this run's at the end, so that no client connects to dead ports.

    Raises:
        Refused: the old file can't be removed.
    """
    try:
        _remove(path)
    except OSError as error:
        raise Refused(f"can't replace {error.filename}: {error.strerror}") from None
    try:
        yield
    finally:
        with suppress(OSError):  # a leftover file does not make the exit a failure
            _remove(path)


def _remove(path: Path | None) -> None:
    if path is not None and path.is_file():  # a FIFO or device is not ours to remove
        path.unlink()


def write_ready_file(path: Path, content: Mapping[str, Mapping[str, object]]) -> None:
    """Write the ready file atomically."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
