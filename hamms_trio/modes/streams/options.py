"""The options in a request for a stream: whether to stream, with usage, and by which model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from hamms_trio.wire import RequestHead
from hamms_trio.wire.event_stream import EVENT_STREAM

# The octets of a request that are examined; the rest is read and discarded.
MAX_CONTENT_OCTETS = 8 * 1024 * 1024
# More than that is searched and not parsed: a prompt with pictures would hold up all other clients.
PARSED_OCTETS = 64 * 1024
LONGEST_MODEL = 100
MODEL = "hamms"  # of a request that names none

# Quotes within a string are escaped, so that none of these can match inside of one.
_STREAM = re.compile(rb'"stream"[ \t\r\n]*:[ \t\r\n]*(true|false)')
_USAGE = re.compile(rb'"include_usage"[ \t\r\n]*:[ \t\r\n]*true')
_MODEL = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\]{1,100}")')


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """The options of one request.

    Attributes:
        stream: None if the request does not say whether it wants a stream.
        usage: True if numbers of tokens are wanted.
    """

    stream: bool | None = None
    usage: bool = False
    model: str = MODEL

    @classmethod
    def of(cls, request: RequestHead, content: bytes) -> StreamOptions:
        """Read the options; a request without JSON content gets a stream, which is the easiest to read."""
        body = _found(content) if len(content) > PARSED_OCTETS else parsed(content)
        if body is None:
            return cls(stream=True)
        stream, options, model = (body.get(name) for name in ("stream", "stream_options", "model"))
        if not isinstance(stream, bool):
            stream = True if EVENT_STREAM in (request.get("accept") or "") else None
        usage = isinstance(options, dict) and options.get("include_usage") is True
        known = isinstance(model, str) and 0 < len(model) <= LONGEST_MODEL and model.isprintable()
        return cls(stream, usage, str(model) if known else MODEL)


def parsed(content: bytes) -> dict[str, object] | None:
    """Parse content as a JSON object; return None if it is none."""
    try:
        body = json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _found(content: bytes) -> dict[str, object]:
    """Return the relevant members of a large JSON object."""
    body: dict[str, object] = {"stream_options": {"include_usage": bool(_USAGE.search(content))}}
    if stream := _STREAM.search(content):
        body["stream"] = stream[1] == b"true"
    if model := _MODEL.search(content):
        body["model"] = model[1][1:-1].decode("utf-8", "replace")
    return body
