"""The tasks of exchanges that wait: a coroutine answers, or a body is sent piece by piece."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Awaitable
from typing import Protocol, cast

from hamms_trio.errors import PeerGone, RequestError
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.routes.refusals import checked, internal_error, refusal
from hamms_trio.http.routes.response import BodyBroken, FileBody, Response, SizedBody
from hamms_trio.http.serving.service import Service
from hamms_trio.wire import chunk, last_chunk
from hamms_trio.wire.http1.build import CONTINUE

logger = logging.getLogger(__name__)

FILE_OCTETS = 256 * 1024  # read and sent in one go


class Carrier(Protocol):
    """The connection that carries a conversation's octets, as a task sees it."""

    async def send(self, data: bytes) -> None:
        """Hand all of ``data`` to the kernel; raises PeerGone."""


class Incomplete(Exception):
    """A response can't be completed, and its head has been sent.

    Attributes:
        needs_reset: True if the client would take a close for the end of the message.
    """

    def __init__(self, *, needs_reset: bool) -> None:
        super().__init__()
        self.needs_reset = needs_reset


class BodyShortened(Incomplete):
    """A body has ended before the Content-Length that was sent."""

    def __init__(self) -> None:
        super().__init__(needs_reset=False)


class FileShortened(Incomplete):
    """A file has become shorter than the Content-Length that was sent."""

    def __init__(self) -> None:
        super().__init__(needs_reset=False)
        logger.warning("a file became shorter while it was sent")


async def perform(
    carrier: Carrier, service: Service, conversation: Conversation, exchange: Exchange
) -> None:
    """Answer one exchange, unless the carrier does: it sends files, and gives the connection away.

    An overdue exchange is left to `Conversation.abandon_overdue`.

    Raises:
        PeerGone: the client left before the end.
        Incomplete: the connection has to end, so that the client sees that something is missing.
    """
    content = exchange.content
    waits = service.invites and exchange.match.head.expects_continue
    if content is not None and waits and not content.octets:
        content.invite = lambda: carrier.send(CONTINUE)
    service.in_flight += 1
    try:
        response = exchange.response or await _respond(service, exchange)
        exchange.set_response(response)
        if exchange.is_overdue:  # the route has returned although it was cancelled
            exchange.close()
            await _close_unsent(response)
            return
        if exchange.file is not None or not response.is_ours:
            return
        head = conversation.encode(exchange, response)
        conversation.await_client(exchange)
        try:
            if isinstance(response.body, bytes | FileBody) or exchange.match.head.method == "HEAD":
                await carrier.send(head)
                exchange.octets_out = len(head)
            else:
                await _send_body(carrier, service, conversation, exchange, head, response.body)
        except BaseException:  # raised again; the log has cancelled answers too
            conversation.answers.note(exchange, response.status)
            raise
        conversation.finish(exchange, response.status)
    finally:
        service.in_flight -= 1


async def _close_unsent(response: Response) -> None:
    """Close a streamed body of which nothing is sent."""
    if isinstance(response.body, SizedBody):
        await response.body.aclose()


async def _respond(service: Service, exchange: Exchange) -> Response:
    handler = exchange.match.route.handler
    try:
        return checked(await cast("Awaitable[object]", handler(exchange.request)), exchange.request)
    except RequestError as problem:
        return refusal(problem)
    except PeerGone:
        raise
    except Exception:  # the boundary: a bug in one route costs one answer
        logger.exception("%s: bug in this route", exchange.match.route.key)
        return internal_error(service.account, exchange.request)


async def _send_body(
    carrier: Carrier,
    service: Service,
    conversation: Conversation,
    exchange: Exchange,
    head: bytes,
    body: AsyncIterable[bytes],
) -> None:
    match = exchange.match
    try:
        is_chunked = match.head.minor_version == 1 and not isinstance(body, SizedBody)
        await _send_pieces(carrier, conversation, exchange, head, body, chunked=is_chunked)
    except (PeerGone, Incomplete):
        raise
    except BodyBroken as broken:
        needs_reset = broken.needs_reset or not match.head.minor_version
        raise Incomplete(needs_reset=needs_reset) from broken
    except Exception as error:  # the boundary: a bug in one body costs one answer
        logger.exception("%s: bug while sending the body", match.route.key)
        service.account.errors["dispatch"] += 1
        raise Incomplete(needs_reset=not match.head.minor_version) from error
    finally:
        exchange.close()


async def _send_octets(carrier: Carrier, exchange: Exchange, octets: bytes) -> None:
    await carrier.send(octets)
    exchange.octets_out += len(octets)


async def _send_pieces(
    carrier: Carrier,
    conversation: Conversation,
    exchange: Exchange,
    head: bytes,
    pieces: AsyncIterable[bytes],
    *,
    chunked: bool,
) -> None:
    left = pieces.octets if isinstance(pieces, SizedBody) else 0
    try:
        await _send_octets(carrier, exchange, head)
        conversation.await_route(exchange)
        async for piece in pieces:
            if not piece:  # an empty chunk would be the last
                continue
            conversation.await_client(exchange)
            left -= len(piece)
            await _send_octets(carrier, exchange, chunk(piece) if chunked else piece)
            conversation.await_route(exchange)
    finally:
        aclose = getattr(pieces, "aclose", None)
        if aclose is not None:
            await aclose()
    if left > 0:
        raise BodyShortened
    if chunked:
        await _send_octets(carrier, exchange, last_chunk())
