"""Status lines: any code, properly framed, codes that have no body, and octets that are no status line at all.

The message after an odd status line is whole and truthful, so a client either reads it or reports an error.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import shake_128
from typing import Annotated

from hamms_trio.errors import ParameterError
from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.healthy import answer_healthily, answer_with_surplus
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error,
    must_error_or_succeed,
    must_succeed,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Flag, Octets, Range, Seed, Status
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import Field, RequestHead, is_interim, reason_phrase

# Fields that a status needs, or is useless without (RFC 9110 §15 unless noted).
REDIRECT: tuple[Field, ...] = (("Location", "{base}/?status=200"),)
NEEDED: dict[int, tuple[Field, ...]] = {
    101: (("Connection", "upgrade"), ("Upgrade", "hamms")),
    103: (("Link", "</style.css>; rel=preload; as=style"),),  # RFC 8297 §2
    201: REDIRECT,
    206: (("Content-Range", "bytes 0-{last}/*"),),
    300: REDIRECT,
    301: REDIRECT,
    302: REDIRECT,
    303: REDIRECT,
    304: (("ETag", '"hamms"'),),
    305: REDIRECT,
    307: REDIRECT,
    308: REDIRECT,
    401: (("WWW-Authenticate", 'Basic realm="hamms", charset="UTF-8"'),),
    405: (("Allow", ""),),
    407: (("Proxy-Authenticate", 'Basic realm="hamms", charset="UTF-8"'),),
    413: (("Retry-After", "1"),),
    415: (("Accept-Encoding", "identity"), ("Accept", "application/json")),
    416: (("Content-Range", "bytes */0"),),
    426: (("Connection", "upgrade"), ("Upgrade", "HTTP/2.0")),
    429: (("Retry-After", "1"),),  # RFC 6585 §4
    451: (("Link", '</blocked>; rel="blocked-by"'),),  # RFC 7725 §4
    503: (("Retry-After", "1"),),
}
JSON: Field = ("Content-Type", "application/json")

PIECE = 64 * 1024  # octets of what is large, sent at once
LOW = {"000": b"HTTP/1.1 000 Zero", "099": b"HTTP/1.1 099 Low"}
NOT_3_DIGITS = {
    "two-digits": b"20",
    "four-digits": b"2000",
    "negative": b"-200",
    "letters": b"abc",
    "exponent": b"2e2",
}
BANNERS = {
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "smtp": b"220 mail.hamms.test ESMTP\r\n",
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46",  # fatal, protocol_version
}

Low = Annotated[str, Choice(*LOW)]
Not3Digits = Annotated[str, Choice(*NOT_3_DIGITS)]
Banner = Annotated[str, Choice(*BANNERS)]
Version = Annotated[str, Choice("2.0", "9.9", "1.10")]
EmptyLines = Annotated[int, Range("empty lines", 1, 1000)]

# For codes outside of 100 to 599.
REPORTS_CODE = must_error_or_succeed(
    "RFC 9110 §15",
    level=Level.SHOULD,
    owes="The call reports a server's error, as after a 500, or that the code is invalid.",
)


@on_connect(client=must_error("RFC 9112 §4"))
async def status_garbage_at_connect(peer: Peer) -> None:
    """Send ``"foo bar"`` and close, as soon as a client connects."""
    await peer.send(b"foo bar")
    await peer.finish()


@on_connect(client=must_error("RFC 9112 §4"))
async def status_garbage(peer: Peer) -> None:
    """Send ``"foo bar"`` and close, once the client has sent data."""
    await peer.receive()
    await peer.send(b"foo bar")
    await peer.finish()


@on_request(
    client=may_choose(
        "RFC 9110 §15",
        level=Level.MUST,
        owes="The call returns or reports this status; one that it does "
        "not know counts like the x00 of its class.",
    ),
    aliases=("status-code",),
)
async def status(peer: Peer, request: RequestHead, *, status: Status = 200) -> None:
    """Answer with any status code, with the framing and the fields that it needs.

    An interim one (1xx) is followed by a 200, as the RFC requires; a 101 ends HTTP on this connection, so the
    server closes it. An HTTP/1.0 client never receives a 1xx.
    """
    if status < 200:
        await _interim(peer, request, status)
    else:
        fields, body = _answer(status, peer.http.base)
        await peer.http.respond(request, status, *fields, body=body)


@on_request(
    client=must_succeed(
        "RFC 9112 §4", owes="Without the space (`sp=false`) an error is correct, too."
    )
)
async def status_no_reason(peer: Peer, request: RequestHead, *, sp: Flag = True) -> None:
    """Send a status line without a reason phrase, with the space after the code or without.

    The grammar requires the space, so a client has to accept only the line that has it.
    """
    await peer.http.respond_with_canary(start=b"HTTP/1.1 200 " if sp else b"HTTP/1.1 200")


@on_request(
    client=REPORTS_CODE,
    issues=("JakeChampion/fetch#1415", "node-fetch/node-fetch#1884"),
)
async def status_000(peer: Peer, request: RequestHead, *, status: Low = "000") -> None:
    """Answer with the code 000 or 099, which a client treats as a server error."""
    await peer.http.respond_with_canary(start=LOW[status])


@on_request(
    client=REPORTS_CODE,
    issues=("JakeChampion/fetch#1415",),
)
async def status_600(peer: Peer, request: RequestHead) -> None:
    """Answer with the code 600, which a client treats as a server error."""
    await peer.http.respond_with_canary(start=b"HTTP/1.1 600 Six")


@on_request(
    client=REPORTS_CODE,
    issues=("JakeChampion/fetch#1415",),
)
async def status_999(peer: Peer, request: RequestHead) -> None:
    """Answer with the code 999, which a client treats as a server error; a large site sends it to robots."""
    await peer.http.respond_with_canary(start=b"HTTP/1.1 999 Nine")


@on_request(client=must_error("RFC 9112 §4"))
async def status_not_3_digits(
    peer: Peer, request: RequestHead, *, value: Not3Digits = "two-digits"
) -> None:
    """Send a status code that is not three digits."""
    await peer.http.respond_with_canary(start=b"HTTP/1.1 %b Odd" % NOT_3_DIGITS[value])


@on_request(client=must_error_or_succeed("RFC 9112 §2.3"))
async def status_lowercase(peer: Peer, request: RequestHead) -> None:
    """Send the protocol's name in lower case; it is case-sensitive."""
    await peer.http.respond_with_canary(start=b"http/1.1 200 OK")


@on_request(client=must_succeed("RFC 9110 §6.2", level=Level.SHOULD))
async def status_minor_2(peer: Peer, request: RequestHead) -> None:
    """Answer in HTTP/1.2, which a client reads like the highest minor version that it knows."""
    await peer.http.respond_with_canary(start=b"HTTP/1.2 200 OK")


@on_request(client=must_error_or_succeed("RFC 9110 §6.2"))
async def status_major_2(peer: Peer, request: RequestHead, *, v: Version = "2.0") -> None:
    """Answer in text with another major version, or with a minor version of two digits."""
    await peer.http.respond_with_canary(start=b"HTTP/%b 200 OK" % v.encode())


@on_request(client=must_error("RFC 9112 §1"))
async def status_http09(peer: Peer, request: RequestHead) -> None:
    """Send a body without any head, as HTTP/0.9 did, and close."""
    await peer.send(b"<html>hello from 0.9</html>\n")
    await peer.finish()


@on_request(client=must_error_or_succeed("RFC 9112 §4"))
async def status_icy(peer: Peer, request: RequestHead) -> None:
    """Begin the status line with ``ICY``, as servers of radio streams do."""
    await peer.http.respond_with_canary(start=b"ICY 200 OK")


@on_request(client=must_error("RFC 9112 §4"))
async def status_binary(
    peer: Peer, request: RequestHead, *, size: Octets = 2048, seed: Seed | None = None
) -> None:
    """Send binary data instead of a response, and close.

    The octets depend on ``seed`` alone (the server's, unless given).
    """
    key = peer.seed if seed is None else seed
    for at in range(0, size, PIECE):
        await peer.send(shake_128(b"%d %d" % (key, at)).digest(min(PIECE, size - at)))
    await peer.finish()


@on_request(
    client=must_error("RFC 9112 §4", owes="The error comes at once, and not after a timeout.")
)
async def status_foreign_banner(peer: Peer, request: RequestHead, *, proto: Banner = "ssh") -> None:
    """Send the first line of an SSH or SMTP server, or a TLS alert, and fall silent.

    That line begins no response, so a client does not wait for more.
    """
    await peer.send(BANNERS[proto])
    await peer.wait_gone()


@on_request(client=must_error_or_succeed("RFC 9110 §2.3"), issues=("square/okhttp#3602",))
async def status_huge_reason(peer: Peer, request: RequestHead, *, size: Octets = MEBIBYTE) -> None:
    """Send a reason phrase of 1 MB."""
    start, line_end, rest = peer.http.canary_head(start=b"HTTP/1.1 200 ").partition(b"\r\n")
    await peer.send(start)
    for at in range(0, size, PIECE):
        await peer.send(b"O" * min(PIECE, size - at))
    await peer.send(line_end + rest)
    await peer.http.send_canary(PIECE)


@on_request(client=must_error_or_succeed("RFC 9112 §2.2"), issues=("whatwg/fetch#1156",))
async def status_leading_crlf(peer: Peer, request: RequestHead, *, n: EmptyLines = 1) -> None:
    """Send empty lines before the status line, which only a server has to skip."""
    await peer.http.respond_with_canary(start=b"\r\n" * n + b"HTTP/1.1 200 OK")


@on_request(client=must_error("RFC 9112 §8"))
async def status_truncated(peer: Peer, request: RequestHead) -> None:
    """Close in the middle of the status line."""
    await peer.send(b"HTTP/1.1 20")
    await peer.finish()


@on_request(
    client=must_succeed(
        "RFC 9112 §6.3 ¶1, §9.2",
        level=Level.SHOULD,
        owes="The body is empty, and the next call does not return what followed.",
    ),
    issues=("square/okhttp#2310", "apache/httpcomponents-core#57", "ziglang/zig#25254"),
)
async def status_204_body(peer: Peer, request: RequestHead) -> None:
    """Answer 204 with a Content-Length and a body, and keep the connection.

    A 204 has no body whatever its fields say, so the octets that follow belong to no response, least of all the
    next.
    """
    await answer_with_surplus(peer, request, start=b"HTTP/1.1 204 No Content")


@on_request(
    client=must_succeed(
        "RFC 9112 §6.3 ¶1, §9.2",
        level=Level.SHOULD,
        owes="The body is empty, and the next call does not return what followed.",
    ),
    issues=("square/okhttp#2310",),
)
async def status_304_body(peer: Peer, request: RequestHead) -> None:
    """Answer 304 with a Content-Length and a body, and keep the connection.

    A 304 has no body whatever its fields say; ``first=1`` lets the next request meet a healthy answer.
    """
    start = b"HTTP/1.1 304 Not Modified"
    await answer_with_surplus(peer, request, b'ETag: "hamms"', start=start)


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.3.6", level=Level.QUALITY, owes="The body may also be empty."
    )
)
async def status_205_body(peer: Peer, request: RequestHead) -> None:
    """Answer 205 with a body, which a server must not send."""
    await peer.http.respond_with_canary(start=b"HTTP/1.1 205 Reset Content")


@on_request(
    client=must_succeed(
        "RFC 9112 §6.3 ¶1, §9.2",
        level=Level.SHOULD,
        owes="The body is empty, and the next call does not return what followed.",
    ),
    issues=("racket/racket#4091",),
    decides=True,
)
async def status_head_body(peer: Peer, request: RequestHead) -> None:
    """Answer HEAD with a body, and keep the connection; any other method gets a healthy answer.

    The response has no body, so the octets that follow belong to no response, least of all the next.
    """
    if request.method != "HEAD":
        await answer_healthily(peer, request)
        return
    peer.strike()
    await peer.send(peer.http.canary_head() + peer.http.canary())


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.4.5", level=Level.QUALITY, owes="The call does not return a body."
    )
)
async def status_304_unsolicited(peer: Peer, request: RequestHead) -> None:
    """Answer 304 although the request has no condition: the client has nothing that could be unmodified."""
    await peer.http.respond(request, 304, ("ETag", '"hamms"'))


async def _interim(peer: Peer, request: RequestHead, status: int) -> None:
    if request.minor_version == 0:
        problem = f"status={status} can't be sent to an HTTP/1.0 client (RFC 9110 §15.2)"
        raise ParameterError(f"{problem}: give an integer from 200 to 999")
    await peer.send(peer.http.head(status, *NEEDED.get(status, ())))
    if is_interim(status):
        fields, body = _answer(200, peer.http.base)
        await peer.http.respond(request, 200, *fields, body=body)
    else:
        await peer.finish()


@lru_cache(maxsize=1000)
def _answer(status: int, base: str) -> tuple[tuple[Field, ...], bytes]:
    content = {"status": status, "reason": reason_phrase(status), "success": status < 400}
    body = json.dumps(content).encode()
    needed = NEEDED.get(status, ())
    fields = tuple((name, value.format(last=len(body) - 1, base=base)) for name, value in needed)
    has_content = status not in (204, 205, 304)
    return ((JSON, *fields) if has_content else fields), body
