"""Media types that lie, or that nobody asked for (RFC 9110 §8.3, §12.5.1)."""

from __future__ import annotations

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.expectation import may_choose
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead, quality

# International Morse code, ITU-R M.1677-1.
_MORSE = {
    "A": ".-", "B": "-...", "C": "-.-.", "D": "-..", "E": ".", "F": "..-.", "G": "--.",
    "H": "....", "I": "..", "J": ".---", "K": "-.-", "L": ".-..", "M": "--", "N": "-.",
    "O": "---", "P": ".--.", "Q": "--.-", "R": ".-.", "S": "...", "T": "-", "U": "..-",
    "V": "...-", "W": ".--", "X": "-..-", "Y": "-.--", "Z": "--..",
}  # fmt: skip


def morse(text: str) -> str:
    """Letters in Morse code, a space between them and a slash between words."""
    return " / ".join(" ".join(_MORSE[letter] for letter in word) for word in text.upper().split())


# A true example of each type, in the order they are tried.
EXAMPLES = {
    "text/morse": morse("you did not ask for this").encode() + b"\n",
    "application/json": b'{"message": "you did not ask for this"}\n',
    "text/html": b"<!DOCTYPE html>\n<title>hamms</title>\n<p>you did not ask for this\n",
    "text/csv": b"message,asked for\r\nyou did not ask for this,no\r\n",
}


@on_request(client=may_choose("RFC 9110 §12.5.1"))
async def type_not_accepted(peer: Peer, request: RequestHead) -> None:
    """Answer with a media type that the request's Accept field does not accept.

    The first of text/morse, application/json, text/html and text/csv that has no quality or a
    quality of 0; text/morse when everything is acceptable.
    """
    accept = request.get("accept")
    unwanted = (media_type for media_type in EXAMPLES if not quality(accept, media_type))
    media_type = next(unwanted, "text/morse")
    await peer.http.respond(request, 200, ("Content-Type", media_type), body=EXAMPLES[media_type])
