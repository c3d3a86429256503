"""No run within a run: neither through the workbench's own routes, nor through a target that leads back here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hamms_trio.workbench.routing.problems import Problem

RUN_MARK = ("x-hamms-scenario-run", "1")  # on every request of a run to a target

_is_running: ContextVar[bool] = ContextVar("is_running", default=False)


@contextmanager
def no_recursion(mark: str | None = None) -> Iterator[None]:
    """Refuse runs within the ``with`` block.

    Args:
        mark: the request's field `RUN_MARK`, if it has one.

    Raises:
        Problem: the caller is part of a run.
    """
    if mark is not None or _is_running.get():
        raise Problem(508, "loop_detected", "a step of a scenario can't run a scenario")
    token = _is_running.set(True)
    try:
        yield
    finally:
        _is_running.reset(token)
