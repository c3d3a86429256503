"""Clients that need an event loop, of trio or asyncio; the loop runs in a thread of its own."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import ClassVar, Unpack

import aiohttp
import anyio.to_thread
import httpx
from anyio.from_thread import start_blocking_portal

from tests.clients.outcomes import Answer
from tests.clients.sessions import (
    ALL_CODINGS,
    How,
    HttpxSession,
    Request,
    Session,
    context,
    lowered,
)

MAX_BYTES_BODY = 1 << 20  # octets; aiohttp warns about a longer body that is not a file


class LoopSession(Session):
    """A session whose methods are coroutines, called from threads."""

    backend: ClassVar[str]

    def __init__(self, **how: Unpack[How]) -> None:
        super().__init__(**how)
        self._opened = start_blocking_portal(self.backend)
        self._portal = self._opened.__enter__()
        self._stack = AsyncExitStack()
        self._portal.call(self._open)

    @abstractmethod
    async def _open(self) -> None:
        """Enter the client into the stack."""

    @abstractmethod
    async def _perform(self, request: Request) -> Answer:
        """Implement `perform` as a coroutine."""

    @abstractmethod
    def _pieces(self, url: str) -> AsyncIterator[bytes]:
        """Implement `stream` as an asynchronous generator."""

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
        client = httpx.AsyncClient(
            timeout=self.timeout, verify=context(self.authority), proxy=self.proxy
        )
        self._client = await self._stack.enter_async_context(client)

    async def _perform(self, request: Request) -> Answer:
        response = await self._client.request(
            request.method,
            request.url,
            headers=request.fields,
            content=_async_body(request),
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
        data = _async_body(request)
        if isinstance(data, bytes) and len(data) > MAX_BYTES_BODY:
            data = io.BytesIO(data)
        # Neither `async with` nor `response.read`: when the server has rejected the body, they raise the error of
        # its last chunk and hide the response.
        response = await self._session.request(
            request.method,
            request.url,
            headers=request.fields,
            data=data,
            allow_redirects=request.follow,
            expect100=request.expects_continue,
            proxy=self.proxy,
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


def _async_body(request: Request) -> bytes | AsyncIterator[bytes] | io.BytesIO | None:
    if isinstance(request.body, bytes | None):
        return request.body
    return _iterate_in_thread(request.body)


async def _iterate_in_thread(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Read the pieces in a worker thread, so that the loop goes on."""
    iterator = iter(pieces)
    while piece := await anyio.to_thread.run_sync(next, iterator, b""):
        yield piece
