"""Content codings that end early, lie, or expand enormously (RFC 9110 §8.4).

Why this is hard: the message is complete by its framing, so only the decoder can notice. Unless a mode states
otherwise, the content is the whole canary in a coding, and its length is declared truthfully.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS, canary
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import (
    Level,
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Range, Seconds, Size, Times
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, chunk, connection_lines, last_chunk
from hamms_trio.wire.content.bombs import (
    Repetition,
    brotli_bomb,
    empty_members,
    gzip_bomb,
    nested_bomb,
    zstd_bomb,
)
from hamms_trio.wire.content.encode import (
    GZIP_HEADER,
    GZIP_TRAILER_OCTETS,
    HIGHEST_WINDOW_LOG,
    LOWEST_WINDOW_LOG,
    encode,
    flushed_gzip,
    gzip_member,
    gzip_trailer,
    raw_deflate,
    zstd_with_window,
)
from hamms_trio.wire.fields.codings import coding_quality
from hamms_trio.wire.http1.build import TEXT_PLAIN

GARBAGE = b"GARBAGEGARBAGEGARBAG"
BOMB = 256 * MEBIBYTE
FLUSHES = 8  # parts of the canary that leave one by one

# Values of Content-Encoding that name no coding.
NO_CODINGS = {"utf-8": "UTF-8", "none": "none", "binary": "binary", "xyz": "xyz"}
# The codings in the order in which they were applied (RFC 9110 §8.4).
STACKS = {
    "gzip-gzip": ("gzip", "gzip"),
    "gzip-br": ("gzip", "br"),
    "six-layers": ("gzip",) * 6,
}

Coding = Annotated[str, Choice("gzip", "deflate", "br", "zstd")]
Framing = Annotated[str, Choice("cl", "chunked", "close")]
Cut = Annotated[float, Range("of the coded octets are sent", 0, 1)]
NoCoding = Annotated[str, Choice(*NO_CODINGS)]
EmptyStatus = Annotated[str, Choice("200", "204", "304")]
Stack = Annotated[str, Choice(*STACKS)]
Unasked = Annotated[str, Choice("br", "zstd", "gzip", "deflate")]
Ratio = Annotated[int, Range("decoded octets for each coded one, at most", 2, 1024)]
Depth = Annotated[int, Range("layers", 2, 5)]
WindowLog = Annotated[int, Range("as a power of two", LOWEST_WINDOW_LOG, HIGHEST_WINDOW_LOG)]


@on_request(
    client=must_error("RFC 9112 §8; RFC 1952 §2.3.1"),
    issues=(
        "nodejs/undici#2126",
        "pydantic/pydantic-ai#7388",
        "oven-sh/bun#34922",
        "notatallshaw/nab#467",
    ),
)
async def coding_gzip_truncated(
    peer: Peer,
    request: RequestHead,
    *,
    enc: Coding = "gzip",
    cut: Cut = 0.6,
    framing: Framing = "cl",
) -> None:
    """Send 60 % (``cut``) of a gzip body, in a message that is complete by its framing.

    The framing is a true length, chunks with their end, or a clean close. A client must not deliver as a whole
    what its decoder could not finish.
    """
    await _send_part(peer, request, enc, cut, framing)


@on_request(client=must_error("RFC 9112 §8; RFC 1950 §2.2"), issues=("oven-sh/bun#34922",))
async def coding_deflate_truncated(
    peer: Peer, request: RequestHead, *, cut: Cut = 0.6, framing: Framing = "cl"
) -> None:
    """Send 60 % (``cut``) of a deflate body, in a message that is complete by its framing."""
    await _send_part(peer, request, "deflate", cut, framing)


@on_request(client=must_error("RFC 9112 §8; RFC 7932 §9"), issues=("oven-sh/bun#34922",))
async def coding_br_truncated(
    peer: Peer, request: RequestHead, *, cut: Cut = 0.6, framing: Framing = "cl"
) -> None:
    """Send 60 % (``cut``) of a br body, in a message that is complete by its framing."""
    await _send_part(peer, request, "br", cut, framing)


@on_request(client=must_error("RFC 9112 §8; RFC 8878 §3.1.1"), issues=("oven-sh/bun#34922",))
async def coding_zstd_truncated(
    peer: Peer, request: RequestHead, *, cut: Cut = 0.6, framing: Framing = "cl"
) -> None:
    """Send 60 % (``cut``) of a zstd body, in a message that is complete by its framing."""
    await _send_part(peer, request, "zstd", cut, framing)


@on_request(client=must_error("RFC 1952 §2.3.1"))
async def coding_gzip_no_trailer(peer: Peer, request: RequestHead) -> None:
    """Send a gzip body without its last eight octets, the checksum and the length."""
    await _send(peer, request, "gzip", _coded(peer, "gzip")[:-GZIP_TRAILER_OCTETS])


@on_request(client=must_error("RFC 1952 §2.3.1"))
async def coding_gzip_bad_crc(peer: Peer, request: RequestHead) -> None:
    """Send a gzip body whose CRC32 is wrong."""
    content = peer.http.canary()
    wrong = gzip_trailer(zlib.crc32(content) ^ 0xFFFFFFFF, len(content))
    await _send(peer, request, "gzip", GZIP_HEADER + raw_deflate(content) + wrong)


@on_request(client=must_error("RFC 1952 §2.3.1"))
async def coding_gzip_bad_isize(peer: Peer, request: RequestHead) -> None:
    """Send a gzip body whose ISIZE is one octet less than the length of the content."""
    content = peer.http.canary()
    wrong = gzip_trailer(zlib.crc32(content), len(content) - 1)
    await _send(peer, request, "gzip", GZIP_HEADER + raw_deflate(content) + wrong)


@on_request(
    client=must_error_or_succeed("RFC 1952 §2.2", owes="The body is never the first member alone."),
    issues=("pydantic/pydantic-ai#7388",),
)
async def coding_gzip_multimember(peer: Peer, request: RequestHead) -> None:
    """Send a gzip body of two members, each with half of the content.

    The content is that of all members together; the first half is never the whole.
    """
    half = CANARY_OCTETS // 2
    members = (gzip_member(peer.http.canary(half, start=at)) for at in (0, half))
    await _send(peer, request, "gzip", b"".join(members))


@on_request(client=must_error_or_succeed("RFC 1952 §2.2"))
async def coding_gzip_trailing_garbage(peer: Peer, request: RequestHead) -> None:
    """Send 20 octets after a gzip body that are no gzip member."""
    await _send(peer, request, "gzip", _coded(peer, "gzip") + GARBAGE)


@on_request(client=must_error("RFC 9110 §8.4"), issues=("encode/httpx#195",))
async def coding_lie_identity(peer: Peer, request: RequestHead, *, enc: Coding = "gzip") -> None:
    """Declare ``Content-Encoding: gzip``, or another, and send the content as it is."""
    await _send(peer, request, enc, peer.http.canary())


@on_request(client=must_succeed("RFC 9110 §8.4"))
async def coding_lie_gzip(peer: Peer, request: RequestHead) -> None:
    """Send a gzip body and declare no coding; the client delivers its octets as they are."""
    await _send(peer, request, "", _coded(peer, "gzip"))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §8.4",
        owes="The call may also return the octets as they came, with their Content-Encoding.",
    ),
    issues=("encode/httpx#195",),
)
async def coding_unknown(peer: Peer, request: RequestHead, *, value: NoCoding = "utf-8") -> None:
    """Name a coding that does not exist, and send the content as it is."""
    await _send(peer, request, NO_CODINGS[value], peer.http.canary())


@on_request(
    client=must_succeed("RFC 9110 §8.4", owes="The body is empty, and no decoder complains."),
    issues=("grantila/fetch-h2#72",),
)
async def coding_empty_body(
    peer: Peer, request: RequestHead, *, status: EmptyStatus = "200"
) -> None:
    """Declare ``Content-Encoding: gzip`` in an answer without content: of length 0, or with 204 or 304.

    No octets are no gzip body, but there is nothing to decode either.
    """
    await peer.http.respond(request, int(status), ("Content-Encoding", "gzip"))


@on_request(client=must_error_or_succeed("RFC 9110 §8.4.1.2", owes="The body is never empty."))
async def coding_raw_deflate(peer: Peer, request: RequestHead) -> None:
    """Send a deflate stream without the zlib format around it, and declare ``deflate``."""
    await _send(peer, request, "deflate", raw_deflate(peer.http.canary()))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §8.4",
        owes="The call may also return the octets as they came, with their Content-Encoding.",
    )
)
async def coding_stacked(peer: Peer, request: RequestHead, *, list: Stack = "gzip-gzip") -> None:
    """Apply several codings one after the other, and declare all of them.

    A client decodes all of them, or reports an error.
    """
    content, stack = peer.http.canary(), STACKS[list]
    for coding in stack:
        content = encode(coding, content)
    await _send(peer, request, ", ".join(stack), content)


@on_request(client=must_succeed("RFC 9110 §8.4.1.3", level=Level.SHOULD))
async def coding_x_gzip(peer: Peer, request: RequestHead) -> None:
    """Declare a gzip body by the old name ``x-gzip``."""
    await _send(peer, request, "x-gzip", _coded(peer, "gzip"))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §12.5.3",
        owes="The call may also return the octets as they came, with their Content-Encoding.",
    ),
    decides=True,
)
async def coding_unasked(peer: Peer, request: RequestHead, *, enc: Unasked = "br") -> None:
    """Send br, or another coding, although the request's Accept-Encoding does not accept it.

    The next of br, zstd, gzip and deflate stands in for one that is accepted; a client that accepts them all is
    answered healthily.
    """
    accepted = request.get("accept-encoding")
    unasked = [c for c in (enc, "br", "zstd", "gzip", "deflate") if not coding_quality(accepted, c)]
    if not unasked:
        await answer_healthily(peer, request)
        return
    peer.strike()
    await _send(peer, request, unasked[0], _coded(peer, unasked[0]))


@on_request(
    client=must_stay_bounded("RFC 9110 §17.5, §17.6"),
    issues=(
        "aio-libs/aiohttp#8248",
        "urllib3/urllib3#3745",
        "JuliaWeb/HTTP.jl#1262",
        "oven-sh/bun#32674",
    ),
)
async def coding_bomb_gzip(
    peer: Peer, request: RequestHead, *, size: Size = BOMB, ratio: Ratio = 1024
) -> None:
    """Send a gzip body of 256 KiB that decodes to 256 MiB (``size``) of zeros.

    A client decodes it piece by piece as its user reads, or has a limit.
    """
    await _send_bomb(peer, request, "gzip", gzip_bomb(size, ratio))


@on_request(client=must_stay_bounded("RFC 9110 §17.5, §17.6"), issues=("mnot/httplint#145",))
async def coding_bomb_nested(
    peer: Peer, request: RequestHead, *, size: Size = BOMB, depth: Depth = 2
) -> None:
    """Send a gzip bomb in another gzip body, so that 1 KiB decodes to 256 MiB, and declare both codings."""
    coding = ", ".join(["gzip"] * depth)
    await _send_bomb(peer, request, coding, nested_bomb(size, depth))


@on_request(client=must_stay_bounded("RFC 9110 §17.5, §17.6"), issues=("mnot/httplint#145",))
async def coding_bomb_br(peer: Peer, request: RequestHead, *, size: Size = BOMB) -> None:
    """Send a br body of 3 KiB that decodes to 256 MiB (``size``) of zeros."""
    await _send_bomb(peer, request, "br", brotli_bomb(size))


@on_request(client=must_stay_bounded("RFC 9110 §17.5, §17.6"), issues=("mnot/httplint#145",))
async def coding_bomb_zstd(peer: Peer, request: RequestHead, *, size: Size = BOMB) -> None:
    """Send a zstd body of 8 KiB that decodes to 256 MiB (``size``) of zeros."""
    await _send_bomb(peer, request, "zstd", zstd_bomb(size))


@on_request(
    client=must_error("RFC 9659 §3", owes="Up to `log=23`, which is 8 MiB, the call succeeds."),
    issues=(
        "facebook/zstd#2713",
        "dotnet/aspnetcore#67688",
        "tower-rs/tower-http#490",
        "valyala/fasthttp#2407",
    ),
)
async def coding_zstd_window(peer: Peer, request: RequestHead, *, log: WindowLog = 27) -> None:
    """Send a zstd body that declares a window of 128 MiB, 2^``log`` octets; the limit is 8 MiB.

    A decoder reserves that much memory before the first octet; 41 declares 3.75 TiB.
    """
    await _send(peer, request, "zstd", zstd_with_window(peer.http.canary(), log))


@on_request(client=must_succeed("RFC 9110 §8.4"), issues=("guzzle/test-server#39",))
async def coding_slow_flush(peer: Peer, request: RequestHead, *, interval: Seconds = 1.0) -> None:
    """Send a gzip body in eight parts, one each ``interval`` seconds, each of which can be decoded at once.

    A client that streams delivers every part as it arrives.
    """
    *parts, end = flushed_gzip(_eighths(peer))
    parts[-1] += end
    await peer.send(_head(peer, request, "gzip", "cl", sum(map(len, parts))))
    for part in parts if request.method != "HEAD" else ():
        await peer.sleep(interval)
        await peer.send(part)


@on_request(client=must_stay_bounded("RFC 1952 §2.2"))
async def coding_empty_members(peer: Peer, request: RequestHead, *, n: Times = 1_000_000) -> None:
    """Send a gzip body of a million empty members (``n``) before the one that has content.

    Each is a whole stream to the decoder, whose loop must not block other work.
    """
    await _send_bomb(peer, request, "gzip", empty_members(n, peer.http.canary()))


@lru_cache(maxsize=64)
def _coded_canary(nonce: str, coding: str) -> bytes:
    return encode(coding, canary(nonce))


def _coded(peer: Peer, coding: str) -> bytes:
    """Return the whole canary in a coding."""
    return _coded_canary(peer.nonce, coding)


def _eighths(peer: Peer) -> Iterator[bytes]:
    octets = CANARY_OCTETS // FLUSHES
    return (peer.http.canary(octets, start=at * octets) for at in range(FLUSHES))


async def _send_part(
    peer: Peer, request: RequestHead, coding: str, share: float, framing: str
) -> None:
    content = _coded(peer, coding)
    await _send(peer, request, coding, content[: int(len(content) * share)], framing)


async def _send_bomb(peer: Peer, request: RequestHead, coding: str, bomb: Repetition) -> None:
    await peer.send(_head(peer, request, coding, "cl", bomb.octets))
    await _send_pieces(peer, request, bomb.pieces())


async def _send(
    peer: Peer, request: RequestHead, coding: str, content: bytes, framing: str = "cl"
) -> None:
    """Send a whole message with this content, and declare this coding, or none if it is empty."""
    if framing == "chunked" and not request.minor_version:
        framing = "close"
    await peer.send(_head(peer, request, coding, framing, len(content)))
    if framing == "chunked":
        await _send_pieces(peer, request, (chunk(content) if content else b"", last_chunk()))
    else:
        await _send_pieces(peer, request, (content,))
    if framing == "close":
        await peer.finish()


async def _send_pieces(peer: Peer, request: RequestHead, pieces: Iterable[bytes]) -> None:
    for piece in pieces if request.method != "HEAD" else ():
        await peer.send(piece)


def _head(peer: Peer, request: RequestHead, coding: str, framing: str, octets: int) -> bytes:
    """Build the head of a message that is framed truthfully."""
    lines = [b"Content-Encoding: " + coding.encode()] if coding else []
    if framing == "cl":
        return peer.http.canary_head(*lines, octets=octets)
    if framing == "close":
        return peer.http.raw_head(TEXT_PLAIN, *lines, b"Connection: close")
    return peer.http.raw_head(
        TEXT_PLAIN, *lines, *connection_lines(request), b"Transfer-Encoding: chunked"
    )
