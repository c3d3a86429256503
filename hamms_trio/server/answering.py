"""The tasks of those exchanges that have to wait: a coroutine answers, or a body is sent piece by piece."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterable, Awaitable
from typing import Protocol, cast

import trio

from hamms_trio.errors import PeerGone, RequestError
from hamms_trio.server.conversation import CONTINUE, Conversation
from hamms_trio.server.job import Job
from hamms_trio.server.refusals import checked, internal_error, refusal
from hamms_trio.server.response import FileBody, Response
from hamms_trio.server.service import Service
from hamms_trio.wire import chunk, last_chunk

logger = logging.getLogger(__name__)

FILE_OCTETS = 256 * 1024  # read and sent in one go


class Carrier(Protocol):
    """Whoever carries a conversation's octets, as a task sees it. Both raise PeerGone."""

    async def send(self, data: bytes) -> None:
        """Hand all of ``data`` to the kernel."""

    async def send_file(self, fd: int, extent: range) -> int:
        """The same with a part of a file; how much of it there was."""


async def send_pieces(carrier: Carrier, fd: int, extent: range) -> int:
    """`Carrier.send_file` for whoever can't hand a file to the kernel: a thread reads it."""
    at = extent.start
    while at < extent.stop:
        count = min(extent.stop - at, FILE_OCTETS)
        octets = await trio.to_thread.run_sync(os.pread, fd, count, at)
        if not octets:
            break
        await carrier.send(octets)
        at += len(octets)
    return at - extent.start


class Incomplete(Exception):
    """A response can't be completed, and its head has been sent.

    Attributes:
        needs_reset: whether the client would take a close for the end of the message.
    """

    def __init__(self, *, needs_reset: bool) -> None:
        super().__init__()
        self.needs_reset = needs_reset


async def perform(carrier: Carrier, service: Service, conversation: Conversation, job: Job) -> None:
    """Answer one exchange; that is left to be given up (see `Conversation.give_up`) if it is overdue.

    Raises:
        PeerGone: the client left before the end of it.
        Incomplete: the connection has to end, so that the client sees that something is missing.
    """
    content = job.content
    if content is not None and job.match.head.expects_continue and not content.octets:
        content.invite = lambda: carrier.send(CONTINUE)
    service.in_flight += 1
    try:
        response = job.response or await _respond(service, job)
        if job.is_overdue:  # and has ended all the same, since it didn't heed that it was cancelled
            job.response = response
            job.abandon()
            return
        octets = await _send(carrier, service, conversation, job, response)
        conversation.finish(job, response.status, octets)
    finally:
        service.in_flight -= 1


async def _respond(service: Service, job: Job) -> Response:
    handler = job.match.route.handler
    try:
        return checked(await cast("Awaitable[object]", handler(job.request)))
    except RequestError as problem:
        return refusal(problem)
    except PeerGone:
        raise
    except Exception:  # the boundary: a bug in one route costs one answer
        logger.exception("%s: bug in this route", job.match.route.key)
        return internal_error(service.account, job.request)


async def _send(
    carrier: Carrier, service: Service, conversation: Conversation, job: Job, response: Response
) -> int:
    match, body = job.match, response.body
    head = conversation.encode(match, response, job.number, job.request.id)
    conversation.await_client(job)
    if isinstance(body, bytes) or match.head.method == "HEAD":
        await carrier.send(head)
        return len(head)
    try:
        if isinstance(body, FileBody):
            return await _send_file(carrier, head, body)
        is_chunked = match.head.minor_version == 1
        return await _send_pieces(carrier, conversation, job, head, body, chunked=is_chunked)
    except (PeerGone, Incomplete):
        raise
    except Exception as error:
        logger.exception("%s: bug while sending the body", match.route.key)
        service.account.errors["dispatch"] += 1
        raise Incomplete(needs_reset=not match.head.minor_version) from error


async def _send_pieces(
    carrier: Carrier,
    conversation: Conversation,
    job: Job,
    head: bytes,
    pieces: AsyncIterable[bytes],
    *,
    chunked: bool,
) -> int:
    await carrier.send(head)
    octets = len(head)
    try:
        conversation.await_route(job)
        async for piece in pieces:
            if not piece:  # an empty chunk would be the last
                continue
            framed = chunk(piece) if chunked else piece
            conversation.await_client(job)
            await carrier.send(framed)
            conversation.await_route(job)
            octets += len(framed)
    finally:
        aclose = getattr(pieces, "aclose", None)
        if aclose is not None:
            await aclose()
    if chunked:
        await carrier.send(last_chunk())
        octets += len(last_chunk())
    return octets


async def _send_file(carrier: Carrier, head: bytes, body: FileBody) -> int:
    waiting, octets = head, 0
    try:
        for piece in body.pieces:
            if isinstance(piece, bytes):
                waiting += piece
                continue
            await carrier.send(waiting)
            octets += len(waiting)
            waiting = b""
            sent = await carrier.send_file(body.file.fileno(), piece)
            octets += sent
            if sent < len(piece):
                logger.warning("a file became shorter while it was sent")
                raise Incomplete(needs_reset=False)
        if waiting:
            await carrier.send(waiting)
        return octets + len(waiting)
    finally:
        body.close()
