"""Streams of newline-delimited JSON that end within a line, or hold lines that readers trip over."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from hamms_trio.modes.model.expectation import must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice, Seconds
from hamms_trio.modes.streams.cut import half
from hamms_trio.modes.streams.declare import on_stream
from hamms_trio.modes.streams.faults import How
from hamms_trio.modes.streams.parameters import Tokens
from hamms_trio.modes.streams.stream import Stream, octets_of


def ndjson(*, tokens: Tokens = 40, gap: Seconds = 0.0) -> None:
    """Declare the parameters of the whole family."""


on_ndjson = partial(on_stream, ndjson, shape="ndjson")


@on_ndjson(client=must_error("RFC 8259 §2"))
async def ndjson_truncated(stream: Stream, *, how: How = "clean") -> None:
    """Cut the last line in its middle, then end the body as ``how`` says (see llm-cut)."""
    *whole, last = octets_of(stream.pieces)
    await stream.play([*whole, half(last)], how)


@on_ndjson(client=must_succeed("ndjson-spec §3.1"))
async def ndjson_blank(
    stream: Stream, *, case: Annotated[str, Choice("both", "blank", "crlf")] = "both"
) -> None:
    """Put an empty line after each line, end lines with CRLF, or both: a correct client passes over them."""
    end = b"\n" if case == "blank" else b"\r\n"
    lines = (line.removesuffix(b"\n") + end for line in octets_of(stream.pieces))
    await stream.play(line + (b"" if case == "crlf" else end) for line in lines)
