"""A reset under way in a thread of its own."""

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
    """Unwinds the steps when nobody wants them any more."""


class PendingReset:
    """A reset that was begun. None is left behind at exit: what still waits is cancelled and joined."""

    def __init__(self, todo: Steps[ResetResult]) -> None:
        self._todo = todo
        self._cancelled = threading.Event()
        self._result: ResetResult | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="netsplode reset", daemon=True)
        _pending.add(self)
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, in whatever way; False if it has not within ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def result(self, timeout: float | None = None) -> ResetResult:
        """Wait for what came of it.

        Raises:
            CancelledError: it was cancelled in time.
            ResetTimeout: it has not ended within ``timeout`` seconds.
            NetsplodeError: as `reset_connection` raises it.
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
        """Don't reset if it has not been done yet; whether that came in time."""
        self._cancelled.set()
        self._thread.join()
        return isinstance(self._error, _Cancelled)

    def _run(self) -> None:
        try:
            self._result = resetting.run(self._todo, self._pause)
        except BaseException as error:  # noqa: BLE001 - kept for whoever asks for the result
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
