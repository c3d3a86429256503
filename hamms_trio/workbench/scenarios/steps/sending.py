"""The seam between a run and the receivers of its requests: the workbench, a target, or a failure mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hamms_trio.workbench.routing.received import Pair
from hamms_trio.workbench.targets.failing import BAD_GATEWAY


class Loss(Enum):
    """The reason why no response could be read."""

    REFUSED = "the connection was refused"
    UNREACHABLE = "no connection could be made"
    CLOSED = "the connection was closed before a response"
    RESET = "the connection was reset"
    TIMEOUT = "the step timed out"
    INCOMPLETE = "the connection ended before the response did"
    MALFORMED = "the response is not HTTP"
    UNDECODABLE = "the content does not fit its coding"
    TOO_LARGE = "the response is larger than a step reads"
    UNTRUSTED = "the certificate is not trusted"
    TLS = "TLS has failed"
    UNSENDABLE = "the request can't be sent"

    @property
    def word(self) -> str:
        """The name of the loss in JSON, such as ``reset``."""
        return self.name.lower()


class ResponseLost(Exception):
    """No response could be read.

    Args:
        detail: a more exact message; equal in each run with the same seed.
    """

    def __init__(self, loss: Loss, detail: str = "") -> None:
        super().__init__(detail or loss.value)
        self.loss = loss


@dataclass(frozen=True, slots=True)
class StepRequest:
    """The request of a step.

    Attributes:
        target: the path with its query, as it is sent.
        fields: header fields; the sender adds Host, unless it is there, and the length.
        seconds: the time until the answer has to be complete.
    """

    method: str
    target: str
    fields: tuple[Pair, ...]
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """The answer to a step's request.

    Attributes:
        fields: names in any case, in the order in which they came.
        truncated: True if the body went on.
        loss: the reason why there was no response, with which `status` is 502.
    """

    status: int
    fields: tuple[Pair, ...] = ()
    body: bytes = b""
    truncated: bool = False
    loss: Loss | None = None


SendStep = Callable[[StepRequest], Awaitable[StepAnswer]]


class World(Protocol):
    """Everything that the requests of a run can reach.

    Attributes:
        host: the Host field of requests to the target ``local`` that have none.
    """

    host: str

    async def send(self, target_id: str, request: StepRequest) -> StepAnswer:
        """Return the answer of the workbench (the target ``local``) or of a target.

        Raises:
            Lost: no response could be read.
        """

    def failing(self, fail: str, seed: int) -> AbstractAsyncContextManager[SendStep]:
        """Serve a failure mode with its own state while the ``async with`` block runs.

        Args:
            fail: a slug, or a slug with a query.
            seed: decides every random choice of the mode.

        Returns:
            A function that sends a request to the mode.
        """


def lost_answer(lost: ResponseLost) -> StepAnswer:
    """Return the answer that reports a loss."""
    text = f"target dispatch error: {lost.loss.word}: {lost}"
    content_type = ("content-type", "text/plain; charset=utf-8")
    return StepAnswer(BAD_GATEWAY, (content_type,), text.encode(), loss=lost.loss)


class TargetSender(Protocol):
    """The targets of a workbench, as a run uses them."""

    async def send(self, name: str, request: StepRequest) -> StepAnswer:
        """Return the answer of the target with this id or name.

        Raises:
            Problem: there is no such target, or it must not be reached.
            Lost: no response could be read.
        """
