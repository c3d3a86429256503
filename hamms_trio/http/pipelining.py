"""Equal requests in a row, as whoever pipelines sends them: counted and answered in one go."""

from __future__ import annotations

from hamms_trio.http.account import BATCH
from hamms_trio.http.answers import Answers
from hamms_trio.http.response import Response
from hamms_trio.http.routing import Match
from hamms_trio.http.service import Service

EXCHANGES_IN_ONE_GO = 64  # pipelined requests answered before the other clients get their turn,
TURN_SECONDS = 0.001  # and for so long, at most one of them longer


def answer_known(
    service: Service, talk: Answers, buffer: bytes, answers: list[bytes], turn_ends: float
) -> tuple[bytes, int]:
    """Answer the requests that are known, up to the first that is not; what is left, and octets of answers.

    Whoever pipelines repeats the same octets, which need not be searched for their end then.
    """
    at = octets = 0
    matcher, most_octets = service.matcher, service.limits.waiting_output
    while octets < most_octets and len(answers) < EXCHANGES_IN_ONE_GO:
        end = buffer.find(b"\r\n\r\n", at) + 4
        match = matcher.recall(buffer[at:end])
        if match is None or not match.plain:
            break
        response = match.route.fixed
        most = service.most_requests  # and the last of a connection is answered differently
        room = most - 1 - talk.number if most else EXCHANGES_IN_ONE_GO
        room = min(EXCHANGES_IN_ONE_GO - len(answers), room)
        if response is None or not response.plain or room < 1:
            answers.append(talk.answer(match, end - at, service.clock()))
            at = end
            if talk.closing or talk.job is not None or service.clock() >= turn_ends:
                break
        else:
            length = len(response.preamble) + len(response.content)
            room = min(room, 1 + (most_octets - octets) // length)  # the last one may be too much
            count = count_equal(buffer, buffer[at:end], at, room)
            numbers = range(talk.number + 1, talk.number + count + 1)
            answers += answer_equal(service, talk, match, response, numbers)
            talk.number += count
            talk.deadline = service.clock() + service.idle_seconds
            at += count * (end - at)
        octets = sum(map(len, answers))
    if len(service.entries) > BATCH or service.account.in_runs > BATCH:
        service.account.settle()
    return buffer[at:] if at else buffer, octets


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
    service: Service, talk: Answers, match: Match, response: Response, numbers: range
) -> list[bytes]:
    """The answers to requests of these numbers, all of which get this plain response."""
    begun = service.clock()
    if begun >= service.next_second:
        service.tell_time(begun)
    given, most, tails = match.given_id, service.most_requests, service.tails
    before, after = response.preamble, response.content
    status, octets_in = response.status, len(match.octets)
    if given and not most and numbers.start > 1:  # they are all the same
        answer, count = b"".join((before, given, tails[0], after)), len(numbers)
        service.account.in_runs += count
        ended, octets_out, first = service.clock(), len(answer), numbers.start
        service.entries.append(
            (begun, ended, match, status, octets_in, octets_out, talk, first, given, count)
        )
        return [answer] * count
    ids = [given or service.new_id() for _ in numbers]
    answers = [
        b"".join((before, request_id, tails[most - number if most else 0], after))
        for request_id, number in zip(ids, numbers, strict=True)
    ]
    ended = service.clock()
    service.entries += [
        (begun, ended, match, status, octets_in, len(answer), talk, number, request_id, 1)
        for answer, request_id, number in zip(answers, ids, numbers, strict=True)
    ]
    return answers
