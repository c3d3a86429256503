"""Verdicts: the grade of one reaction of a client, and the finding that explains the grade.

A finding's code and its class never change their meaning, because baselines and other programs rely on them.
"""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The grade of a client's reaction to one failure mode."""

    PASS = "PASS"
    INFO = "INFO"  # no standard decides; the evidence tells what happened
    NOT_APPLICABLE = "N/A"  # the client lacks what the mode needs, or the fault did not fire
    WARN = "WARN"
    FAIL = "FAIL"
    CRASH = "CRASH"


class Finding(Enum):
    """Every kind of finding, from the best to the worst: its class, its code, and a sentence for people.

    Attributes:
        label: the name of the class in reports and baselines.
        code: which no other kind ever gets; its first digit is the rank.
    """

    OK = "ok", "H000", "The client did what it owes."
    POLICY = "policy", "H001", "No standard decides what a client does here."
    NO_RETRY = (
        *("no-retry", "H002"),
        "The client reported the failure and did not try again, which is allowed.",
    )
    LACKS = "lacks", "H003", "The client lacks what this mode needs."
    NOT_FIRED = "not-fired", "H004", "The fault did not reach the client."
    LENIENT = (
        *("lenient", "H101"),
        "The client accepted a faulty message, and delivered what was meant.",
    )
    STRICT = "strict", "H102", "The client rejected what it should have accepted."
    NO_TIMEOUT = (
        *("no-timeout", "H103"),
        "The client has no timeout of its own here, and was given none.",
    )
    FOREIGN_ERROR = (
        *("foreign-error", "H104"),
        "The client raised another library's error, which its users do not catch.",
    )
    SPINS = "spins", "H105", "The client kept a processor busy while it waited."
    REJECTED = "rejected", "H201", "The client rejected a message that it must accept."
    LATE = "late", "H301", "The client reported the failure, but after its deadline."
    HANG = "hang", "H302", "The client still waited when it was stopped."
    RETRY_STORM = "retry-storm", "H401", "The client sent the request more often than allowed."
    DOUBLE_SEND = (
        *("double-send", "H402"),
        "The client repeated a request that may have taken effect already.",
    )
    EARLY = "early", "H403", "The client tried again before Retry-After allowed."
    RESOURCES = "resources", "H404", "The client used more memory or output than the limit."
    TRUNCATED = "truncated", "H501", "The client took a part of the body for the whole."
    CORRUPT = "corrupt", "H502", "The client delivered a body that was not the one that was meant."
    INJECTED = "injected", "H601", "The client delivered a forged response."
    LEAK = (
        *("leak", "H602"),
        "The client carried a secret, or a file's content, to where it does not belong.",
    )
    INSECURE = (
        *("insecure", "H603"),
        "The client accepted a certificate or a handshake that it must reject.",
    )
    CRASH = "crash", "H604", "The client crashed."

    def __init__(self, label: str, code: str, meaning: str) -> None:
        self.label = label
        self.code = code
        self.meaning = meaning

    @property
    def rank(self) -> int:
        """How bad it is, from 0 (nothing) to 6 (worst)."""
        return int(self.code[1])

    @property
    def verdict(self) -> Verdict:
        """The grade that it leads to."""
        return _GRADES.get(self, Verdict.WARN if self.rank == 1 else Verdict.FAIL)


_GRADES = {
    Finding.OK: Verdict.PASS,
    Finding.POLICY: Verdict.INFO,
    Finding.NO_RETRY: Verdict.INFO,
    Finding.LACKS: Verdict.NOT_APPLICABLE,
    Finding.NOT_FIRED: Verdict.NOT_APPLICABLE,
    Finding.CRASH: Verdict.CRASH,
}
WORST_RANK = max(finding.rank for finding in Finding)
FINDINGS = {finding.label: finding for finding in Finding}
