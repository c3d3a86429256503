"""The request that a route receives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from io import BytesIO

from hamms_trio.http.routes.content import Content
from hamms_trio.wire import RequestHead, parse_form


class Request:
    """One request.

    Attributes:
        parameters: the path's segments for the template's parameters, not decoded; the rest of the path as
            ``"*"``.
        id: the value of X-Request-ID in the response.
        client: address and port of the client.
        content: the whole content, for a plain function; a coroutine calls `read`.
    """

    __slots__ = ("_body", "client", "content", "head", "id", "parameters")

    def __init__(
        self,
        head: RequestHead,
        parameters: Mapping[str, str],
        request_id: bytes,
        client: tuple[str, int],
        content: bytes = b"",
        body: Content | None = None,
    ) -> None:
        self.head = head
        self.parameters = parameters
        self.id = request_id
        self.client = client
        self.content = content
        self._body = body

    def without_content(self) -> Request:
        """Return the request without its content, after the route has used that."""
        return Request(self.head, self.parameters, self.id, self.client)

    @property
    def is_read(self) -> bool:
        """True if `content` is all of the content."""
        return self._body is None

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def path(self) -> str:
        """The target's path, percent-encoded as it was sent."""
        return self.head.path

    @property
    def query_string(self) -> str:
        return self.head.query_string

    @property
    def query(self) -> dict[str, str]:
        """The query as a form; the last value of a repeated name counts."""
        return parse_form(self.head.query_string)

    def get(self, name: str) -> str | None:
        """Return a field's value, its lines combined, or None; ``name`` in lower case."""
        return self.head.get(name)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the content as it arrives; the errors are those of `Content.receive_some`."""
        if self._body is not None:
            while piece := await self._body.receive_some():
                yield piece

    async def read(self) -> bytes:
        """Return the whole content; the errors are those of `Content.receive_some` and `Content.collect`."""
        if self._body is not None:
            self._body.collect()
            content = BytesIO()
            async for piece in self.pieces():
                content.write(piece)
            self.content += content.getvalue()
            self._body = None
        return self.content
