"""Processes at the other end of a connection."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from bench.machine import preparation

_FORK = multiprocessing.get_context("fork")  # call this before there are threads or connections

Side = Connection


@contextmanager
def forked(work: Callable[..., None], *arguments: object) -> Iterator[Side]:
    """Run ``work`` in a new process with one end of a pipe; yield the other end, then kill the process."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_prepared, args=(work, theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.kill()
        process.join()
        ours.close()


def _prepared(work: Callable[..., None], *arguments: object) -> None:
    preparation(None)()
    work(*arguments)
