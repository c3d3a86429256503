"""Equal requests in a row, as whoever pipelines sends them: counted and answered in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hamms_trio.server.response import Response
from hamms_trio.server.routing import Match
from hamms_trio.server.service import Service

if TYPE_CHECKING:
    from hamms_trio.server.conversation import Conversation


def count_equal(octets: bytes, head: bytes, at: int, most: int) -> int:
    """How many times ``head`` stands in a row from ``at`` on, up to ``most``."""
    length = len(head)
    count = min(most, (len(octets) - at) // length)
    if octets.startswith(head * count, at):
        return count
    count = 0
    while octets.startswith(head, at + count * length):
        count += 1
    return count


def answer_equal(
    service: Service, talk: Conversation, match: Match, response: Response, numbers: range
) -> list[bytes]:
    """The answers to requests of these numbers, all of which get this plain response."""
    begun = service.clock()
    if begun >= service.next_second:
        service.tell_time(begun)
    given, most, tails = match.given_id, service.most_requests, service.tails
    ids = [given or service.new_id() for _ in numbers]
    before, after = response.preamble, response.content
    answers = [
        b"".join((before, request_id, tails[most - number if most else 0], after))
        for request_id, number in zip(ids, numbers, strict=True)
    ]
    ended, status, octets_in = service.clock(), response.status, len(match.head.octets)
    service.entries.extend(
        (begun, ended, match, status, octets_in, len(answer), talk, number, request_id)
        for answer, request_id, number in zip(answers, ids, numbers, strict=True)
    )
    return answers
