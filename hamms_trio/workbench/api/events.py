"""/api/events: a page of events, a stream of events, and whether streams are available."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import trio

from hamms_trio.http import Response
from hamms_trio.http.accounting.access_log import ENGINE
from hamms_trio.http.routes.response import JSON
from hamms_trio.wire.event_stream import EVENT_STREAM
from hamms_trio.workbench.api.operations import ApiCall, Operation, Query, success
from hamms_trio.workbench.bench import Bench
from hamms_trio.workbench.live.events import LogSubscription
from hamms_trio.workbench.live.selection import Selection, read_selection
from hamms_trio.workbench.routing.problems import Problem

DEFAULT_PAGE = 200
MAX_PAGE = 1_000
POLL_MS = 1_000
DRAIN_LOOK = 0.5  # seconds between two looks at whether the server drains
USE_SELECTORS = "use_selectors_engine"  # the reference's code
PARAMETERS = (
    Query(name="since_id", description="The id of the last event that the caller has."),
    Query(name="limit", description=f"Events of a page, at most {MAX_PAGE}."),
    Query(
        name="topics",
        description="Types of events, separated by commas; connection.* stands for every type "
        "that begins so. Default: all.",
    ),
    Query(name="mode", description="Only events of connections that met this failure mode."),
    Query(name="door", description="Only events of connections to this door."),
    Query(name="connection", description="Only events of the connection with this number."),
)
_PAGE = {
    "type": "object",
    "required": ["events", "latest_id", "oldest_id", "overflowed", "refresh_ms"],
}


async def snapshot(call: ApiCall) -> Response:
    bench, query = call.bench, call.request.query
    bench.service.account.settle()
    log = bench.events
    selection = read_selection(query)
    bench.feed.look(selection)
    position = _number(query.get("since_id") or call.request.get("last-event-id"), 0)
    limit = min(MAX_PAGE, _number(query.get("limit"), DEFAULT_PAGE) or 1)
    found, _, overflowed = log.since(position, limit, selection)
    known = msgspec.json.encode(
        {
            "latest_id": log.latest_id,
            "oldest_id": log.oldest_id,
            "overflowed": overflowed,
            "refresh_ms": bench.settings.refresh_ms,
        }
    )
    events = b", ".join(event.document for event in found)
    octets = b'{"events": [%b], %b' % (events, known[1:])
    return Response(200, octets, (("Content-Type", JSON),))


async def stream(call: ApiCall) -> Response:
    bench, query = call.bench, call.request.query
    bench.service.account.settle()
    text = query.get("since_id") or call.request.get("last-event-id")
    position = _number(text, 0) if text else None
    selection = read_selection(query)
    subscription = LogSubscription(bench.events, position, selection)
    fields = (
        ("Content-Type", EVENT_STREAM),
        ("Cache-Control", "no-cache"),
        ("X-Accel-Buffering", "no"),
        ("X-Events-Latest-ID", str(bench.events.latest_id)),
        ("X-Event-Heartbeat-Secs", f"{bench.settings.heartbeat:g}"),
    )
    return Response(200, _events(bench, subscription, selection), fields)


async def live_mode(_call: ApiCall) -> Response:
    return _live_mode()


async def no_live_mode(_call: ApiCall) -> Response:
    return _live_mode("live_events_disabled")


async def live_mode_refused(_call: ApiCall) -> Response:
    return _live_mode(USE_SELECTORS)


async def stream_refused(_call: ApiCall) -> Response:
    message = (
        "live events require selectors engine: leave out --engine threadpool, "
        "or add --no-live-events-require-selectors"
    )
    raise Problem(409, USE_SELECTORS, message)


async def disabled(_call: ApiCall) -> Response:
    raise Problem(404, "disabled", "live events disabled")


def _live_mode(reason: str = "") -> Response:
    return success(
        {
            "available": not reason,
            "engine": ENGINE,
            "required_engine": ENGINE,
            "reason": reason,
            "fallback": {"mode": "snapshot_polling", "refresh_ms": POLL_MS},
            "actions": {"retry": True, "recommended_command": "hamms-trio workbench"},
        }
    )


async def _events(
    bench: Bench, subscription: LogSubscription, selection: Selection
) -> AsyncIterator[bytes]:
    """Yield the stream until the client leaves or the server drains."""
    with bench.feed.watched(selection):
        yield b"retry: %d\n\n" % bench.settings.refresh_ms
        heartbeat = bench.settings.heartbeat
        patience = min(DRAIN_LOOK, heartbeat)
        silent_since = trio.current_time()
        while not bench.service.drain_began:
            octets = b""
            if await subscription.wait(patience):
                octets = subscription.take_rendered()
            elif trio.current_time() >= silent_since + heartbeat:
                octets = b": heartbeat\n\n"
            if octets:
                silent_since = trio.current_time()
                yield octets


def _number(text: str | None, otherwise: int) -> int:
    """Read a number as the reference does: 0 for a negative one, ``otherwise`` for any other text."""
    digits = (text or "").strip()
    if digits.startswith("-") and digits[1:].isdigit():
        return 0
    return (
        int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 19 else otherwise
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/events/snapshot",
        handler=snapshot,
        summary="List events, the oldest first.",
        query=PARAMETERS,
        answer=_PAGE,
        statuses=(400,),
    ),
    Operation(
        method="GET",
        path="/api/events/stream",
        handler=stream,
        summary="Send events as they happen (server-sent events).",
        query=PARAMETERS,
        answer={"type": "string"},
        statuses=(400,),
        media_type=EVENT_STREAM,
    ),
    Operation(
        method="GET",
        path="/api/events/live-mode",
        handler=live_mode,
        summary="Report whether the stream is available.",
    ),
)
# The same routes while the chosen engine serves no streams.
WITHOUT_STREAMS = (
    OPERATIONS[0],
    Operation(
        method="GET",
        path="/api/events/stream",
        handler=stream_refused,
        summary="Report that the stream is not available.",
        statuses=(409,),
    ),
    Operation(
        method="GET",
        path="/api/events/live-mode",
        handler=live_mode_refused,
        summary="Report that the stream is not available.",
    ),
)
# The same routes while events are off.
WITHOUT_EVENTS = (
    Operation(
        method="GET",
        path="/api/events/snapshot",
        handler=disabled,
        summary="Report that events are off.",
        statuses=(404,),
    ),
    Operation(
        method="GET",
        path="/api/events/live-mode",
        handler=no_live_mode,
        summary="Report that the stream is not available.",
    ),
)
