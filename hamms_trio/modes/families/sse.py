"""Event streams that test the grammar of server-sent events, and how clients reconnect."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Annotated

from hamms_trio.errors import ParameterError
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    may_retry,
    must_error,
    must_stay_bounded,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, Octets, Seconds, Text, Times
from hamms_trio.modes.streams.cut import until
from hamms_trio.modes.streams.declare import on_stream
from hamms_trio.modes.streams.parameters import After, SseShape, Tokens
from hamms_trio.modes.streams.problems import problem_of
from hamms_trio.modes.streams.shapes import pieces
from hamms_trio.modes.streams.stream import Stream, octets_of
from hamms_trio.wire.event_stream import (
    BOM,
    CR,
    LF,
    ServerSentEvent,
    ended_in_turn,
    split_characters,
    split_each,
    split_line_ends,
)
from hamms_trio.wire.http1.build import CRLF

PARSING = "WHATWG HTML §9.2.5"
INTERPRETATION = "WHATWG HTML §9.2.6"
CONNECTING = "WHATWG HTML §9.2.3"

LINE_ENDS = {"lf": (LF,), "crlf": (CRLF,), "cr": (CR,), "mixed": (CRLF, LF, CR)}
SEPARATORS = {
    "u2028": "\u2028",
    "u2029": "\u2029",
    "u0085": "\x85",
    "vt": "\v",
    "ff": "\f",
    "u001c": "\x1c\x1d\x1e",
}
FORBIDDEN_IN_JSON = ("vt", "ff", "u001c")  # unescaped, as all control characters are (RFC 8259 §7)
RETRIES = {"zero": "0", "huge": "9" * 20, "negative": "-1", "letters": "soon", "octal": "0100"}
LONG_ID_OCTETS = 64 * 1024
ENDLESS_PIECE_OCTETS = 16 * 1024
LONG_CHARACTERS = "é€😀"  # of two, three and four octets in UTF-8

When = Annotated[str, Choice("connect", "reconnect")]


def sse(*, tokens: Tokens = 40, gap: Seconds = 0.0, shape: SseShape = "plain") -> None:
    """Declare the parameters of modes whose fault does not lie in the JSON."""


def plain(*, tokens: Tokens = 40, gap: Seconds = 0.0, key: Text = "default") -> None:
    """Declare the parameters of modes that need ids, or count connections: their shape is plain."""


on_sse = partial(on_stream, sse)
on_plain = partial(on_stream, plain, shape="plain")


# The grammar


@on_sse(
    client=must_succeed(PARSING),
    issues=(
        "rexxars/eventsource-parser#17",
        "EventSource/eventsource#326",
    ),
)
async def sse_crlf_split(
    stream: Stream, *, case: Annotated[str, Choice(*LINE_ENDS)] = "lf"
) -> None:
    """End lines with LF, CRLF, CR or all of them in turn, and split the chunks after each CR and each LF."""
    lines = (line for piece in stream.remaining for line in piece.event.lines())
    await stream.play(split_line_ends(ended_in_turn(lines, LINE_ENDS[case])))


@on_sse(
    client=must_succeed(PARSING),
    issues=(
        "florimondmanca/httpx-sse#34",
        "modelcontextprotocol/python-sdk#1356",
    ),
)
async def sse_line_separators(
    stream: Stream, *, char: Annotated[str, Choice(*SEPARATORS)] = "u2028"
) -> None:
    """Put an unescaped character into the data that some languages take for a line end, unlike the grammar.

    The character stands at the end of each token's word; ``u001c`` stands for U+001C to U+001E. JSON forbids
    ``vt``, ``ff`` and ``u001c``, so these exist in the shape plain only.
    """
    if char in FORBIDDEN_IN_JSON and stream.shape.name != "plain":
        raise ParameterError(f"char={char} needs shape=plain: JSON can't hold it unescaped")
    answer = stream.answer_with(mark=SEPARATORS[char])
    await stream.play(octets_of(pieces(stream.shape, answer)[stream.position :]))


@on_sse(client=must_succeed(PARSING))
async def sse_utf8_split(stream: Stream) -> None:
    """End a chunk after the first octet of each character of two, three and four octets."""
    answer = stream.answer_with(mark=LONG_CHARACTERS)
    events = pieces(stream.shape, answer)[stream.position :]
    await stream.play(split_characters(b"".join(octets_of(events))))


@on_sse(client=must_succeed(PARSING))
async def sse_bytewise(stream: Stream) -> None:
    """Send each octet of the stream in a chunk of its own."""
    await stream.play(split_each(b"".join(octets_of(stream.remaining))))


@on_sse(client=must_succeed(INTERPRETATION))
async def sse_multiline(stream: Stream) -> None:
    """Give each event several data lines, which a correct client joins by LF.

    In the shape plain each token comes twice, with an empty line in between; elsewhere the JSON is indented.
    """
    events = (piece.event for piece in stream.remaining)
    await stream.play(replace(event, data=_in_lines(event.data)).octets() for event in events)


@on_sse(client=must_succeed(INTERPRETATION))
async def sse_nospace(
    stream: Stream, *, case: Annotated[str, Choice("none", "two")] = "none"
) -> None:
    """Put no space after the colons, or two after those of data lines; a correct client drops one."""
    events = (piece.event for piece in stream.remaining)
    if case == "none":
        await stream.play(event.octets(spaces=0) for event in events)
    else:  # a marker that is no JSON keeps its meaning
        await stream.play(event.octets(1 + (event.data != "[DONE]")) for event in events)


@on_sse(client=must_succeed(PARSING))
async def sse_bom(
    stream: Stream, *, case: Annotated[str, Choice("one", "two", "middle", "split")] = "one"
) -> None:
    """Begin with a byte order mark, which is stripped; any other one is an ordinary character.

    ``two`` begins with two and a data line, whose field name is no longer ``data`` then: a correct client ignores
    this line. ``middle`` puts one into a token in the middle. ``split`` sends the three octets in three chunks.
    """
    events = octets_of(stream.remaining)
    if case == "two":
        events = [BOM + BOM + b"data: never\n", *events]
    elif case == "middle":
        answer = stream.answer
        half = len(answer.tokens) // 2
        tokens = (*answer.tokens[:half], "\ufeff" + answer.tokens[half], *answer.tokens[half + 1 :])
        events = octets_of(pieces(stream.shape, replace(answer, tokens=tokens)))
    else:
        events = [*([BOM] if case == "one" else split_each(BOM)), *events]
    await stream.play(events)


@on_sse(
    client=must_succeed(INTERPRETATION),
    issues=(
        "lathe-cli/lathe#131",
        "goadesign/goa#3964",
    ),
)
async def sse_eof_without_blank(stream: Stream) -> None:
    """Leave out the empty line after the last event, then end the body cleanly.

    A correct client discards this event, and never uses its id as Last-Event-ID. In the shape plain the event is
    one more than the tokens; elsewhere it is the marker of the end.
    """
    events = octets_of(stream.remaining)
    if stream.shape.name == "plain":
        number = len(stream.pieces) + 1
        events.append(ServerSentEvent("never dispatched", id=str(number)).octets())
    await stream.play([*events[:-1], events[-1].removesuffix(LF)])


@on_sse(client=must_stay_bounded(INTERPRETATION, Level.QUALITY))
async def sse_endless_line(
    stream: Stream, *, rate: Octets = 1024 * 1024, max: Octets = 16 * 1024 * 1024
) -> None:
    """Send one data line that does not end, at ``rate`` octets a second.

    After ``max`` octets the connection ends with FIN and without the last chunk.
    """
    await stream.open()
    await stream.send([b"data: "])
    for sent in range(0, max, ENDLESS_PIECE_OCTETS):
        piece = b"x" * min(ENDLESS_PIECE_OCTETS, max - sent)
        if rate:
            await stream.peer.sleep(len(piece) / rate)
        await stream.send([piece])
    await stream.hang_up()


@on_sse(client=must_time_out("the time without content is bounded"))
async def sse_silent(
    stream: Stream, *, interval: Seconds = 1.0, after: After = 20, hold: Seconds = 60.0
) -> None:
    """Send some events, then a comment every ``interval`` seconds; 0 stands for silence.

    After ``hold`` seconds the connection ends with FIN and without the last chunk.
    """
    await stream.open()
    await stream.send(octets_of(until(stream.remaining, after)))
    await stream.beat("comment" if interval else "none", interval, hold)
    await stream.hang_up()


# Reconnection


@on_plain(client=must_succeed(INTERPRETATION), decides=True)
async def sse_id(
    stream: Stream,
    *,
    case: Annotated[str, Choice("nul", "empty", "only", "long")] = "nul",
    after: After = 20,
) -> None:
    """End the body after some events and an odd id; a client that reconnects receives the rest.

    ``nul`` holds a NUL and is ignored; ``empty`` resets the last id, so that the client sends none; ``only``
    stands in a block without data and counts all the same; ``long`` has 64 KiB, which is more than a head may
    have here: a client that reconnects with it receives 431.
    """
    waiting = stream.peer.state("without an id")
    if case == "empty" and not stream.position and waiting.get(stream.key, False):
        waiting[stream.key] = False
        await stream.play(octets_of(stream.pieces[after:]))
        return
    if stream.position or not stream.is_wanted:
        await stream.play_healthy()
        return
    stream.peer.strike()
    waiting[stream.key] = case == "empty"
    odd = {"nul": "0\x00", "empty": "", "only": f"only-{after}"}
    id_ = odd.get(case, "x" * LONG_ID_OCTETS + f"-{after}")
    await stream.play([*octets_of(until(stream.pieces, after)), ServerSentEvent(id=id_).octets()])


@on_plain(client=must_succeed(CONNECTING), issues=("EventSource/eventsource#57",))
async def sse_last_event_id(stream: Stream, *, n: After = 5, retry: Seconds = 1.0) -> None:
    """Drop the connection (FIN without the last chunk) after each ``n`` events; 204 once all were sent.

    A correct client reconnects with the last id it has, after ``retry`` seconds, and delivers no event twice.
    """
    await _some(stream, n, str(round(retry * 1000)), "fin")


@on_plain(client=must_stay_bounded(INTERPRETATION))
async def sse_retry_abuse(
    stream: Stream, *, value: Annotated[str, Choice(*RETRIES)] = "zero", n: After = 5
) -> None:
    """Send ``retry`` with an odd value and end after each ``n`` events; 204 once all were sent.

    The value is 0, huge, negative, letters, or digits that look octal (0100 is a hundred milliseconds). A correct
    client ignores a value that is not digits, and limits a large one.
    """
    await _some(stream, n, RETRIES[value], "clean")


@on_plain(
    client=may_retry(CONNECTING),
    issues=(
        "EventSource/eventsource#57",
        "EventSource/eventsource#89",
        "EventSource/eventsource#125",
    ),
    decides=True,
)
async def sse_reconnect(
    stream: Stream,
    *,
    n: After = 5,
    how: Annotated[str, Choice("fin", "rst", "clean")] = "fin",
    times: Times = 1,
    retry: Seconds = 1.0,
) -> None:
    """End the first ``times`` answers with this ``key`` after ``n`` events, then send the rest.

    A correct client holds one connection at a time, and waits longer each time.
    """
    if not stream.is_wanted or stream.is_done or stream.peer.count(stream.key) > times:
        await stream.play_healthy()
        return
    stream.peer.strike()
    await _some(stream, n, str(round(retry * 1000)), how)


@on_plain(client=must_succeed(CONNECTING), decides=True)
async def sse_204(stream: Stream, *, at: When = "connect", after: After = 20) -> None:
    """Answer 204, on connecting or on reconnecting: a correct client stops."""
    if await _meets(stream, at, after):
        await stream.respond(204)


@on_plain(client=must_error(CONNECTING), decides=True)
async def sse_500(
    stream: Stream,
    *,
    status: Annotated[str, Choice("500", "503")] = "500",
    at: When = "connect",
    after: After = 20,
) -> None:
    """Answer 500, or 503 with Retry-After, on connecting or on reconnecting.

    A browser stops; a library may try again, within bounds.
    """
    if await _meets(stream, at, after):
        fields = (("Retry-After", "1"),) if status == "503" else ()
        await stream.refuse(int(status), problem_of(int(status)), *fields)


@on_plain(client=must_error(CONNECTING), decides=True)
async def sse_wrong_type(stream: Stream, *, at: When = "connect", after: After = 20) -> None:
    """Answer with a good stream that is labelled text/plain, on connecting or on reconnecting."""
    if await _meets(stream, at, after):
        await stream.play(octets_of(stream.remaining), content_type="text/plain")


@on_plain(client=may_choose(CONNECTING), decides=True)
async def sse_redirect(
    stream: Stream,
    *,
    status: Annotated[str, Choice("302", "301", "307", "308")] = "302",
    at: When = "connect",
    after: After = 20,
) -> None:
    """Redirect to a good stream, on connecting or on reconnecting; 301 and 308 do so permanently."""
    if stream.peer.http.path.endswith("/moved"):
        await stream.play_healthy()
    elif await _meets(stream, at, after):
        query = stream.request.query_string
        location = stream.peer.http.link("/moved") + (f"?{query}" if query else "")
        await stream.respond(int(status), b"", "", ("Location", location))


async def _some(stream: Stream, n: int, retry: str, how: str) -> None:
    """Play a retry field and the next ``n`` events."""
    events = octets_of(stream.remaining[:n])
    await stream.play([ServerSentEvent(retry=retry).octets(), *events], how)


async def _meets(stream: Stream, at: str, after: int) -> bool:
    """Return True if the fault is due; otherwise send the events before it, or the end."""
    if stream.is_done:
        await stream.play_healthy()
        return False
    if at == "connect" or stream.position:
        stream.peer.strike()
        return True
    await stream.play(octets_of(until(stream.pieces, after)))
    return False


def _in_lines(data: str | None) -> str:
    """Split the data into several lines."""
    try:
        return json.dumps(json.loads(data or ""), ensure_ascii=False, indent=1)
    except ValueError:
        return f"{data}\n\n{data}" if data != "[DONE]" else data
