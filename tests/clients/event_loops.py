"""Clients that run in a loop of trio's or asyncio's, which has a thread of its own here."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

import aiohttp
import anyio.to_thread
import httpx
from anyio.from_thread import start_blocking_portal

from tests.clients.outcomes import SAFETY_NET, Answer
from tests.clients.sessions import ALL_CODINGS, HttpxSession, Request, Session, context, lowered

NOT_WARNED_ABOUT = 1 << 20  # octets; of more, aiohttp says that they should come from a file


class LoopSession(Session):
    """A session whose methods are coroutines, called from threads."""

    backend: ClassVar[str]

    def __init__(self, *, timeout: float = SAFETY_NET, authority: Path | None = None) -> None:
        super().__init__(timeout=timeout, authority=authority)
        self._opened = start_blocking_portal(self.backend)
        self._portal = self._opened.__enter__()
        self._stack = AsyncExitStack()
        self._portal.call(self._open)

    @abstractmethod
    async def _open(self) -> None:
        """Enter the client into the stack."""

    @abstractmethod
    async def _perform(self, request: Request) -> Answer:
        """See `perform`."""

    @abstractmethod
    def _pieces(self, url: str) -> AsyncIterator[bytes]:
        """See `stream`."""

    def perform(self, request: Request) -> Answer:
        return self._portal.call(self._perform, request)

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        pieces = self._pieces(url)

        async def advance() -> bytes:
            return await anext(pieces, b"")

        yield iter(lambda: self._portal.call(advance), b"")

    def close(self) -> None:
        self._portal.call(self._stack.aclose)
        self._opened.__exit__(None, None, None)


class HttpxInTrioSession(LoopSession):
    backend = "trio"
    errors = HttpxSession.errors
    decodes = ALL_CODINGS

    async def _open(self) -> None:
        client = httpx.AsyncClient(timeout=self.timeout, verify=context(self.authority))
        self._client = await self._stack.enter_async_context(client)

    async def _perform(self, request: Request) -> Answer:
        response = await self._client.request(
            request.method,
            request.url,
            headers=request.fields,
            content=_for_loops(request),
            follow_redirects=request.follow,
        )
        return Answer(response.status_code, response.content, lowered(response.headers.items()))

    async def _pieces(self, url: str) -> AsyncIterator[bytes]:
        async with self._client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                yield piece


class AiohttpSession(LoopSession):
    backend = "asyncio"
    errors = (aiohttp.ClientError, TimeoutError)
    decodes = frozenset(("gzip", "br"))  # and zstd, from Python 3.14 on

    async def _open(self) -> None:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context(self.authority)),
            timeout=aiohttp.ClientTimeout(total=self.timeout),
        )
        self._session = await self._stack.enter_async_context(session)

    async def _perform(self, request: Request) -> Answer:
        data = _for_loops(request)
        if isinstance(data, bytes) and len(data) > NOT_WARNED_ABOUT:
            data = io.BytesIO(data)
        # Neither by `async with` nor by `response.read`: they raise what became of the last chunk of a body that
        # was refused, in place of the answer that says so.
        response = await self._session.request(
            request.method,
            request.url,
            headers=request.fields,
            data=data,
            allow_redirects=request.follow,
            expect100=request.expects_continue,
        )
        try:
            content = await response.content.read()
        finally:
            response.release()
        return Answer(response.status, content, lowered(response.headers.items()))

    async def _pieces(self, url: str) -> AsyncIterator[bytes]:
        async with self._session.get(url) as response:
            async for piece, _ in response.content.iter_chunks():
                yield piece


def _for_loops(request: Request) -> bytes | AsyncIterator[bytes] | io.BytesIO | None:
    if isinstance(request.body, bytes | None):
        return request.body
    return _from_threads(request.body)


async def _from_threads(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Pieces that may be waited for."""
    iterator = iter(pieces)
    while piece := await anyio.to_thread.run_sync(next, iterator, b""):
        yield piece
