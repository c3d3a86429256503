"""The tasks of those exchanges that have to wait: a coroutine answers, or a body is sent piece by piece."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterable, Awaitable
from typing import ClassVar, Protocol, cast

import trio

from hamms_trio.errors import PeerGone, RequestError
from hamms_trio.http.conversation import CONTINUE, Conversation
from hamms_trio.http.job import Job
from hamms_trio.http.refusals import checked, internal_error, refusal
from hamms_trio.http.response import FileBody, Response
from hamms_trio.http.service import Service
from hamms_trio.wire import chunk, last_chunk

logger = logging.getLogger(__name__)

FILE_OCTETS = 256 * 1024  # read and sent in one go


class Carrier(Protocol):
    """Whoever carries a conversation's octets, as a task sees it.

    Attributes:
        sends_files: whether it goes on by itself with a job whose response is a file.
    """

    sends_files: ClassVar[bool]

    async def send(self, data: bytes) -> None:
        """Hand all of ``data`` to the kernel; raises PeerGone."""


class Incomplete(Exception):
    """A response can't be completed, and its head has been sent.

    Attributes:
        needs_reset: whether the client would take a close for the end of the message.
    """

    def __init__(self, *, needs_reset: bool) -> None:
        super().__init__()
        self.needs_reset = needs_reset


class FileShortened(Incomplete):
    """A file has fewer octets by now than its head says."""

    def __init__(self) -> None:
        super().__init__(needs_reset=False)
        logger.warning("a file became shorter while it was sent")


async def perform(carrier: Carrier, service: Service, conversation: Conversation, job: Job) -> None:
    """Answer one exchange; leave a file to a carrier that sends files.

    One that is overdue is left to be given up (see `Conversation.give_up`).

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
        job.returned(response)
        if job.is_overdue:  # and has ended all the same, since it didn't heed that it was cancelled
            job.close()
            return
        if carrier.sends_files and not isinstance(response.body, bytes) and job.file is not None:
            return
        head = conversation.encode(job.match, response, job.number, job.request.id)
        conversation.await_client(job)
        try:
            if isinstance(response.body, bytes) or job.match.head.method == "HEAD":
                await carrier.send(head)
                job.octets_out = len(head)
            else:
                await _send_body(carrier, service, conversation, job, head, response.body)
        except BaseException:
            conversation.break_off(job, response.status)
            raise
        conversation.finish(job, response.status, job.octets_out)
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


async def _send_body(
    carrier: Carrier,
    service: Service,
    conversation: Conversation,
    job: Job,
    head: bytes,
    body: FileBody | AsyncIterable[bytes],
) -> None:
    match = job.match
    try:
        if isinstance(body, FileBody):
            await _send_file(carrier, job, head, body)
        else:
            is_chunked = match.head.minor_version == 1
            await _send_pieces(carrier, conversation, job, head, body, chunked=is_chunked)
    except (PeerGone, Incomplete):
        raise
    except Exception as error:
        logger.exception("%s: bug while sending the body", match.route.key)
        service.account.errors["dispatch"] += 1
        raise Incomplete(needs_reset=not match.head.minor_version) from error
    finally:
        job.close()


async def _send_octets(carrier: Carrier, job: Job, octets: bytes) -> None:
    await carrier.send(octets)
    job.octets_out += len(octets)


async def _send_pieces(
    carrier: Carrier,
    conversation: Conversation,
    job: Job,
    head: bytes,
    pieces: AsyncIterable[bytes],
    *,
    chunked: bool,
) -> None:
    await _send_octets(carrier, job, head)
    try:
        conversation.await_route(job)
        async for piece in pieces:
            if not piece:  # an empty chunk would be the last
                continue
            conversation.await_client(job)
            await _send_octets(carrier, job, chunk(piece) if chunked else piece)
            conversation.await_route(job)
    finally:
        aclose = getattr(pieces, "aclose", None)
        if aclose is not None:
            await aclose()
    if chunked:
        await _send_octets(carrier, job, last_chunk())


async def _send_file(carrier: Carrier, job: Job, head: bytes, body: FileBody) -> None:
    """A thread reads it: not everybody can hand a file to the kernel."""
    waiting, file = head, body.file.fileno()
    for piece in body.pieces:
        if isinstance(piece, bytes):
            waiting += piece
            continue
        await _send_octets(carrier, job, waiting)
        waiting, at = b"", piece.start
        while at < piece.stop:
            count = min(piece.stop - at, FILE_OCTETS)
            octets = await trio.to_thread.run_sync(os.pread, file, count, at)
            if not octets:
                raise FileShortened
            await _send_octets(carrier, job, octets)
            at += len(octets)
    if waiting:
        await _send_octets(carrier, job, waiting)
