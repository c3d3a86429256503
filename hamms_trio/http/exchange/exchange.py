"""An exchange whose answer takes more than one turn."""

from __future__ import annotations

from hamms_trio.http.routes.content import Content
from hamms_trio.http.routes.match import Match
from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import FileBody, Response


class Exchange:
    """A request whose route is a coroutine, or whose response body is a file or a stream.

    Attributes:
        response: the response, once the route has returned it.
        content: the request's content, or None.
        has_answered: True once the response's head is being sent.
        is_sending: True while the exchange waits for the client, not for its route.
        is_overdue: True once the deadline has passed; the task has to end.
        octets_out: the number of response octets sent so far.
    """

    __slots__ = (
        "_octets_in",
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
        octets_in: int,
        begun: float,
        number: int,
    ) -> None:
        self.match = match
        self.request = request
        self.response = response
        self.content = content
        self._octets_in = octets_in  # without content that has not arrived
        self.begun = begun
        self.number = number
        self.has_answered = False
        self.is_sending = False
        self.is_overdue = False
        self.octets_out = 0

    @property
    def file(self) -> FileBody | None:
        """The part of a file that the response sends, if the response is known."""
        body = self.response.body if self.response is not None else None
        return body if isinstance(body, FileBody) and self.match.head.method != "HEAD" else None

    def set_response(self, response: Response) -> None:
        """Set the route's response and drop the content, unless a streamed response may go on reading."""
        self.response = response
        if self.content is None:
            return
        self.request = self.request.without_content()
        if isinstance(response.body, bytes | FileBody):
            self.content.drop()
        else:
            self.content.release_read()

    def close(self) -> None:
        """Close the file of the response, and drop the content of the request."""
        if self.content is not None:
            self.request = self.request.without_content()
            self.content.drop()
        if self.response is not None and isinstance(self.response.body, FileBody):
            self.response.body.close()

    @property
    def octets_in(self) -> int:
        """Octets of the request, without the framing of its chunks."""
        return self._octets_in + (self.content.octets if self.content is not None else 0)
