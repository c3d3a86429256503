"""The HTTP client of runs: httpx, with the losses that a step reports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ssl import SSLCertVerificationError, SSLContext, SSLEOFError, SSLError
from typing import Any

import httpcore
import httpx
import trio

from hamms_trio.workbench.routing.received import MAX_ANSWER_OCTETS
from hamms_trio.workbench.scenarios.steps.sending import Loss, ResponseLost, StepAnswer, StepRequest

SLICE = 512  # coded octets that are decoded at once: a bomb expands them a thousandfold

_WRITES = ("http11.send_request_headers.failed", "http11.send_request_body.failed")
_MESSAGES = {
    "Server disconnected without sending a response": Loss.CLOSED,
    "peer closed connection without sending complete message body": Loss.INCOMPLETE,
}


@asynccontextmanager
async def open_client(base_url: str, verify: SSLContext) -> AsyncIterator[StepClient]:
    """Open a client while the ``async with`` block runs.

    Args:
        verify: the trusted certificates; an empty context is cheap, and enough for plain HTTP.
    """
    opened = httpx.AsyncClient(base_url=base_url, verify=verify, timeout=None, trust_env=False)
    async with opened as client:
        yield StepClient(client)


class StepClient:
    """The client that sends the requests of steps; it follows no redirect."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: StepRequest) -> StepAnswer:
        """Return the whole answer.

        Raises:
            Lost: no response could be read.
        """
        seen = _Seen()
        try:
            answer = await self._send(request, seen)
        except httpx.HTTPError as error:
            loss = _loss_of(error)
            # A reset that comes before the request is written looks like a close to the next read.
            is_reset = seen.has_failed_to_write and loss is Loss.CLOSED
            raise ResponseLost(Loss.RESET if is_reset else loss) from None
        except (httpx.InvalidURL, ValueError) as error:
            raise ResponseLost(Loss.UNSENDABLE, str(error)) from None
        else:
            seen.stream = None
        finally:
            await seen.close()
        return answer

    async def _send(self, request: StepRequest, seen: _Seen) -> StepAnswer:
        built = self._client.build_request(
            request.method,
            request.target,
            headers=[(name.encode(), value.encode()) for name, value in request.fields],
            content=request.body or None,
            extensions={"trace": seen.note},
        )
        response = await self._client.send(built, stream=True)
        try:
            body = await _read(response)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await response.aclose()
        fields = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        return StepAnswer(response.status_code, fields, body)


class _Seen:
    """The events of one request, from httpcore's trace.

    Attributes:
        stream: the connection that was opened for the request.
    """

    def __init__(self) -> None:
        self.has_failed_to_write = False
        self.stream: httpcore.AsyncNetworkStream | None = None

    async def note(self, event: str, about: dict[str, Any]) -> None:
        """Record an event of httpcore's trace."""
        if event in _WRITES:
            self.has_failed_to_write = True
        elif event == "connection.connect_tcp.complete":
            self.stream = about["return_value"]

    async def close(self) -> None:
        """Close the connection of a failed request; after a cancelled handshake httpcore leaves it open."""
        if self.stream is not None:
            with trio.CancelScope(shield=True):
                await self.stream.aclose()


async def _read(response: httpx.Response) -> bytes:
    raw = await _read_raw(response)
    if "content-encoding" not in response.headers:
        return raw
    return await trio.to_thread.run_sync(_decoded, response.status_code, response.headers, raw)


async def _read_raw(response: httpx.Response) -> bytes:
    raw = bytearray()
    is_too_large = False
    try:
        async for piece in response.aiter_raw():
            raw += piece
            if len(raw) > MAX_ANSWER_OCTETS and not is_too_large:
                is_too_large = True
                await response.aclose()  # to leave the loop here would leave its generators behind
    except (httpx.HTTPError, httpx.StreamError):
        if not is_too_large:
            raise
    if is_too_large:
        raise ResponseLost(Loss.TOO_LARGE)
    return bytes(raw)


def _decoded(status: int, headers: httpx.Headers, raw: bytes) -> bytes:
    """Decode a content; blocks, so that it runs in a thread.

    Raises:
        httpx.DecodingError: the content does not fit its coding.
        Lost: the content is too large.
    """
    body = bytearray()
    for piece in httpx.Response(status, headers=headers, stream=_Slices(raw)).iter_bytes():
        body += piece
        if len(body) > MAX_ANSWER_OCTETS:
            raise ResponseLost(Loss.TOO_LARGE)
    return bytes(body)


class _Slices(httpx.SyncByteStream):
    """Coded octets in small slices, so that the decoded ones stay few."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def __iter__(self) -> Iterator[bytes]:
        octets = self._octets
        return (octets[start : start + SLICE] for start in range(0, len(octets), SLICE))


def _loss_of(error: httpx.HTTPError) -> Loss:
    causes = list(_causes(error))
    if any(isinstance(cause, SSLCertVerificationError) for cause in causes):
        return Loss.UNTRUSTED
    if any(isinstance(cause, SSLEOFError) for cause in causes):
        return Loss.CLOSED
    if any(isinstance(cause, SSLError) for cause in causes):
        return Loss.TLS
    if isinstance(error, httpx.DecodingError):
        return Loss.UNDECODABLE
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Loss.REFUSED
    if any(isinstance(cause, ConnectionResetError) for cause in causes):
        return Loss.RESET
    if isinstance(error, httpx.ConnectError):
        return Loss.UNREACHABLE
    if isinstance(error, httpx.NetworkError):
        return Loss.RESET
    if isinstance(error, httpx.TimeoutException):
        return Loss.TIMEOUT
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return Loss.UNSENDABLE
    return next((loss for text, loss in _MESSAGES.items() if text in str(error)), Loss.MALFORMED)


def _causes(error: BaseException | None) -> list[BaseException]:
    """List the error, its causes, and the errors that a group of them holds."""
    if error is None:
        return []
    within = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    found = [error, *_causes(error.__cause__ or error.__context__)]
    for inner in within:
        found += _causes(inner)
    return found
