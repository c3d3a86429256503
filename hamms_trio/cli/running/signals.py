"""SIGINT, SIGTERM and SIGHUP, handled before the server starts."""

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
        self._received: list[int] = []
        self._notify: Callable[[], None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[trio.Event]:
        """Yield an event that the first signal sets, even one that came before; the second cancels the block."""
        import trio

        token = trio.lowlevel.current_trio_token()
        event = trio.Event()
        with trio.CancelScope() as scope:

            def notify() -> None:
                event.set()
                if len(self._received) > 1:
                    scope.cancel()

            def notify_soon() -> None:
                with suppress(trio.RunFinishedError):
                    token.run_sync_soon(notify)

            self._notify = notify_soon
            if self._received:
                notify()
            yield event

    def on_hangup(self, do: Callable[[], None]) -> None:
        """Call the function on the loop's thread at each SIGHUP."""
        import trio

        token = trio.lowlevel.current_trio_token()

        def notify(_number: int, _frame: object) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(do, idempotent=True)

        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, notify)

    @property
    def first(self) -> str:
        """The name of the first signal."""
        return signal.Signals(self._received[0]).name

    def _on_signal(self, number: int, _frame: object) -> None:
        self._received.append(number)
        if self._notify is not None:
            self._notify()
