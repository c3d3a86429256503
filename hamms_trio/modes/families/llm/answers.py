"""Answers of language models that are refused, fail inside a 200, or break outside of a stream."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.families.llm.common import on_llm
from hamms_trio.modes.model.expectation import (
    may_retry,
    must_error,
)
from hamms_trio.modes.model.parameters import Choice, Seconds, Times
from hamms_trio.modes.streams.cut import until
from hamms_trio.modes.streams.faults import FAULTS, FinOrRst
from hamms_trio.modes.streams.parameters import (
    After,
    ErrorStatus,
    ErrorType,
    PerMinute,
    RetryAfter,
    ShouldRetry,
)
from hamms_trio.modes.streams.problems import (
    SIGN_IN,
    problem_named,
    problem_of,
    retry_fields,
    take,
    wait_fields,
)
from hamms_trio.modes.streams.stream import Stream, octets_of


@on_llm(
    client=must_error("the API's error event"),
    aliases=("sse-mid-error-200",),
    issues=(
        "anthropics/anthropic-sdk-python#1918",
        "anthropics/anthropic-sdk-python#1258",
        "anthropics/anthropic-sdk-go#200",
        "vercel/ai#10653",
        "use-agent-os/agent-os#2118",
    ),
    decides=True,
)
async def llm_error_event(
    stream: Stream,
    *,
    type: ErrorType = "overloaded_error",
    at: Annotated[str, Choice("mid", "first")] = "mid",
    after: After = 20,
    fails: Times = 1,
) -> None:
    """Send an error as an event of a 200, then end the body cleanly.

    With ``at=mid`` that follows some tokens, each time; with ``at=first`` it precedes all of them, in the first
    ``fails`` requests with this ``key``.
    """
    if not stream.is_wanted or (at == "first" and stream.peer.count(stream.key) > fails):
        await stream.play_healthy()
        return
    stream.peer.strike()
    after = after if at == "mid" else 0
    event = stream.shape.error_event(problem_named(type), stream.answer.cut(after))
    await stream.play([*octets_of(until(stream.pieces, after)), event])


@on_llm(
    client=must_error("RFC 9110 §8.3"),
    issues=(
        "QwenLM/qwen-code#6465",
        "letta-ai/letta-code#4419",
        "decolua/9router#3051",
    ),
    decides=True,
)
async def llm_error_200(
    stream: Stream, *, kind: Annotated[str, Choice("html", "json", "empty", "type")] = "html"
) -> None:
    """Answer 200 with a sign-in page, an error body, nothing, or a good stream labelled text/plain."""
    stream.peer.strike()
    if kind == "html":
        await stream.respond(200, SIGN_IN, "text/html; charset=utf-8")
    elif kind == "json":
        await stream.refuse(200, problem_of(401))
    elif kind == "empty":
        await stream.respond(200, b"", stream.shape.content_type)
    elif stream.is_wanted:
        await stream.play(octets_of(stream.pieces), content_type="text/plain")
    else:
        await stream.respond(200, stream.shape.document(stream.answer), "text/plain")


@on_llm(
    client=may_retry("RFC 9110 §10.2.3, RFC 6585 §4"),
    issues=(
        "openai/openai-python#3555",
        "vercel/ai#5018",
        "BerriAI/litellm#4387",
        "NousResearch/hermes-agent#26311",
    ),
    decides=True,
)
async def llm_status(
    stream: Stream,
    *,
    status: ErrorStatus = 429,
    fails: Times = 1,
    retry_after: RetryAfter = "1",
    should_retry: ShouldRetry = "none",
) -> None:
    """Refuse the first ``fails`` requests with this ``key`` by a status, then answer healthily.

    ``retry_after`` is a number of seconds, ``date`` (two seconds ahead), ``garbage``, ``none``, or ``ms``, which
    is ``retry-after-ms: 500``; ``should_retry`` sends ``x-should-retry``. A correct client sends the same body
    each time, not earlier than the server asks, and does not sleep through 3600 seconds without a word.
    """
    if stream.peer.count(stream.key) > fails:
        await stream.play_healthy()
        return
    stream.peer.strike()
    fields = retry_fields(retry_after, should_retry, stream.peer.environment)
    rates = stream.shape.rate_fields(60, 0, 1.0) if status == 429 else ()
    await stream.refuse(status, problem_of(status), *fields, *rates)


@on_llm(client=may_retry("RFC 6585 §4"), decides=True)
async def llm_quota(stream: Stream, *, rpm: PerMinute = 60) -> None:
    """Give each ``key`` ``rpm`` requests a minute, refilled evenly; a refusal (429) has the true time to wait."""
    wait, until_full = take(stream.peer.state("buckets"), stream.key, stream.now(), rpm)
    if not wait:
        await stream.play_healthy()
        return
    stream.peer.strike()
    fields = stream.shape.rate_fields(rpm, 0, until_full)
    await stream.refuse(429, problem_of(429), *wait_fields(wait), *fields)


@on_llm(
    client=may_retry("RFC 9110 §9.2.2"),
    issues=(
        "anthropics/anthropic-sdk-java#370",
        "stripe/ai#402",
    ),
    decides=True,
    unread=True,
)
async def llm_drop_post(
    stream: Stream,
    *,
    how: FinOrRst = "fin",
    times: Times = 1,
    read: Annotated[str, Choice("body", "head")] = "body",
) -> None:
    """Read a request whole, then close or reset without an answer; after ``times`` such requests answer healthily.

    With ``read=head`` its content is not read. A correct client sends the same ``Idempotency-Key`` each time, or
    does not repeat a POST.
    """
    dropped = stream.peer.count(stream.key) <= times
    if read == "body" or not dropped:
        await stream.read()
    if not dropped:
        await stream.play_healthy()
        return
    stream.peer.strike()
    await stream.hang_up(FAULTS[how])


@on_llm(client=must_error("RFC 9112 §8"), issues=("openai/openai-python#3269",), decides=True)
async def llm_nonstream(
    stream: Stream,
    *,
    kind: Annotated[str, Choice("cut", "stall", "slow")] = "cut",
    delay: Seconds = 10.0,
    hold: Seconds = 30.0,
) -> None:
    """Fail a request that wants no stream; others are answered healthily.

    ``cut`` sends half of what Content-Length says, then FIN; ``stall`` falls silent for ``hold`` seconds
    before that; ``slow`` sends the whole answer after ``delay`` seconds, and no octet before. The ledger says
    whether the client's TCP keep-alives bridge such a time.
    """
    if stream.is_wanted:
        await stream.play_healthy()
        return
    stream.peer.strike()
    if kind == "slow":
        await stream.wait(delay)
        await stream.play_healthy()
        return
    await stream.send_half(stream.shape.document(stream.answer))
    if kind == "stall":
        await stream.wait(hold)
    await stream.hang_up()
