"""Servers that succeed in the end, if they are asked often enough."""

from __future__ import annotations

import json

from hamms_trio.errors import MethodNotAllowed
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.expectation import may_retry
from hamms_trio.modes.parameters import Text, Times
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead


@on_request(client=may_retry("RFC 9110 §9.2.2"), aliases=("retry-counter",), decides=True)
async def retries(
    peer: Peer, request: RequestHead, *, key: Text = "default", tries: Times = 3
) -> None:
    """Answer 500 to the first ``tries`` - 1 requests with this ``key``, then 200.

    Every request counts, whatever its method and path, except ``GET /counters``, which lists the
    counters, and ``POST /counters`` (``key`` and ``tries`` in the query or in a form), which sets one.
    """
    if peer.http.path == "/counters":
        await _counters(peer, request)
        return
    counters = peer.state("counters")
    counters[key] = left = max(counters.get(key, tries) - 1, 0)
    content: dict[str, object] = {"key": key, "tries_remaining": left, "success": left == 0}
    if left:
        peer.strike()
        times = "time" if left == 1 else "times"
        content["error"] = f"The server had an error. Try again {left} more {times}"
    await _answer(peer, request, 500 if left else 200, content)


async def _counters(peer: Peer, request: RequestHead) -> None:
    counters = peer.state("counters")
    if request.method in ("GET", "HEAD"):
        content = {"counters": {str(key): left for key, left in counters.items()}, "success": True}
        await _answer(peer, request, 200, content)
    elif request.method == "POST":
        given = {**request.query, **await peer.http.receive_form()}
        key, tries = retries.arguments(given).values()
        counters[str(key)] = int(tries or 0)
        content = {"key": key, "tries_remaining": tries, "success": True}
        await _answer(peer, request, 200, content)
    else:
        problem = f"{request.method} /counters is not offered: GET lists, POST sets"
        raise MethodNotAllowed(problem, allow="GET, HEAD, POST")


async def _answer(
    peer: Peer, request: RequestHead, status: int, content: dict[str, object]
) -> None:
    body = json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")
    await peer.http.respond(request, status, ("Content-Type", "application/json"), body=body)
