"""Streams of language models that break off, fall silent, drip, repeat or garble."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.families.llm.common import EVENTS, MARKER, on_llm
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error,
    must_error_or_succeed,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, Seconds
from hamms_trio.modes.streams.cut import cut, until, without
from hamms_trio.modes.streams.faults import HowOrTls
from hamms_trio.modes.streams.odd import ILLEGAL, LEGAL, odd_event
from hamms_trio.modes.streams.parameters import (
    After,
    At,
    Beat,
    KeepAlive,
    StallAt,
)
from hamms_trio.modes.streams.shapes import Finish, Part, pieces
from hamms_trio.modes.streams.stream import Stream, octets_of


@on_llm(client=must_succeed(EVENTS))
async def llm_ok(stream: Stream) -> None:
    """Answer with a healthy stream in the shape that the path asks for: the control."""
    await stream.play_healthy()


@on_llm(
    client=must_error("RFC 9112 §8; " + MARKER),
    issues=(
        "openai/openai-python#2065",
        "openai/openai-node#1738",
        "anthropics/anthropic-sdk-typescript#842",
        "pydantic/pydantic-ai#6610",
        "NVIDIA/TensorRT-LLM#18289",
        "BerriAI/litellm#32159",
    ),
)
async def llm_cut(
    stream: Stream, *, how: HowOrTls = "clean", at: At = "event", after: After = 20
) -> None:
    """End the body after some tokens, between two events, inside one, or inside a character.

    ``how`` is ``clean`` (the last chunk is sent: the framing says that the body is complete), ``fin``
    (FIN without it), ``rst``, ``delimited`` (no framing, FIN) or ``gzip`` (a gzip stream that breaks off
    within honest framing), or ``tls`` (no framing, FIN without close_notify), which needs https.
    """
    if how == "tls":
        stream.peer.need_tls("llm-cut with how=tls", "over plain HTTP there is no close_notify")
    answer = stream.answer_with(mark="€" if at == "utf8" else "")
    await stream.play(cut(pieces(stream.shape, answer), after, at), how)


@on_llm(
    client=must_error_or_succeed(MARKER, Level.SHOULD),
    issues=(
        "openai/openai-node#1738",
        "anthropics/anthropic-sdk-typescript#842",
    ),
)
async def llm_no_terminal(stream: Stream) -> None:
    """Send the whole text and its finish reason, and leave out the marker of the end.

    In the shapes responses and messages a correct client reports an error.
    """
    await stream.play(without(stream.pieces, Part.TERMINAL))


@on_llm(client=must_error(MARKER, Level.SHOULD), issues=("pydantic/pydantic-ai#6610",))
async def llm_no_finish(stream: Stream, *, after: After = 20) -> None:
    """Cut the text after some tokens, then send the marker of the end without a finish reason.

    In the shape responses the marker is ``response.completed`` with a status of null.
    """
    await stream.play(octets_of(pieces(stream.shape, stream.answer.cut(after))))


@on_llm(
    client=must_time_out("an idle timeout, or an end at the marker"),
    issues=(
        "openai/openai-node#1825",
        "anthropics/anthropic-sdk-typescript#867",
        "MoonshotAI/kimi-code#1798",
        "QwenLM/qwen-code#5143",
        "vercel/ai#11670",
    ),
)
async def llm_stall(
    stream: Stream, *, at: StallAt = "mid", after: After = 20, hold: Seconds = 30.0
) -> None:
    """Fall silent for ``hold`` seconds with the connection open, then end with FIN and without the last chunk.

    ``at`` is ``head`` (no head comes), ``first`` (no event), ``mid`` (after some tokens), ``inside`` (within
    an event) or ``after`` (after the marker of the end, where a correct client is done).
    """
    if at != "head":
        await stream.open()
        if at == "after":
            await stream.send(octets_of(stream.pieces))
        elif at != "first":
            await stream.send(cut(stream.pieces, after, "inside" if at == "inside" else "event"))
    await stream.wait(hold)
    await stream.hang_up()


@on_llm(
    client=must_time_out("the time without content is bounded"),
    issues=(
        "encode/httpx#1450",
        "tinyhumansai/openhuman#4763",
    ),
)
async def llm_heartbeat(
    stream: Stream,
    *,
    kind: KeepAlive = "comment",
    every: Seconds = 0.5,
    after: After = 20,
    hold: Seconds = 60.0,
) -> None:
    """Send keep-alives without content after some tokens, at the interval ``every`` (0 stands for silence).

    After ``hold`` seconds the connection ends with FIN and without the last chunk.
    """
    await stream.open()
    await stream.send(octets_of(until(stream.pieces, after)))
    await stream.beat(kind, every, hold)
    await stream.hang_up()


@on_llm(client=must_time_out("a total deadline, if one is set"))
async def llm_drip(stream: Stream, *, every: Seconds = 0.01) -> None:
    """Send a healthy stream whose body leaves octet by octet, at the interval ``every``."""
    await stream.open()
    await stream.drip(octets_of(stream.pieces), every)


@on_llm(client=must_succeed(EVENTS))
async def llm_slow_first(stream: Stream, *, delay: Seconds = 10.0, beat: Beat = "comment") -> None:
    """Send the head at once and the first event after ``delay`` seconds; until then a keep-alive each second.

    With ``beat=none`` the stream is silent until then: a client's idle timeout may count that.
    """
    await stream.open()
    await stream.beat(beat, 1.0, delay)
    await stream.send(octets_of(stream.pieces))
    await stream.end()


@on_llm(
    client=must_error_or_succeed(EVENTS),
    issues=(
        "openai/openai-python#2722",
        "openai/openai-python#3833",
        "modelcontextprotocol/python-sdk#1670",
    ),
)
async def llm_bad_event(
    stream: Stream, *, kind: Annotated[str, Choice(*LEGAL, *ILLEGAL)] = "no-data", after: After = 20
) -> None:
    """Put one odd event in the middle of a stream that is healthy otherwise.

    Legal ones, which a correct client passes over: ``no-data`` (``retry:`` alone), ``event-only``, ``comment``,
    ``empty`` (``data:``), ``unknown`` (a type that nobody knows) and ``ping``. Illegal ones, at which it reports
    an error or delivers all other text: ``json`` (cut), ``array``, ``null``, ``html`` and ``error-null``.
    """
    events = octets_of(stream.pieces)
    events.insert(len(list(until(stream.pieces, after))), odd_event(stream.shape, kind))
    await stream.play(events)


@on_llm(client=may_choose("the sequence_number of the shape responses"))
async def llm_repeat(
    stream: Stream, *, kind: Annotated[str, Choice("dup", "swap")] = "dup", after: After = 20
) -> None:
    """Send one token's event twice, or after the one that follows it.

    In the shape responses ``sequence_number`` shows this: a correct client reports or corrects it.
    """
    events = octets_of(stream.pieces)
    tokens = [at for at, piece in enumerate(stream.pieces) if piece.part is Part.TOKEN]
    at = tokens[min(after, len(tokens) - 1)]
    if kind == "dup":
        events.insert(at, events[at])
    elif at < tokens[-1]:
        events[at : at + 2] = reversed(events[at : at + 2])
    await stream.play(events)


@on_llm(client=must_succeed(MARKER))
async def llm_after_end(stream: Stream) -> None:
    """Send one more token after the marker of the end, which a correct client ignores.

    The shape plain has no marker: there the token follows the last one.
    """
    extra = stream.shape.extra(stream.answer, "after the end")
    await stream.play(octets_of((*stream.pieces, extra)))


@on_llm(client=must_error(MARKER), issues=("earendil-works/pi#9897",))
async def llm_tool_cut(
    stream: Stream,
    *,
    how: Annotated[str, Choice("clean", "finish", "length")] = "clean",
    after: After = 20,
) -> None:
    """End the arguments of a tool call in the middle of their JSON.

    ``how`` is ``clean`` (the body ends there), ``finish`` (the finish reason is a complete tool call all the
    same) or ``length`` (the finish reason is the limit of tokens). A correct client never delivers the call.
    """
    finish = {"finish": Finish.DONE, "length": Finish.LENGTH}.get(how, Finish.MISSING)
    call = stream.answer_with(tool=True)
    answer = call.cut(min(after, len(call.tokens) - 1), finish)
    parts = () if how != "clean" else (Part.TERMINAL, Part.USAGE)
    await stream.play(without(pieces(stream.shape, answer), *parts))
