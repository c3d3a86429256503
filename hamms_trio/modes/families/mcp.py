"""MCP over HTTP: a tool call is answered by an event stream that fails on its way (Streamable HTTP).

Everything but ``tools/call`` is answered truthfully, so that a client gets as far as its call. The wire format is
that of the public specification: POST with a JSON-RPC message, GET with Last-Event-ID to resume a stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Annotated

from hamms_trio.errors import MethodNotAllowed
from hamms_trio.modes.declare import FailureMode
from hamms_trio.modes.model.expectation import (
    Expectation,
    must_error,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, Seconds, Value
from hamms_trio.modes.streams.cut import until
from hamms_trio.modes.streams.declare import OnStream, on_stream
from hamms_trio.modes.streams.faults import How
from hamms_trio.modes.streams.options import parsed
from hamms_trio.modes.streams.parameters import After, KeepAlive, Tokens
from hamms_trio.modes.streams.shapes import pieces
from hamms_trio.modes.streams.shapes.shape import TOOL, compact
from hamms_trio.modes.streams.stream import Stream, octets_of
from hamms_trio.version import VERSION
from hamms_trio.wire import Field
from hamms_trio.wire.event_stream import ServerSentEvent

TRANSPORT = "MCP 2025-11-25, Transports, Streamable HTTP"
PROTOCOL = "2025-06-18"  # for clients that name none

TOOLS = [
    {
        "name": TOOL,
        "description": "Return the answer's text.",
        "inputSchema": {"type": "object", "properties": {}},
    }
]


def mcp(*, tokens: Tokens = 4, gap: Seconds = 0.0) -> None:
    """Declare the parameters of the whole family."""


def on_call(
    *, client: Expectation, issues: tuple[str, ...] = (), resumes: bool = False
) -> Callable[[OnStream], FailureMode]:
    """Declare a failure mode that acts on a tool call.

    Args:
        resumes: True if the mode also acts on a GET with which a client resumes the call's stream.
    """

    def declare(act: OnStream) -> FailureMode:
        @wraps(act)
        async def play(stream: Stream, **arguments: Value) -> None:
            call = _call(stream, resumes=resumes)
            if call is None:
                return await stream.respond(200 if stream.request.method == "DELETE" else 202)
            stream.speak(call)
            if stream.request.method == "POST" and (result := _result(stream)) is not None:
                return await stream.respond(*result)
            stream.peer.strike()
            await act(stream, **arguments)

        return on_stream(mcp, client=client, issues=issues, decides=True, shape="mcp")(play)

    return declare


@on_call(client=must_error(TRANSPORT))
async def mcp_cut(stream: Stream, *, how: How = "clean", after: After = 2) -> None:
    """End the stream after some notifications and without the response, as ``how`` says (see llm-cut).

    A GET that would resume the stream is answered 405, so a correct client reports an error.
    """
    await stream.play(octets_of(until(stream.pieces, after)), how)


@on_call(client=must_succeed(TRANSPORT), resumes=True)
async def mcp_resume(stream: Stream, *, retry: Seconds = 0.5, after: After = 2) -> None:
    """Send an id with empty data, ``retry`` and some notifications, then end; the rest comes by GET.

    A correct client comes back with Last-Event-ID, not before the time in ``retry``.
    """
    if stream.request.method == "GET":
        await stream.play(octets_of(stream.remaining))
        return
    first = ServerSentEvent("", id=f"{stream.answer.dialect}-0", retry=str(round(retry * 1000)))
    await stream.play([first.octets(), *octets_of(until(stream.pieces, after))])


@on_call(client=must_time_out(TRANSPORT))
async def mcp_heartbeat(
    stream: Stream, *, kind: KeepAlive = "comment", every: Seconds = 0.5, hold: Seconds = 60.0
) -> None:
    """Send keep-alives for ``hold`` seconds instead of the response, then FIN without the last chunk."""
    await stream.open()
    await stream.beat(kind, every, hold)
    await stream.hang_up()


@on_call(
    client=must_succeed("WHATWG HTML §9.2.6"),
    issues=("modelcontextprotocol/python-sdk#1670",),
)
async def mcp_empty_data(
    stream: Stream, *, kind: Annotated[str, Choice("id", "bare", "event")] = "id"
) -> None:
    """Put an event with empty data before each message: with an id, bare, or with a type."""
    id_ = f"{stream.answer.dialect}-0" if kind == "id" else None
    empty = ServerSentEvent("", "message" if kind == "event" else None, id_).octets()
    await stream.play(empty + event for event in octets_of(stream.pieces))


@on_call(
    client=must_succeed("WHATWG HTML §9.2.5"),
    issues=("modelcontextprotocol/python-sdk#1356",),
)
async def mcp_line_separators(
    stream: Stream, *, char: Annotated[str, Choice("u2028", "u2029", "u0085")] = "u2028"
) -> None:
    """Put a character into the JSON that some languages take for a line end, unescaped."""
    answer = stream.answer_with(mark=chr(int(char[1:], 16)))
    await stream.play(octets_of(pieces(stream.shape, answer)))


def _call(stream: Stream, *, resumes: bool) -> str | None:
    """Return the call's id as JSON, from the content or Last-Event-ID; None without a call.

    Raises:
        MethodNotAllowed: a GET wants another stream than that of a call.
    """
    if stream.request.method == "GET":
        call, _, _ = (stream.request.get("last-event-id") or "").rpartition("-")
        if not (resumes and _is_json(call)):
            raise MethodNotAllowed("there is no stream to resume", allow="POST, DELETE")
        return call
    message = parsed(stream.content) or {}
    return json.dumps(message["id"]) if "id" in message else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _result(stream: Stream) -> tuple[int, bytes, str, *tuple[Field, ...]] | None:
    """Return the correct answer to any request but a tool call, for which return None."""
    message = parsed(stream.content) or {}
    method, params = message.get("method"), message.get("params")
    if method == "tools/call":
        return None
    asked = params.get("protocolVersion") if isinstance(params, dict) else None
    results: dict[object, dict[str, object]] = {
        "initialize": {
            "protocolVersion": asked or PROTOCOL,
            "capabilities": {"tools": {}, "logging": {}},
            "serverInfo": {"name": "hamms", "version": VERSION},
        },
        "tools/list": {"tools": TOOLS},
    }
    response = {"jsonrpc": "2.0", "id": message["id"], "result": results.get(method, {})}
    fields = (("Mcp-Session-Id", stream.nonce),) if method == "initialize" else ()
    return 200, compact(response).encode(), "application/json", *fields
