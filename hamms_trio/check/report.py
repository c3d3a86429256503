"""The report of a check, as values; its JSON form is schema 1.

Times are milliseconds (``ms``), memory is octets (``rss``). A field that could not be measured is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from hamms_trio.check.verdicts import FINDINGS, Finding, Verdict
from hamms_trio.version import VERSION

REPORT_SCHEMA: Final = 1


class Tool(msgspec.Struct, frozen=True):
    """The program that made the report."""

    name: str = "hamms-trio"
    version: str = VERSION


class ClientReport(msgspec.Struct, frozen=True):
    """The client under test.

    Attributes:
        name: for people, such as ``curl``.
        argv: the command with its placeholders; a Python callable has its qualified name here.
        version: as the client reports it; "" if it does not.
        driver: ``command``, ``lines`` or ``callable``.
        capabilities: what its probes found, such as ``gzip`` or ``session``.
    """

    name: str
    argv: list[str]
    version: str = ""
    driver: str = "command"
    capabilities: list[str] = []


class ModeReport(msgspec.Struct, frozen=True, rename={"class_": "class"}):
    """The verdict on the client's reaction to one failure mode.

    Attributes:
        verdict: PASS, INFO, N/A, WARN, FAIL or CRASH.
        class_: the finding's class, such as ``truncated`` (see `verdicts.Finding`).
        code: the finding's code, which stays stable.
        rank: how bad the finding is, 0 to 6.
        family: the mode's family.
        ms: how long the client took; null if it was not run.
        rss: the greatest resident memory in octets; null if unknown.
        cpu_ms: processor time; null if unknown.
        attempts: how many requests, or connections where no request was read, the ledger has.
        fired: True if the fault was played.
        evidence: what was observed, one sentence.
        summary: what the server does, one sentence.
        expected: what a correct client does, one sentence.
        source: where that is written.
        issues: addresses of public reports of the same behaviour.
        wire: the beginning of what was sent to the client: text with escapes, or names of records of TLS.
        reproduce: a command that shows the same.
        arguments: the mode's arguments, where they are not its defaults.
        flaky: True if repeated runs did not agree; the worst is reported.
        runs: the classes of the single runs, if there were several.
        sha256: of the body that was delivered, or "".
        octets: how many octets of body were delivered.
    """

    verdict: Literal["PASS", "INFO", "N/A", "WARN", "FAIL", "CRASH"]
    class_: str
    code: str
    rank: int
    family: str
    ms: int | None = None
    rss: int | None = None
    cpu_ms: int | None = None
    attempts: int = 0
    fired: bool = False
    evidence: str = ""
    summary: str = ""
    expected: str = ""
    source: str = ""
    issues: list[str] = []
    wire: str = ""
    reproduce: str = ""
    arguments: dict[str, str | int | float | bool | None] = {}
    flaky: bool = False
    runs: list[str] = []
    sha256: str = ""
    octets: int = 0

    @property
    def finding(self) -> Finding:
        return FINDINGS[self.class_]

    @property
    def is_applicable(self) -> bool:
        """True if the mode counts in the score."""
        return self.finding.verdict not in (Verdict.NOT_APPLICABLE, Verdict.INFO)


SURE, LIKELY, WEAK = 0.95, 0.8, 0.5  # the confidence in an inference


class Inference(msgspec.Struct, frozen=True):
    """One thing that the check infers about the client's behaviour.

    Attributes:
        value: the finding, such as ``2.0 s`` or ``exponential``.
        confidence: from 0 to 1.
        evidence: the observations that it rests on.
    """

    value: str
    confidence: float
    evidence: list[str]


class Summary(msgspec.Struct, frozen=True):
    """Counts, and the score from 0 to 100 over the modes that apply.

    Attributes:
        complete: False if the run was interrupted.
        seconds: how long the run took.
    """

    passed: int
    info: int
    not_applicable: int
    warned: int
    failed: int
    crashed: int
    flaky: int
    score: float
    seconds: float
    complete: bool = True


class CheckReport(msgspec.Struct, frozen=True):
    """The whole report.

    Attributes:
        modes: by slug, in the order of the catalogue.
        inferred: by topic, such as ``timeout.read``.
        badges: by name, True if earned; a badge without any evidence is missing.
    """

    client: ClientReport
    seed: int
    suite: list[str]
    timeout: float
    modes: dict[str, ModeReport]
    inferred: dict[str, Inference]
    badges: dict[str, bool]
    summary: Summary
    schema: Literal[1] = REPORT_SCHEMA
    tool: Tool = Tool()

    def of_family(self) -> Iterator[tuple[str, dict[str, ModeReport]]]:
        """Yield each family with its modes, in the report's order."""
        families: dict[str, dict[str, ModeReport]] = {}
        for slug, mode in self.modes.items():
            families.setdefault(mode.family, {})[slug] = mode
        yield from families.items()

    def failures(self) -> dict[str, ModeReport]:
        """Return the modes with a finding, the worst first."""
        found = [(slug, mode) for slug, mode in self.modes.items() if mode.rank]
        found.sort(key=lambda pair: -pair[1].rank)
        return dict(found)


def encode_report(report: CheckReport) -> bytes:
    """Return the JSON form."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def decode_report(data: bytes) -> CheckReport:
    """Read the JSON form.

    Raises:
        msgspec.ValidationError: it is no report of schema 1.
        msgspec.DecodeError: it is no JSON.
    """
    return msgspec.json.decode(data, type=CheckReport)
