"""An exchange that needs a task."""

from __future__ import annotations

from hamms_trio.http.request import Content, Request
from hamms_trio.http.response import FileBody, Response
from hamms_trio.http.routing import Match


class Job:
    """What is known of it: its route waits, or its response is no plain octets.

    Attributes:
        response: what is to be sent, once that is known.
        content: of the request, if it has any.
        has_answered: whether the head of the response was sent, or is being sent.
        is_sending: whether it is the client that it waits for, and not its route.
        is_overdue: whether its time is up: its task has to end.
        octets_out: of the response, sent so far.
    """

    __slots__ = (
        "begun",
        "content",
        "has_answered",
        "is_overdue",
        "is_sending",
        "match",
        "number",
        "octets_out",
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
        self.octets_out = 0

    @property
    def file(self) -> FileBody | None:
        """What is to be sent of a file, if that is known by now."""
        body = self.response.body if self.response is not None else None
        return body if isinstance(body, FileBody) and self.match.head.method != "HEAD" else None

    def returned(self, response: Response) -> None:
        """Its route has returned this, and what it was given is not kept any more; a stream may read on."""
        self.response = response
        if self.content is None:
            return
        self.request = self.request.without_content()
        if isinstance(response.body, bytes | FileBody):
            self.content.forget()
        else:
            self.content.keep_unread()

    def close(self) -> None:
        """Let go of the file that is sent, or was to be, and of the content."""
        if self.content is not None:
            self.request = self.request.without_content()
            self.content.forget()
        if self.response is not None and isinstance(self.response.body, FileBody):
            self.response.body.close()

    @property
    def octets_in(self) -> int:
        """What the request took, but for the framing of its chunks."""
        return len(self.match.octets) + (self.content.octets if self.content else 0)
