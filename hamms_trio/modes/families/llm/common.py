"""The parameters and sources that the modes of this family share."""

from __future__ import annotations

from functools import partial

from hamms_trio.modes.model.parameters import Flag, Seconds, Text
from hamms_trio.modes.streams.declare import on_stream
from hamms_trio.modes.streams.parameters import (
    LlmShape,
    Tokens,
)

MARKER = "the API's marker of the end"
EVENTS = "WHATWG HTML §9.2.6"


def llm(
    *,
    tokens: Tokens = 40,
    gap: Seconds = 0.0,
    tool: Flag = False,
    shape: LlmShape = "path",
    key: Text = "default",
) -> None:
    """Declare the parameters of the whole family."""


on_llm = partial(on_stream, llm)
