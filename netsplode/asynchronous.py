"""`reset_connection` for event loops; `netsplode.trio` and `netsplode.aio` add how each loop waits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from netsplode.connections import AddressLike
from netsplode.order import Order, VerifyLike
from netsplode.plan import TechniqueName
from netsplode.resetting import begin
from netsplode.result import ResetResult
from netsplode.techniques import Step, Steps

if TYPE_CHECKING:
    from netsplode.inject import Injection


class Loop(ABC):
    """An event loop's ways of waiting."""

    async def reset_connection(
        self,
        target: object,
        remote: AddressLike | None = None,
        *,
        delay: float = 0.0,
        technique: TechniqueName = "auto",
        timeout: float = 5.0,
        verify: VerifyLike = "auto",
        forwarded: bool = False,
    ) -> ResetResult:
        """Reset a TCP connection like `netsplode.reset_connection`, without blocking the event loop.

        The arguments and errors are the same. A search in other processes runs in a thread. A call that
        is cancelled while it waits does nothing more.
        """
        await self.yield_once()
        order = Order.of(
            target,
            remote,
            delay=delay,
            technique=technique,
            timeout=timeout,
            verify=verify,
            forwarded=forwarded,
        )
        return await self._run(begin(order))

    async def _run(self, steps: Steps[ResetResult]) -> ResetResult:
        answer: object = None
        try:
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration as end:
                    result: ResetResult = end.value
                    return result
                answer = await self._carry_out(step)
        except GeneratorExit:  # the coroutine is being closed, and may not await
            steps.close()
            raise
        except BaseException:  # raised again; cancellation cleans up too
            await self.clean_up(steps.close)  # closing an injection takes some milliseconds
            raise

    async def _carry_out(self, step: Step) -> object:
        if callable(step):
            return await self.run_in_thread(step)
        if isinstance(step, float):
            await self.sleep(step)
        else:
            await self.wait_for(step)
        return None

    @abstractmethod
    async def yield_once(self) -> None:
        """Let other tasks run; raise if this one was cancelled."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""

    @abstractmethod
    async def wait_for(self, injection: Injection) -> None:
        """Wait until the injection has something to do."""

    @abstractmethod
    async def run_in_thread(self, work: Callable[[], object]) -> object:
        """Call ``work`` in a thread; a cancellation waits until it has returned."""

    @abstractmethod
    async def clean_up(self, close: Callable[[], object]) -> None:
        """Call ``close`` in a thread, even if this task was cancelled."""
