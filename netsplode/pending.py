"""A reset that runs in a thread of its own."""

from __future__ import annotations

import atexit
import threading
import weakref
from concurrent.futures import CancelledError

from netsplode import resetting
from netsplode.errors import ResetTimeout
from netsplode.result import ResetResult
from netsplode.techniques import Steps


class _Cancelled(BaseException):
    """The signal that unwinds the steps after `PendingReset.cancel`."""


class PendingReset:
    """A reset that has begun. At exit, every reset that still waits is cancelled and joined."""

    def __init__(self, todo: Steps[ResetResult]) -> None:
        self._todo = todo
        self._cancelled = threading.Event()
        self._result: ResetResult | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="netsplode reset", daemon=True)
        _pending.add(self)
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the reset has ended; return False if it has not within ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def result(self, timeout: float | None = None) -> ResetResult:
        """Wait for the result.

        Raises:
            CancelledError: the reset was cancelled in time.
            ResetTimeout: the reset has not ended within ``timeout`` seconds.
            NetsplodeError: the error that a blocking `reset_connection` would raise.
        """
        if not self.wait(timeout):
            raise ResetTimeout("the reset is still under way")
        if isinstance(self._error, _Cancelled):
            raise CancelledError("the reset was cancelled")
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def cancel(self) -> bool:
        """Cancel the reset, and return True if that came in time."""
        self._cancelled.set()
        self._thread.join()
        return isinstance(self._error, _Cancelled)

    def _run(self) -> None:
        try:
            self._result = resetting.run(self._todo, self._pause)
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._error = error
        finally:
            self._todo.close()

    def _pause(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise _Cancelled


_pending: weakref.WeakSet[PendingReset] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for pending in list(_pending):
        pending.cancel()
