"""The wishes that stand in a request for a stream."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hamms_trio.wire import RequestHead
from hamms_trio.wire.event_stream import MEDIA_TYPE

MAX_CONTENT_OCTETS = 1024 * 1024  # of a request that are looked at; the rest is read and forgotten
LONGEST_MODEL = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The wishes of one request.

    Attributes:
        stream: None if the request does not say whether it wants a stream.
        usage: True if numbers of tokens are wanted.
    """

    stream: bool | None = None
    usage: bool = False
    model: str = "hamms"

    @classmethod
    def by(cls, request: RequestHead, content: bytes) -> Asked:
        """Read them; without JSON content a request wants what is read most easily, a stream."""
        try:
            body = json.loads(content) if content else None
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return cls(stream=True)
        stream, options, model = (body.get(name) for name in ("stream", "stream_options", "model"))
        if not isinstance(stream, bool):
            stream = True if MEDIA_TYPE in (request.get("accept") or "") else None
        usage = isinstance(options, dict) and options.get("include_usage") is True
        known = isinstance(model, str) and 0 < len(model) <= LONGEST_MODEL and model.isprintable()
        return cls(stream, usage, str(model) if known else "hamms")
