"""The request that a load repeats, as octets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hamms_trio.errors import LoadError
from hamms_trio.load.limits import MAX_BODY_OCTETS
from hamms_trio.load.plan.target import Url
from hamms_trio.version import VERSION
from hamms_trio.wire import Field
from hamms_trio.wire.grammar import TOKEN

_TOKEN = re.compile(TOKEN)
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")  # sent as UTF-8, so any octets above 127
# Fields that the generator sets itself, because the framing or the connection depends on them.
_OURS = {
    "content-length": "it is the length of --body",
    "transfer-encoding": "a body is sent with its Content-Length",
    "connection": "give --no-keepalive for Connection: close",
    "upgrade": "the generator speaks HTTP/1.1 only",
}
_HAVE_LENGTH = (
    "POST",
    "PUT",
    "PATCH",
)  # servers expect a length even without a body (RFC 9110 §8.6)


@dataclass(frozen=True, slots=True)
class RepeatedRequest:
    """A request that a load makes again and again."""

    method: str
    octets: bytes


def parse_field(text: str) -> Field:
    """Parse a field in the form ``Name: value``.

    Raises:
        LoadError: the text is no field, or the generator sets this field itself.
    """
    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        # The value may be a secret, so the message has the name alone.
        raise LoadError(f"the header {_first_word(text)!r} is not of the form 'Name: value'")
    if (reason := _OURS.get(name.lower())) is not None:
        raise LoadError(f"the header {name} can't be given: {reason}")
    return name, value


def _first_word(text: str) -> str:
    return re.split(r"[:\s]", text.strip(), maxsplit=1)[0]


def make_request(
    url: Url,
    *,
    method: str | None = None,
    fields: Sequence[Field] = (),
    body: bytes | None = None,
    keepalive: bool = True,
) -> RepeatedRequest:
    """Make the request for a URL.

    Args:
        url: of the resource.
        method: None for GET, or for POST if there is a body.
        fields: they replace default fields of the same name.
        body: None for a request without a body.
        keepalive: False to send Connection: close.

    Raises:
        LoadError: the method can't be repeated, or the body is too long.
    """
    if method is None:
        method = "GET" if body is None else "POST"
    if not _TOKEN.fullmatch(method) or method == "CONNECT":
        raise LoadError(f"the method {method!r} can't be repeated: give GET, POST or the like")
    if body is not None and len(body) > MAX_BODY_OCTETS:
        raise LoadError(f"the body exceeds {MAX_BODY_OCTETS} octets")
    given = {name.lower() for name, _ in fields}
    if sum(name.lower() == "host" for name, _ in fields) > 1:
        raise LoadError("there is more than one header Host: give one")
    own = [("Host", url.authority), ("User-Agent", f"hamms-trio/{VERSION}"), ("Accept", "*/*")]
    lines = [field for field in own if field[0].lower() not in given] + list(fields)
    if not keepalive:
        lines.append(("Connection", "close"))
    if body is not None or method in _HAVE_LENGTH:
        lines.append(("Content-Length", str(len(body or b""))))
    head = f"{method} {url.target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines)
    # Octets of the command line that are no UTF-8 leave as they came.
    octets = head.encode("utf-8", "surrogateescape")
    return RepeatedRequest(method, octets + b"\r\n" + (body or b""))
