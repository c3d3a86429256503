"""Servers that succeed in the end, if a client retries often enough and waits as long as it has to.

Most of these fail the first request of a ``key`` and answer the next one healthily: the modifier ``first`` sets how
many fail, and 0 stands for all of them. The ledger has the time of each request, so it shows how long a client has
waited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from hamms_trio.errors import MethodNotAllowed
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    may_retry,
    must_error,
    must_stay_bounded,
)
from hamms_trio.modes.model.parameters import DAY, Choice, Range, Text, Times
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import Field, RequestHead, imf_fixdate

HUGE = {
    "ten-digits": "9999999999",
    "beyond-64-bits": "100000000000000000000",
    "year-9999": "Fri, 31 Dec 9999 23:59:59 GMT",
}
INVALID = {"minus-one": "-1", "fraction": "1.5", "empty": ""}
WEEKDAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
ONCE: Mapping[str, int] = {"first": 1}  # a modifier: how many requests of a key are failed

Refusal = Annotated[int, Range("a status code", 200, 999)]
WholeSeconds = Annotated[int, Range("seconds", 0, DAY)]
HowRefused = Annotated[str, Choice("status", "fin", "rst")]
HowFailed = Annotated[str, Choice("500", "503", "rst")]
Date = Annotated[str, Choice("future", "past", "asctime", "rfc850", "garbage", "duration")]
Huge = Annotated[str, Choice(*HUGE)]
Invalid = Annotated[str, Choice(*INVALID)]
Style = Annotated[str, Choice("ratelimit", "structured", "x-delta", "x-epoch")]


@on_request(
    client=may_retry("RFC 9110 §9.2.2", attempts={"POST": 1}),
    aliases=("retry-counter",),
    decides=True,
)
async def retries(
    peer: Peer,
    request: RequestHead,
    *,
    key: Text = "default",
    tries: Times = 3,
    status: Refusal = 500,
    how: HowRefused = "status",
) -> None:
    """Answer 500 to the first ``tries`` - 1 requests with this ``key``, then 200.

    ``status`` replaces 500; ``how=fin`` closes the connection instead of an answer, and ``how=rst`` resets it.
    Every request counts, whatever its method and path, except ``GET /counters``, which lists the counters, and
    ``POST /counters`` (``key`` and ``tries`` in the query or in a form), which sets one.
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
    if not left or how == "status":
        await _answer(peer, request, status if left else 200, content)
    elif how == "fin":
        await peer.finish()
    else:
        peer.reset()


@on_request(client=may_retry("RFC 9110 §10.2.3"), defaults=ONCE)
async def retry_after(
    peer: Peer, request: RequestHead, *, value: Text = "1", status: Refusal = 503
) -> None:
    """Answer ``status`` with any Retry-After (``value``), then healthily."""
    octets = value.encode("utf-8", "replace")
    await _refuse(peer, request, status, ("Retry-After", octets.decode("latin-1")))


@on_request(
    client=may_retry(
        "RFC 9110 §10.2.3, RFC 6585 §4",
        owes="No request comes sooner than `s` seconds after the "
        "503, as the spacing in the ledger shows.",
    ),
    defaults=ONCE,
)
async def retry_after_seconds(
    peer: Peer, request: RequestHead, *, s: WholeSeconds = 1, status: Refusal = 503
) -> None:
    """Answer 503, or 429, with a Retry-After of ``s`` seconds, then healthily.

    The client should not come back earlier; the ledger has the time of each request.
    """
    await _refuse(peer, request, status, ("Retry-After", str(s)))


@on_request(
    client=may_retry(
        "RFC 9110 §10.2.3",
        owes="No request comes before the date, as the spacing in "
        "the ledger shows; a past one means now.",
    ),
    defaults=ONCE,
    issues=("urllib3/urllib3#1822", "curl/curl#15833", "notatallshaw/nab#596"),
)
async def retry_after_date(
    peer: Peer,
    request: RequestHead,
    *,
    value: Date = "future",
    s: WholeSeconds = 2,
    status: Refusal = 503,
) -> None:
    """Answer 503 with a Retry-After that is a date, or no date at all, then healthily.

    The date is ``s`` seconds from now, in each of the three forms that a client has to read, or an hour
    ago, which means now; ``garbage`` and ``duration`` (``1m0s``) are to be ignored.
    """
    await _refuse(peer, request, status, ("Retry-After", _date(value, peer, s)))


@on_request(
    client=must_stay_bounded(
        "RFC 9110 §10.2.3",
        level=Level.QUALITY,
        owes="The call ends by its own timeout or limit, and no number overflows.",
    ),
    defaults=ONCE,
    issues=("urllib3/urllib3#3743", "urllib3/urllib3#5220", "urllib3/urllib3#1338"),
)
async def retry_after_huge(
    peer: Peer, request: RequestHead, *, value: Huge = "ten-digits", status: Refusal = 503
) -> None:
    """Answer 503 with a Retry-After of centuries, then healthily.

    The client must neither crash nor wait for so long.
    """
    await _refuse(peer, request, status, ("Retry-After", HUGE[value]))


@on_request(
    client=may_retry(
        "RFC 9110 §10.2.3",
        level=Level.QUALITY,
        owes="The field is ignored: no crash, and no wait that it would stand for.",
    ),
    defaults=ONCE,
    issues=("pydantic/pydantic-ai#7073", "apify/crawlee-python#1995"),
)
async def retry_after_negative(
    peer: Peer, request: RequestHead, *, value: Invalid = "minus-one", status: Refusal = 503
) -> None:
    """Answer 503 with a Retry-After that is no number of whole seconds, then healthily; it is to be ignored."""
    await _refuse(peer, request, status, ("Retry-After", INVALID[value]))


@on_request(
    client=must_error("RFC 9110 §9.2.2", level=Level.SHOULD, attempts={"POST": 1, "PATCH": 1}),
    issues=("oven-sh/bun#28708", "square/okhttp#2394"),
)
async def retry_non_idempotent(peer: Peer, request: RequestHead, *, how: HowFailed = "500") -> None:
    """Read the whole request, and answer 500 or 503 or reset the connection, each time.

    The client can't know if a POST was acted on, so it sends the POST once, unless its user asked for more.
    """
    while await peer.http.receive_content():
        pass
    if how == "rst":
        peer.reset()
    else:
        await _refuse(peer, request, int(how))


@on_request(
    client=must_stay_bounded(
        "RFC 9110 §9.2.2",
        level=Level.SHOULD,
        owes="The ledger shows at most 10 requests for one call, further apart each time.",
    )
)
async def retry_storm(peer: Peer, request: RequestHead, *, status: Refusal = 503) -> None:
    """Answer 503 each time.

    The ledger shows how often a client comes back, and at which intervals.
    """
    await _refuse(peer, request, status)


@on_request(
    client=may_retry(
        "RFC 8470 §5.2",
        owes="The ledger shows the second request after a complete handshake, where there is TLS.",
    ),
    defaults=ONCE,
)
async def retry_425(peer: Peer, request: RequestHead) -> None:
    """Answer 425 (Too Early), then healthily; the client may ask again, but not in early data."""
    await _refuse(peer, request, 425)


@on_request(
    client=may_choose(
        "RFC 6585 §4; draft-ietf-httpapi-ratelimit-headers",
        owes="The spacing in the ledger shows whether the client waits for the reset.",
    ),
    defaults=ONCE,
)
async def retry_ratelimit_headers(
    peer: Peer, request: RequestHead, *, style: Style = "ratelimit", s: WholeSeconds = 1
) -> None:
    """Answer 429 with the fields of a rate limit that is used up for ``s`` seconds, then healthily.

    There is no standard: ``x-delta`` counts seconds from now, and ``x-epoch`` from 1970, under one name.
    """
    reset = int(peer.environment.wall_time()) + s if style == "x-epoch" else s
    fields: tuple[Field, ...]
    if style == "structured":
        fields = (("RateLimit-Policy", '"hamms";q=10;w=60'), ("RateLimit", f'"hamms";r=0;t={s}'))
    else:
        prefix = "RateLimit" if style == "ratelimit" else "X-RateLimit"
        names = ("Limit", "10"), ("Remaining", "0"), ("Reset", str(reset))
        fields = tuple((f"{prefix}-{name}", value) for name, value in names)
    await _refuse(peer, request, 429, *fields)


def _date(form: str, peer: Peer, seconds: int) -> str:
    """Return a date, or a text that is none, as `retry_after_date` describes them."""
    now = int(peer.environment.wall_time())
    date = imf_fixdate(now - 3600 if form == "past" else now + seconds)
    weekday, day, month, year, time, zone = date.replace(",", "").split()
    return {
        "asctime": f"{weekday} {month} {int(day):2} {time} {year}",
        "rfc850": f"{WEEKDAYS[weekday]}, {day}-{month}-{year[2:]} {time} {zone}",
        "garbage": "soon",
        "duration": "1m0s",
    }.get(form, date)


async def _refuse(peer: Peer, request: RequestHead, status: int, *fields: Field) -> None:
    """Answer with a status and fields, and a line of text."""
    text = ("Content-Type", "text/plain")
    await peer.http.respond(request, status, *fields, text, body=b"Try again later.\n")


async def _counters(peer: Peer, request: RequestHead) -> None:
    counters = peer.state("counters")
    if request.method in ("GET", "HEAD"):
        content = {"counters": {str(key): left for key, left in counters.items()}, "success": True}
        await _answer(peer, request, 200, content)
    elif request.method == "POST":
        given = {**request.query, **await peer.http.receive_form()}
        counted = retries.arguments(given)
        key, tries = counted["key"], counted["tries"]
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
