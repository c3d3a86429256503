"""An exchange that needs a task."""

from __future__ import annotations

from hamms_trio.server.request import Content, Request
from hamms_trio.server.response import FileBody, Response
from hamms_trio.server.routing import Match


class Job:
    """What is known of it: its route waits, or its response is no plain octets.

    Attributes:
        response: what is to be sent, if that is known already.
        content: of the request, if it has any.
        has_answered: whether the head of the response was sent, or is being sent.
        is_sending: whether it is the client that it waits for, and not its route.
        is_overdue: whether its time is up: its task has to end.
    """

    __slots__ = (
        "begun",
        "content",
        "has_answered",
        "is_overdue",
        "is_sending",
        "match",
        "number",
        "request",
        "response",
    )

    def __init__(
        self,
        match: Match,
        request: Request,
        response: Response | None,
        content: Content | None,
        begun: float,
        number: int,
    ) -> None:
        self.match = match
        self.request = request
        self.response = response
        self.content = content
        self.begun = begun
        self.number = number
        self.has_answered = False
        self.is_sending = False
        self.is_overdue = False

    def abandon(self) -> None:
        """Let go of the file that no task has begun to send, and none will."""
        if self.response is not None and isinstance(self.response.body, FileBody):
            self.response.body.close()

    @property
    def octets_in(self) -> int:
        """What the request took, but for the framing of its chunks."""
        return len(self.match.head.octets) + (self.content.octets if self.content else 0)
