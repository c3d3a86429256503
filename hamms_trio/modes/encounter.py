"""An encounter: the failure mode that a client meets, and the arguments with which it is played."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from hamms_trio.modes.model.modifiers import NO_MODIFIERS, Modifiers
from hamms_trio.modes.model.parameters import Value
from hamms_trio.pki.terms import HEALTHY_TERMS, Terms
from hamms_trio.recording.records import Meeting
from hamms_trio.wire import RequestHead


@dataclass(frozen=True, slots=True, eq=False)
class Encounter:
    """One failure mode with its arguments; equal requests share one.

    Attributes:
        slug: the failure mode's.
        act: its coroutine function.
        arguments: all of its parameters, given or by default.
        base: the part of the request's path that chose the mode, without a slash at its end.
        key: requests are counted by this key: the mode's own argument, or the modifier.
        ignored: names in the query that are no parameters of the mode.
        decides: True if the mode itself decides when it strikes; otherwise it always does.
        lenient: True if the mode receives malformed requests, too.
        needs_http11: True if the mode's lie needs HTTP/1.1.
        nonce: the canary's, where the client gives none; "" for a new one in each exchange.
        modifiers: when the mode strikes, and how its octets leave.
        mended: the terms of the handshake if a mode of TLS does not strike.
        meeting: the encounter as it is recorded.
    """

    slug: str
    act: Callable[..., Awaitable[None]]
    arguments: Mapping[str, Value]
    base: str = ""
    ignored: tuple[str, ...] = ()
    decides: bool = False
    lenient: bool = False
    needs_http11: bool = False
    modifiers: Modifiers = NO_MODIFIERS
    nonce: str = ""
    key: str = NO_MODIFIERS.key
    mended: Terms = HEALTHY_TERMS
    meeting: Meeting = field(init=False)

    def __post_init__(self) -> None:
        nonce = self.modifiers.nonce or self.arguments.get("nonce")  # some modes have their own
        given = str(nonce) if nonce else None
        meeting = Meeting(self.slug, self.arguments, self.ignored, self.key, given)
        object.__setattr__(self, "meeting", meeting)  # the way of a frozen dataclass


Choose = Callable[[RequestHead | None], Encounter]
"""Returns the encounter of a request; None stands for a client that has sent nothing yet.

May raise a RequestError, which becomes the answer.
"""

Find = Callable[[str, RequestHead], Encounter]
"""Finds the encounter of a request with another mode, by its label: ``SLUG`` or ``SLUG--NAME-VALUE``.

May raise a RequestError, which becomes the answer.
"""
