"""Header sections that are a burden to read, or that break the grammar of RFC 9112 §5.

The body and its length are true throughout, so a client either reads the section or says that it can't.
"""

from __future__ import annotations

import re
from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.model.expectation import (
    Level,
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Octets, Range, Rate, Size
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

LARGE_FIELD_BODY = b'{"success": true}'
FILLER = b"x" * (64 * 1024)
LINE = b"X-A: " + b"a" * 993 + b"\r\n"
BURST = LINE * 16  # of an endless section, in one go, so that the other clients have their turns
FIELDS_AT_ONCE = 1000

NULS = {"value": b"X-A: a\0b", "name": b"X\0A: b"}
SPACES = {"within": b"X A: v", "behind": b"X-A : v"}
CUTS = {"value": b"Content-Type: text/pl", "section": b"Content-Type: text/plain\r\n"}
SINGLETONS = {
    "content-type": (b"Content-Type: text/html",),
    "location": (b"Location: /first", b"Location: /second"),
    "etag": (b'ETag: "first"', b'ETag: "second"'),
    "date": (b"Date: Thu, 01 Jan 1970 00:00:00 GMT",),
}
DATES = {
    "epoch": b"Thu, 01 Jan 1970 00:00:00 GMT",
    "future": b"Wed, 01 Jan 2098 00:00:00 GMT",
    "never": b"never",
    "asctime": b"Sun Nov  6 08:49:37 1994",
    "two-digit-year": b"Sunday, 06-Nov-94 08:49:37 GMT",
}

FieldName = Annotated[str, Choice("Cookie", "Set-Cookie")]
WhereNul = Annotated[str, Choice(*NULS)]
WhereSpace = Annotated[str, Choice(*SPACES)]
WhereCut = Annotated[str, Choice(*CUTS)]
Singleton = Annotated[str, Choice(*SINGLETONS)]
OddDate = Annotated[str, Choice(*DATES)]
Fields = Annotated[int, Range("fields", 1, 1_000_000)]


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §5.5", owes="A value that the call returns has a space where the NUL was."
    ),
    issues=("yhirose/cpp-httplib#1908", "dart-lang/sdk#56636", "whatwg/fetch#1156"),
)
async def head_nul_value(peer: Peer, request: RequestHead, *, where: WhereNul = "value") -> None:
    """Send a field with a NUL in its value, or in its name.

    A client rejects the message, or replaces the NUL by a space; it does not cut the value there.
    """
    await peer.http.respond_with_canary(NULS[where])


@on_request(
    client=must_error_or_succeed(
        "RFC 9112 §2.2", owes="A value that the call returns has a space where the CR was."
    ),
    issues=("apple/servicetalk#3022",),
)
async def head_bare_cr(peer: Peer, request: RequestHead) -> None:
    """Send a field with a CR in its value, which does not end the line."""
    await peer.http.respond_with_canary(b"X-A: a\rb")


@on_request(
    client=must_error_or_succeed("RFC 9112 §2.2, §11.1", owes="The body never has five octets.")
)
async def head_bare_cr_framing(peer: Peer, request: RequestHead) -> None:
    """Send a field whose value has a CR and then a false Content-Length; the true one follows.

    A client that ends the line at the CR reads a body of five octets.
    """
    await peer.http.respond_with_canary(b"X-A: a\rContent-Length: 5")


@on_request(client=must_error_or_succeed("RFC 9112 §2.2"))
async def head_lf_only(peer: Peer, request: RequestHead) -> None:
    """End every line of the head with LF instead of CRLF."""
    await peer.send(peer.http.canary_head().replace(b"\r\n", b"\n"))
    await peer.http.send_canary(CANARY_OCTETS)


@on_request(
    client=must_succeed(
        "RFC 9112 §5.2", owes="The value that the call returns is `a b`, with one or more spaces."
    )
)
async def head_obs_fold(peer: Peer, request: RequestHead) -> None:
    """Continue a field's value in a second line, which begins with spaces.

    The old form is forbidden to servers; a user agent has to read the line's end as a space.
    """
    await peer.http.respond_with_canary(b"X-A: a\r\n  b")


@on_request(client=must_error_or_succeed("RFC 9112 §5.2"))
async def head_obs_fold_framing(peer: Peer, request: RequestHead) -> None:
    """Send the value of Content-Length in a second line, which begins with a space."""
    head = peer.http.canary_head().replace(b"Content-Length:", b"Content-Length:\r\n")
    await peer.send(head)
    await peer.http.send_canary(CANARY_OCTETS)


@on_request(
    client=must_error_or_succeed(
        "RFC 9112 §2.2", owes="The line is not among the fields that the call returns."
    )
)
async def head_leading_space(peer: Peer, request: RequestHead) -> None:
    """Begin the header section with a line that begins with a space.

    A client rejects the message, or drops the line; the line belongs to no field.
    """
    await peer.http.respond_with_canary(start=b"HTTP/1.1 200 OK\r\n X-A: 1")


@on_request(
    client=must_error_or_succeed(
        "RFC 9112 §5", owes="The fields after the line are among those that the call returns."
    )
)
async def head_no_colon(peer: Peer, request: RequestHead) -> None:
    """Send a line without a colon among the fields; the length stands after that line."""
    await peer.http.respond_with_canary(b"garbage line")


@on_request(client=must_error_or_succeed("RFC 9112 §5"))
async def head_empty_name(peer: Peer, request: RequestHead) -> None:
    """Send a field whose name is empty."""
    await peer.http.respond_with_canary(b": v")


@on_request(client=must_error_or_succeed("RFC 9112 §5.1"))
async def head_space_name(
    peer: Peer, request: RequestHead, *, where: WhereSpace = "within"
) -> None:
    """Send a field with a space within its name, or between its name and the colon."""
    await peer.http.respond_with_canary(SPACES[where])


@on_request(
    client=must_error_or_succeed("RFC 9110 §5.4", owes="Up to 8 KiB the call succeeds."),
    issues=(
        "JuliaWeb/HTTP.jl#1362",
        "aio-libs/aiohttp#3862",
        "square/okhttp#3602",
        "svenvc/zinc#152",
    ),
)
async def head_size(
    peer: Peer,
    request: RequestHead,
    *,
    size: Octets = 63 * 1024,
    field: FieldName = "Cookie",
) -> None:
    """Answer with a ``Cookie`` header field whose value has exactly ``size`` octets.

    A server has no business to send Cookie; hamms does, so it is the default. ``field=Set-Cookie`` is what a
    client's cookie jar reads.

    HTTP sets no limit: a client has its own, and must report an error when a field exceeds it.
    """
    await _send_large_field(peer, request, field, size)


@on_request(client=must_error_or_succeed("RFC 9110 §5.4"))
async def head_1m(
    peer: Peer, request: RequestHead, *, size: Octets = MEBIBYTE, field: FieldName = "Cookie"
) -> None:
    """Answer with 1 MB of header fields, in a single field."""
    await _send_large_field(peer, request, field, size)


@on_request(client=must_error_or_succeed("RFC 9110 §5.4"))
async def head_10m(
    peer: Peer, request: RequestHead, *, size: Octets = 10 * MEBIBYTE, field: FieldName = "Cookie"
) -> None:
    """Answer with 10 MB of header fields, in a single field."""
    await _send_large_field(peer, request, field, size)


@on_request(
    client=must_error_or_succeed("RFC 9110 §5.4", owes="Up to 100 fields the call succeeds."),
    issues=("sbstp/attohttpc#103",),
)
async def head_count(peer: Peer, request: RequestHead, *, n: Fields = 101) -> None:
    """Send ``n`` short fields before those of the message.

    HTTP sets no limit: a client has its own, 100 in Python's http.client and in some of Rust.
    """
    before, mark, after = peer.http.canary_head().partition(b"Content-Type")
    await peer.send(before)
    for first in range(1, n + 1, FIELDS_AT_ONCE):
        numbers = range(first, min(first + FIELDS_AT_ONCE, n + 1))
        await peer.send(b"".join(b"X-%d: v\r\n" % number for number in numbers))
    await peer.send(mark + after)
    await peer.http.send_canary(CANARY_OCTETS)


@on_request(client=must_stay_bounded("RFC 9110 §17.5"), issues=("sbstp/attohttpc#103",))
async def head_infinite(
    peer: Peer,
    request: RequestHead,
    *,
    rate: Rate = 10_000_000.0,
    max: Size = 1024 * MEBIBYTE,
) -> None:
    """Send one field after the other, ten megabytes in a second, and close after ``max`` octets."""
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    for _ in range(0, max, len(BURST)):
        await peer.send(BURST)
        await peer.sleep(len(BURST) / rate)
    await peer.finish()


@on_request(client=must_error("RFC 9112 §8 ¶3"))
async def head_truncated(peer: Peer, request: RequestHead, *, where: WhereCut = "value") -> None:
    """Close in the middle of a field, or after the last field, before the empty line.

    The message is incomplete: an empty body with status 200 is not what was sent.
    """
    await peer.send(b"HTTP/1.1 200 OK\r\n" + CUTS[where])
    await peer.finish()


@on_request(client=must_succeed("RFC 9110 §5.5"))
async def head_latin1(peer: Peer, request: RequestHead) -> None:
    """Send a field whose value has an octet of ISO 8859-1 beyond ASCII."""
    await peer.http.respond_with_canary("X-A: café".encode("latin-1"))


@on_request(client=must_succeed("RFC 9110 §5.5"))
async def head_utf8(peer: Peer, request: RequestHead) -> None:
    """Send a field whose value has characters beyond ASCII in UTF-8."""
    await peer.http.respond_with_canary("X-A: café \N{SNOWMAN}".encode())


@on_request(
    client=must_error_or_succeed("RFC 9110 §5.3", level=Level.QUALITY),
    issues=("aio-libs/aiohttp#12512",),
)
async def head_dup_singleton(
    peer: Peer, request: RequestHead, *, name: Singleton = "content-type"
) -> None:
    """Send a field twice that a message has at most once, with two values."""
    await peer.http.respond_with_canary(*SINGLETONS[name])


@on_request(client=must_succeed("RFC 9110 §5.6.7", level=Level.QUALITY))
async def head_weird_date(peer: Peer, request: RequestHead, *, value: OddDate = "epoch") -> None:
    """Send a Date that is wrong, in an obsolete form, or no date at all."""
    head = peer.http.canary_head()
    await peer.send(re.sub(rb"Date: [^\r]*", b"Date: " + DATES[value], head, count=1))
    await peer.http.send_canary(CANARY_OCTETS)


@on_request(client=must_error_or_succeed("RFC 9110 §7.6.1"))
async def head_connection_nominates(peer: Peer, request: RequestHead) -> None:
    """Name Content-Length in Connection, as if it were for the next hop alone, and close after the body."""
    await peer.http.respond_with_canary(b"Connection: content-length, close")
    await peer.finish()


async def _send_large_field(peer: Peer, request: RequestHead, field: str, size: int) -> None:
    fields = ((field, ""), ("Content-Type", "application/json"))
    message = peer.http.message(request, 200, *fields, body=LARGE_FIELD_BODY)
    before, mark, after = message.partition(f"{field}: ".encode())
    await peer.send(before + mark)
    value = memoryview(FILLER)
    for sent in range(0, size, len(value)):
        await peer.send(value[: size - sent])
    await peer.send(after)
