"""SIGINT, SIGTERM and SIGHUP, from the first moment of the process on."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trio

logger = logging.getLogger(__name__)


class Signals:
    """The signals that end a server: the first drains it, the second ends it at once."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._notify: Callable[[], None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    @asynccontextmanager
    async def heeded(self) -> AsyncIterator[trio.Event]:
        """Set the event at the first signal, even if that came before; cancel the block at the second."""
        import trio

        token = trio.lowlevel.current_trio_token()
        event = trio.Event()
        with trio.CancelScope() as scope:

            def notify() -> None:
                event.set()
                if len(self._came) > 1:
                    scope.cancel()

            def notify_soon() -> None:
                with suppress(trio.RunFinishedError):
                    token.run_sync_soon(notify)

            self._notify = notify_soon
            if self._came:
                notify()
            yield event

    def on_hangup(self, do: Callable[[], None]) -> None:
        """Call the function on the loop's thread whenever SIGHUP comes."""
        import trio

        token = trio.lowlevel.current_trio_token()

        def notify(_number: int, _frame: object) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(do, idempotent=True)

        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, notify)

    @property
    def came(self) -> str:
        """The name of the first signal."""
        return signal.Signals(self._came[0]).name

    def _on_signal(self, number: int, _frame: object) -> None:
        self._came.append(number)
        if self._notify is not None:
            self._notify()
