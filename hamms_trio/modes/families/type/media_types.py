"""Media types that are missing, wrong, malformed, or that nobody asked for (RFC 9110 §8.3, §12.5.1)."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.families.type.answer import answer
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error,
    must_error_or_succeed,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Choice, Text
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, quality

# International Morse code, ITU-R M.1677-1.
_MORSE = {
    "A": ".-", "B": "-...", "C": "-.-.", "D": "-..", "E": ".", "F": "..-.", "G": "--.",
    "H": "....", "I": "..", "J": ".---", "K": "-.-", "L": ".-..", "M": "--", "N": "-.",
    "O": "---", "P": ".--.", "Q": "--.-", "R": ".-.", "S": "...", "T": "-", "U": "..-",
    "V": "...-", "W": ".--", "X": "-..-", "Y": "-.--", "Z": "--..",
}  # fmt: skip


def morse(text: str) -> str:
    """Return a text in Morse code, with a space between letters and a slash between words."""
    return " / ".join(" ".join(_MORSE[letter] for letter in word) for word in text.upper().split())


# A true example of each type, in the order they are tried.
EXAMPLES = {
    "text/morse": morse("you did not ask for this").encode() + b"\n",
    "application/json": b'{"message": "you did not ask for this"}\n',
    "text/html": b"<!DOCTYPE html>\n<title>hamms</title>\n<p>you did not ask for this\n",
    "text/csv": b"message,asked for\r\nyou did not ask for this,no\r\n",
}
# Documents, and the type that each is not.
DOCUMENTS = {
    "json": (b'{"message": "this is JSON"}\n', "text/html"),
    "html": (b"<!DOCTYPE html>\n<title>Log in</title>\n<p>Log in to go on.\n", "application/json"),
}
GARBAGE = {
    "separators": b";;;/,",
    "two-types": b"text/html, application/json",
    "64k": b"text/plain; a=" + b"a" * (64 * 1024),
    "bad-octets": b"text/\xff\xfe; charset=\x80",
}

Document = Annotated[str, Choice(*DOCUMENTS)]
Garbage = Annotated[str, Choice(*GARBAGE)]


@on_request(client=must_succeed("RFC 9110 §8.3"))
async def type_missing(peer: Peer, request: RequestHead) -> None:
    """Send the canary without a Content-Type."""
    await answer(peer, request)


@on_request(
    client=must_error(
        "RFC 9110 §8.3",
        level=Level.QUALITY,
        owes="A call that parses JSON fails, and the error names the type or the syntax.",
    )
)
async def type_wrong(
    peer: Peer, request: RequestHead, *, body: Document = "json", type: Text = ""
) -> None:
    """Send JSON as text/html, or a page of HTML as application/json, as a captive portal does.

    ``type`` is another type to send. A client that wanted JSON reports the type that it got, not an obscure parse
    error.
    """
    content, wrong = DOCUMENTS[body]
    octets = (type or wrong).encode("utf-8", "replace")
    await answer(peer, request, b"Content-Type: " + octets, body=content)


@on_request(
    client=must_error_or_succeed("RFC 9110 §8.3.1", level=Level.QUALITY),
    issues=("aio-libs/aiohttp#9160",),
)
async def type_garbage(peer: Peer, request: RequestHead, *, value: Garbage = "separators") -> None:
    """Send the canary with an invalid Content-Type; the client must not crash."""
    await answer(peer, request, b"Content-Type: " + GARBAGE[value])


@on_request(
    client=may_choose(
        "RFC 9110 §12.5.1",
        owes="The call returns the body with its type; whether that "
        "is an error is the caller's to decide.",
    )
)
async def type_not_accepted(peer: Peer, request: RequestHead) -> None:
    """Answer with a media type that the request's Accept field does not accept.

    The answer has the first of text/morse, application/json, text/html and text/csv that has no quality or a
    quality of 0, or text/morse if everything is acceptable.
    """
    accept = request.get("accept")
    unwanted = (media_type for media_type in EXAMPLES if not quality(accept, media_type))
    media_type = next(unwanted, "text/morse")
    await peer.http.respond(request, 200, ("Content-Type", media_type), body=EXAMPLES[media_type])
