"""Verdicts: the grade of one reaction of a client, and the finding that explains the grade.

A finding's code and its class never change their meaning, because baselines and other programs rely on them.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """The grade of a client's reaction to one failure mode."""

    PASS = "PASS"
    INFO = "INFO"  # no standard decides; the evidence tells what happened
    NOT_APPLICABLE = "N/A"  # the client lacks what the mode needs, or the fault did not fire
    WARN = "WARN"
    FAIL = "FAIL"
    CRASH = "CRASH"


class Class(NamedTuple):
    """A kind of finding.

    Attributes:
        name: its name in reports and baselines.
        code: its code, which no other kind ever gets.
        verdict: the grade that it leads to.
        rank: how bad it is, from 0 (nothing) to 6 (worst).
        meaning: a sentence for people.
    """

    name: str
    code: str
    verdict: Verdict
    rank: int
    meaning: str


class Finding(Enum):
    """Every kind of finding, from the best to the worst."""

    OK = Class("ok", "H000", Verdict.PASS, 0, "The client did what it owes.")
    POLICY = Class(
        "policy", "H001", Verdict.INFO, 0, "No standard decides what a client does here."
    )
    NO_RETRY = Class(
        "no-retry",
        "H002",
        Verdict.INFO,
        0,
        "The client reported the failure and did not try again, which is allowed.",
    )
    LACKS = Class(
        "lacks", "H003", Verdict.NOT_APPLICABLE, 0, "The client lacks what this mode needs."
    )
    NOT_FIRED = Class(
        "not-fired", "H004", Verdict.NOT_APPLICABLE, 0, "The fault did not reach the client."
    )
    LENIENT = Class(
        "lenient",
        "H101",
        Verdict.WARN,
        1,
        "The client accepted a faulty message, and delivered what was meant.",
    )
    STRICT = Class(
        "strict", "H102", Verdict.WARN, 1, "The client rejected what it should have accepted."
    )
    NO_TIMEOUT = Class(
        "no-timeout",
        "H103",
        Verdict.WARN,
        1,
        "The client has no timeout of its own here, and was given none.",
    )
    FOREIGN_ERROR = Class(
        "foreign-error",
        "H104",
        Verdict.WARN,
        1,
        "The client raised another library's error, which its users do not catch.",
    )
    REJECTED = Class(
        "rejected", "H201", Verdict.FAIL, 2, "The client rejected a message that it must accept."
    )
    LATE = Class(
        "late", "H301", Verdict.FAIL, 3, "The client reported the failure, but after its deadline."
    )
    HANG = Class("hang", "H302", Verdict.FAIL, 3, "The client still waited when it was stopped.")
    RETRY_STORM = Class(
        "retry-storm",
        "H401",
        Verdict.FAIL,
        4,
        "The client sent the request more often than allowed.",
    )
    DOUBLE_SEND = Class(
        "double-send",
        "H402",
        Verdict.FAIL,
        4,
        "The client repeated a request that may have taken effect already.",
    )
    EARLY = Class(
        "early", "H403", Verdict.FAIL, 4, "The client tried again before Retry-After allowed."
    )
    RESOURCES = Class(
        "resources",
        "H404",
        Verdict.FAIL,
        4,
        "The client used more memory or output than the limit.",
    )
    TRUNCATED = Class(
        "truncated", "H501", Verdict.FAIL, 5, "The client took a part of the body for the whole."
    )
    CORRUPT = Class(
        "corrupt",
        "H502",
        Verdict.FAIL,
        5,
        "The client delivered a body that was not the one that was meant.",
    )
    INJECTED = Class("injected", "H601", Verdict.FAIL, 6, "The client delivered a forged response.")
    LEAK = Class(
        "leak",
        "H602",
        Verdict.FAIL,
        6,
        "The client carried a secret, or a file's content, to where it does not belong.",
    )
    INSECURE = Class(
        "insecure",
        "H603",
        Verdict.FAIL,
        6,
        "The client accepted a certificate or a handshake that it must reject.",
    )
    CRASH = Class("crash", "H604", Verdict.CRASH, 6, "The client crashed.")

    @property
    def verdict(self) -> Verdict:
        return self.value.verdict

    @property
    def rank(self) -> int:
        return self.value.rank

    @property
    def code(self) -> str:
        return self.value.code

    @property
    def label(self) -> str:
        """The name of the class in reports."""
        return self.value.name

    @property
    def meaning(self) -> str:
        return self.value.meaning


WORST_RANK = max(finding.rank for finding in Finding)
FINDINGS = {finding.label: finding for finding in Finding}
