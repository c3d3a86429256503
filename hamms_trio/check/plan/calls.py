"""The calls of one cell: mostly one GET, two where a kept connection is the point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hamms_trio.check.client import Call
from hamms_trio.check.plan.needs import Need

IDLE_SECONDS = 0.4  # between two calls, longer than any mode waits until it strikes
UPLOAD_OCTETS = 2 * 1024 * 1024
SMALL_OCTETS = 2000
# Fields whose values are for the first origin alone.
SECRET_FIELDS = {
    "Authorization": "Bearer hamms-secret",
    "Cookie": "hamms=secret",
    "X-Api-Key": "hamms-secret",
}
# Reserved (RFC 6761), so it can be found through the proxy alone.
PROXIED_HOST = "origin.hamms.test"
SHAPE_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "ndjson": "/ndjson",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The door of a cell as its client finds it.

    Attributes:
        url: the URL of the mode.
        has: what the client can do.
        timeout: the client's own, or None if it is given none.
        shape: of a client of event streams; "" otherwise.
    """

    url: str
    has: frozenset[Need]
    timeout: float | None
    shape: str = ""

    def call(self, method: str = "GET", octets: int = 0, **more: object) -> Call:
        """Return a call of the mode, with ``octets`` of body."""
        body = upload(octets) if octets else None
        return Call(url=self.url, method=method, body=body, timeout=self.timeout, **more)  # type: ignore[arg-type] # each by its name


Calls = Callable[[Place], tuple[Call, ...]]


def upload(octets: int) -> bytes:
    """Return a body for a request; its octets show what is missing."""
    line = b"".join(b"%07d\n" % number for number in range(octets // 8 + 1))
    return line[:octets]


def _get(place: Place) -> tuple[Call, ...]:
    return (place.call(),)


def _twice(place: Place) -> tuple[Call, ...]:
    if Need.SESSION not in place.has:
        return _get(place)
    return place.call(), place.call(after=IDLE_SECONDS)


def _get_and_post(place: Place) -> tuple[Call, ...]:
    return place.call(), place.call("POST", SMALL_OCTETS, after=0.05)


def _post(place: Place) -> tuple[Call, ...]:
    return (place.call("POST", SMALL_OCTETS),) if Need.UPLOAD in place.has else _get(place)


def _upload(place: Place) -> tuple[Call, ...]:
    return (place.call("POST", UPLOAD_OCTETS),)


def _slow_upload(place: Place) -> tuple[Call, ...]:
    return (place.call("POST", 64 * 1024),)


def _expect(place: Place) -> tuple[Call, ...]:
    return (place.call("POST", UPLOAD_OCTETS, headers={"Expect": "100-continue"}),)


def _head(place: Place) -> tuple[Call, ...]:
    first = place.call("HEAD")
    return (first, place.call(after=0.05)) if Need.SESSION in place.has else (first,)


def _with_secrets(place: Place) -> tuple[Call, ...]:
    return (place.call(headers=SECRET_FIELDS),) if Need.HEADERS in place.has else _get(place)


# A pattern of slugs, and their calls; the first that matches counts.
_TABLE: tuple[tuple[str, Calls], ...] = (
    ("conn-drop-after-request", _get_and_post),
    ("conn-*", _twice),
    ("ok-keepalive", _twice),
    ("ok-upload", _upload),
    ("status-204-body", _twice),
    ("status-304-body", _twice),
    ("status-head-body", _head),
    ("tcp-reuse-refuse", _twice),
    ("tcp-close-after-request", _post),
    ("tcp-rst-after-request", _post),
    ("tcp-rst-mid-request", _upload),
    ("tcp-never-read", _upload),
    ("tcp-slow-read", _slow_upload),
    ("tcp-drop-every-nth", _post),
    ("retry-non-idempotent", _post),
    ("upload-expect-*", _expect),
    ("upload-*", _upload),
    ("redirect-cross-origin-auth", _with_secrets),
    ("redirect-downgrade", _with_secrets),
    ("redirect-method", _post),
    ("redirect-post-stream", _post),
    ("cache-*", _twice),
)  # fmt: skip


def calls_for(slug: str, place: Place) -> tuple[Call, ...]:
    """Return the calls of a mode's cell."""
    for pattern, calls in _TABLE:
        if fnmatchcase(slug, pattern):
            return calls(place)
    return _get(place)


def base_urls(url: str) -> Mapping[str, str]:
    """Return the variables by which SDKs find an API at this URL."""
    root = url.partition("?")[0].rstrip("/")
    return {
        "OPENAI_BASE_URL": f"{root}/v1",
        "OPENAI_API_KEY": "hamms",
        "ANTHROPIC_BASE_URL": root,
        "ANTHROPIC_API_KEY": "hamms",
    }
