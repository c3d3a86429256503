"""The comparison of delivered octets with those that were meant."""

from __future__ import annotations

import re
from enum import Enum

from hamms_trio.canary import CANARY_OCTETS, Damage, canary, examine
from hamms_trio.check.client import Answer
from hamms_trio.check.grading.sent import SentAnswer
from hamms_trio.modes.families.conn import FORGED

TOKENS = 40  # of a healthy stream
_PARTIAL = 206  # its content is a part, so that even all of it is not what was meant
_TOKEN = re.compile(rb"(?<![0-9A-Za-z])t([0-9]{1,3})(?![0-9])")


class Likeness(Enum):
    """How delivered octets relate to those that were meant."""

    EXACT = "exactly what was meant"
    CODED = "what was sent, with its content coding"
    PART = "a part of what was meant"
    FORGED = "a forged response"
    OTHER = "something other than what was meant"


def compare(answer: Answer, sent: SentAnswer, nonce: str) -> tuple[Likeness, str]:
    """Compare a delivered body with the intended one; return the likeness, and words for the evidence."""
    body = answer.body
    if FORGED.rstrip() in body:
        return Likeness.FORGED, "the body holds a forged response"
    if body == canary(nonce) or (body == sent.body and sent.status != _PARTIAL):
        return Likeness.EXACT, f"exactly the {answer.octets} octets that were meant"
    if nonce.encode() in body and len(body) == answer.octets:
        return _against_canary(body, nonce)
    if not body:
        return Likeness.PART, "no octet was delivered"
    if sent.coded is not None and body == sent.coded:
        return Likeness.CODED, f"{answer.octets} octets with their content coding"
    if sent.coded is not None and len(body) < len(sent.coded) and sent.coded.startswith(body):
        return Likeness.PART, f"{len(body)} of {len(sent.coded)} octets"
    if canary(nonce).startswith(body):  # too few octets to hold the nonce
        return Likeness.PART, f"{len(body)} of {CANARY_OCTETS} octets"
    if sent.coded is None and sent.raw.startswith(body[:1024]):
        if sent.is_cut:
            return Likeness.PART, f"{answer.octets} octets of an incomplete message"
        return Likeness.OTHER, f"{answer.octets} octets as they came, framing included"
    return Likeness.OTHER, f"{answer.octets} octets that were not meant"


def compare_stream(answer: Answer, nonce: str, sent: bytes | None) -> tuple[Likeness, str]:
    """Compare a delivered text with that of a stream; return the likeness, and words for the evidence.

    Args:
        sent: the octets of a stream that is whole; None for the healthy one: t0, t1 and so on, then the nonce.
    """
    tokens = _TOKEN.findall(answer.body)
    whole = [b"%d" % number for number in range(TOKENS)] if sent is None else _TOKEN.findall(sent)
    if tokens == whole and (nonce.encode() in answer.body or not whole):
        return Likeness.EXACT, f"all {len(whole)} tokens"
    if tokens == whole[: len(tokens)]:
        return Likeness.PART, f"{len(tokens)} of {len(whole)} tokens"
    return Likeness.OTHER, f"{len(tokens)} tokens, which are not the {len(whole)} of the stream"


def _against_canary(body: bytes, nonce: str) -> tuple[Likeness, str]:
    examined = examine(body, nonce=nonce, expected=CANARY_OCTETS)
    if examined.is_truncated:
        return Likeness.PART, f"{examined.delivered} of {examined.expected} octets"
    if examined.damages == {Damage.SURPLUS}:  # a canary that is longer than the usual one
        return Likeness.PART, f"the first {examined.delivered} octets of a longer body"
    return Likeness.OTHER, f"a damaged body: {examined}"
