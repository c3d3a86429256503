"""Ways in which a body leaves and ends: framing, coding, and the end of its connection.

A mode that breaks off a body names one of these ways.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from hamms_trio.modes.model.parameters import Choice
from hamms_trio.wire import Field, chunk, last_chunk

GZIP = 31  # zlib's word for a gzip header and trailer around the largest window


class StreamEnding(Enum):
    """The fate of the connection once the body has ended."""

    KEEP = "may be used again"
    FIN = "is closed"
    RST = "is reset"
    TRUNCATED = "is closed without close_notify"


@dataclass(frozen=True, slots=True)
class StreamFault:
    """One way to end a body.

    Attributes:
        chunked: True if the body is framed by chunks; otherwise the connection's end is the body's.
        last_chunk: True if the framing says that the body is complete.
        gzip: True if the content is a gzip stream, which breaks off.
    """

    ending: StreamEnding
    chunked: bool = True
    last_chunk: bool = False
    gzip: bool = False


FAULTS = {
    "clean": StreamFault(StreamEnding.KEEP, last_chunk=True),
    "fin": StreamFault(StreamEnding.FIN),
    "rst": StreamFault(StreamEnding.RST),
    "delimited": StreamFault(StreamEnding.FIN, chunked=False),
    "gzip": StreamFault(StreamEnding.KEEP, last_chunk=True, gzip=True),
    # Without framing, close_notify alone says that a body is complete (RFC 9112 §9.8).
    "tls": StreamFault(StreamEnding.TRUNCATED, chunked=False),
}
CLEAN = FAULTS["clean"]
FIN = FAULTS["fin"]

How = Annotated[str, Choice(*(name for name in FAULTS if name != "tls"))]
# In a family whose modes may be asked for TLS.
HowOrTls = Annotated[str, Choice(*FAULTS)]
FinOrRst = Annotated[str, Choice("fin", "rst")]


class BodyWriter:
    """The writer of one body, from pieces of content to octets.

    Args:
        minor_version: the request's; HTTP/1.0 knows no chunks, so such a body ends with its connection.
    """

    __slots__ = ("_chunked", "_compressor", "ending", "fault")

    def __init__(self, fault: StreamFault, *, minor_version: int = 1) -> None:
        self.fault = fault
        self._chunked = fault.chunked and minor_version > 0
        self._compressor = zlib.compressobj(wbits=GZIP) if fault.gzip else None
        self.ending = fault.ending
        if not self._chunked and self.ending is StreamEnding.KEEP:
            self.ending = StreamEnding.FIN

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields by which the head announces this body."""
        coding = (("Content-Encoding", "gzip"),) if self._compressor else ()
        if self._chunked:
            return (*coding, ("Transfer-Encoding", "chunked"))
        return (*coding, ("Connection", "close"))

    def write(self, content: bytes) -> bytes:
        """Return the octets of one piece of the content; none for an empty piece."""
        if self._compressor is not None:
            content = self._compressor.compress(content)
            content += self._compressor.flush(zlib.Z_SYNC_FLUSH)
        if not content or not self._chunked:
            return content
        return chunk(content)

    def end(self) -> bytes:
        """Return the octets that follow the content: the last chunk, unless the fault leaves it out."""
        return last_chunk() if self._chunked and self.fault.last_chunk else b""
