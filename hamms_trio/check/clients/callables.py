"""A client that is a Python function or coroutine function of this process.

A function can't be killed: where it hangs, its thread is left behind until the failure mode's door closes. Its
memory can't be separated from that of the check, so no verdict depends on memory.
"""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from hashlib import sha256
from typing import Any

import trio

from hamms_trio.check.client import (
    KEPT_OCTETS,
    Ability,
    Answer,
    Call,
    Order,
    PythonCallable,
    Stopped,
    Visit,
)

_NAMES = {
    "timeout": Ability.TIMEOUT,
    "method": Ability.METHOD,
    "headers": Ability.HEADERS,
    "body": Ability.BODY,
}

Delivered = tuple[int | None, dict[str, str], bytes]  # status, fields and body of a response


class CallableClient:
    """The client that calls a function in a thread; a coroutine function has an event loop of its own there.

    Args:
        most: how many threads may run at once.
    """

    def __init__(self, client: PythonCallable, *, most: int) -> None:
        self._call = client.call
        self._room = trio.CapacityLimiter(most)
        self._threads = trio.CapacityLimiter(most * 16)  # those that hang are left behind
        parameters = inspect.signature(client.call).parameters
        self._takes = frozenset(_NAMES) & parameters.keys()
        self.abilities = frozenset(_NAMES[name] for name in self._takes)
        if client.shape:
            self.abilities |= {Ability.SHAPE}

    async def visit(self, order: Order) -> Visit:
        """Call the function for each call."""
        answers: list[Answer] = []
        async with self._room:
            began = trio.current_time()
            with trio.move_on_after(order.cap) as scope:
                for call in order.calls:
                    await trio.sleep(call.after)
                    answers.append(await self._answer(call))
            return Visit(
                answers=tuple(answers),
                seconds=trio.current_time() - began,
                stopped=Stopped.CAP if scope.cancelled_caught else None,
            )

    async def _answer(self, call: Call) -> Answer:
        began = trio.current_time()
        run = partial(self._run, call)
        found = await trio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=self._threads)
        seconds = trio.current_time() - began
        if isinstance(found, BaseException):
            name = f"{type(found).__module__}.{type(found).__qualname__}"
            return Answer(ok=False, error=f"{name}: {found}"[:500], seconds=seconds)
        status, fields, body = found
        return Answer(
            ok=True,
            status=status,
            headers=fields,
            body=body[:KEPT_OCTETS],
            octets=len(body),
            sha256=sha256(body).hexdigest(),
            seconds=seconds,
        )

    def _run(self, call: Call) -> Delivered | BaseException:
        """Call the function, and return what it delivered, or what it raised."""
        wanted: dict[str, Any] = {
            "timeout": call.timeout,
            "method": call.method,
            "headers": dict(call.headers),
            "body": call.body,
        }
        given = {name: value for name, value in wanted.items() if name in self._takes}
        # The function is the user's and may raise anything: an error, a cancellation that escaped from its event
        # loop, or an exit. Each is its outcome, and none may end the check.
        try:
            result = self._call(call.url, **given)
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
            return _read(result)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 # as said above
            return error


async def _awaited(result: Any) -> Any:
    return await result


def _fields_of(result: Any) -> dict[str, str]:
    items = getattr(getattr(result, "headers", None), "items", None)
    return {str(name): str(value) for name, value in items()} if callable(items) else {}


def _read(result: Any) -> Delivered:
    """Return the status and the fields, if there are any, and the body of what a client returned.

    Raises:
        TypeError: no body can be found in it.
    """
    status = getattr(result, "status_code", getattr(result, "status", None))
    status = status if isinstance(status, int) else None
    fields = _fields_of(result)
    for name in ("content", "body", "read", "data"):
        if hasattr(result, name):
            result = getattr(result, name)
            result = result() if callable(result) else result
            break
    if result is None:
        return status, fields, b""
    if isinstance(result, str):
        return status, fields, result.encode()
    if isinstance(result, bytes | bytearray | memoryview):
        return status, fields, bytes(result)
    raise TypeError(
        f"the client returned {type(result).__name__}: expected bytes, a text, or a response"
    )
