"""From facts and findings to the values of the report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from hamms_trio.check.client import Tested
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.infer.behaviour import infer
from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.report import CheckReport, ClientReport, ModeReport, Summary
from hamms_trio.check.running.lab import COMMON, described
from hamms_trio.check.running.options import Options
from hamms_trio.check.running.subject import Subject
from hamms_trio.check.verdicts import WORST_RANK, Finding, Verdict
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.parameters import Value
from hamms_trio.wire.tls.names import RecordNames, is_of_tls

EXCERPT_OCTETS = 400
_AUTHORITY = "--ca-dir hamms-ca"  # whose ca.pem the client has to trust, so that it meets the one fault alone
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
# The badges, and the findings that cost each of them.
BADGES = {
    "no silent truncation": (Finding.TRUNCATED, Finding.CORRUPT),
    "no injection": (Finding.INJECTED,),
    "timeouts hold": (Finding.HANG, Finding.LATE, Finding.NO_TIMEOUT),
    "no double POST": (Finding.DOUBLE_SEND,),
}
_EARNED_BY = {
    "no silent truncation": ("frame-", "chunk-", "coding-", "head-truncated"),
    "no injection": ("conn-inject-",),
    "timeouts hold": ("pace-", "tcp-accept-hang", "tcp-syn-blackhole"),
    "no double POST": ("conn-drop-after-request", "retry-non-idempotent", "tcp-rst-after-request"),
}


def mode_report(
    facts: Facts, finding: Finding, evidence: str, arguments: Mapping[str, Value]
) -> ModeReport:
    """Return the report of one cell."""
    visit = facts.visit
    last = visit.answers[-1] if visit.answers else None
    return _about(
        facts.mode,
        finding,
        _lasting(evidence, facts),
        ms=round(visit.seconds * 1000),
        rss=visit.rss,
        cpu_ms=None if visit.cpu is None else round(visit.cpu * 1000),
        attempts=facts.attempts,
        fired=facts.fired,
        wire=excerpt(facts.wire),
        arguments={name: value for name, value in arguments.items() if name not in COMMON},
        reproduce=" ".join(
            [
                "hamms-trio one",
                facts.slug,
                *(f"--set {each}" for each in described(facts.mode, arguments)),
                *((_AUTHORITY,) if facts.mode.speaks_tls else ()),
            ]
        ),
        sha256=last.sha256 if last else "",
        octets=last.octets if last else 0,
    )


def lacking(mode: FailureMode, evidence: str) -> ModeReport:
    """Return the report of a mode that does not apply to the client."""
    return _about(mode, Finding.LACKS, evidence)


def excerpt(octets: bytes) -> str:
    """Return the beginning of what was sent: the names of records of TLS, or text with escapes."""
    if is_of_tls(octets):
        return RecordNames().joined(octets) or "a part of a record"
    shown = octets[:EXCERPT_OCTETS].decode("latin-1")
    text = "".join(
        each if each.isprintable() and ord(each) < 127 else _escaped(each) for each in shown
    )
    return text + ("..." if len(octets) > EXCERPT_OCTETS else "")


def finished_report(
    tested: Tested,
    options: Options,
    subject: Subject | None,
    results: Mapping[str, Sequence[ModeReport]],
    traces: Mapping[str, Trace],
    seconds: float,
    *,
    complete: bool,
) -> CheckReport:
    """Return the whole report."""
    modes = {slug: joined(reports) for slug, reports in results.items()}
    has = subject.has if subject is not None else frozenset()
    return CheckReport(
        client=client_report(tested, sorted(need.word for need in has)),
        seed=options.seed,
        suite=list(options.suites),
        timeout=options.timeout,
        modes=modes,
        inferred=infer(traces, subject.probed, has, subject.kept) if subject is not None else {},
        badges=_badges(modes),
        summary=summary_of(modes, seconds, complete=complete),
    )


def client_report(tested: Tested, capabilities: list[str]) -> ClientReport:
    """Return what the report says about the client."""
    argv = list(getattr(tested, "argv", ())) or [tested.name]
    return ClientReport(
        name=tested.name or argv[0].rpartition("/")[2],
        argv=argv,
        version=tested.version,
        driver=tested.driver,
        capabilities=capabilities,
    )


def joined(reports: Sequence[ModeReport]) -> ModeReport:
    """Return one report for repeated runs: the worst, marked as flaky if they do not agree."""
    worst = max(reports, key=lambda report: report.rank)
    if len(reports) == 1:
        return worst
    classes = [report.class_ for report in reports]
    return msgspec.structs.replace(worst, flaky=len(set(classes)) > 1, runs=classes)


def summary_of(modes: Mapping[str, ModeReport], seconds: float, *, complete: bool) -> Summary:
    """Count the verdicts, and compute the score."""
    verdicts = [mode.finding.verdict for mode in modes.values()]
    ranks = [mode.rank for mode in modes.values() if mode.is_applicable]
    score = 100 * (1 - sum(ranks) / (WORST_RANK * len(ranks))) if ranks else 0.0
    return Summary(
        passed=verdicts.count(Verdict.PASS),
        info=verdicts.count(Verdict.INFO),
        not_applicable=verdicts.count(Verdict.NOT_APPLICABLE),
        warned=verdicts.count(Verdict.WARN),
        failed=verdicts.count(Verdict.FAIL),
        crashed=verdicts.count(Verdict.CRASH),
        flaky=sum(mode.flaky for mode in modes.values()),
        score=round(score, 1),
        seconds=round(seconds, 1),
        complete=complete,
    )


def _about(mode: FailureMode, finding: Finding, evidence: str, **more: object) -> ModeReport:
    return ModeReport(
        verdict=finding.verdict.value,
        class_=finding.label,
        code=finding.code,
        rank=finding.rank,
        family=mode.family,
        evidence=evidence,
        summary=mode.summary,
        expected=mode.client.sentences[0],
        source=mode.client.source,
        issues=list(mode.links),
        **more,  # type: ignore[arg-type] # each by its name
    )


def _lasting(evidence: str, facts: Facts) -> str:
    """Replace what differs from run to run: the door's port, and addresses in memory."""
    port = str(urlsplit(facts.calls[-1].url).port or "")
    text = evidence.replace(port, "PORT") if port else evidence
    return _ADDRESS.sub("0x...", text)


def _badges(modes: Mapping[str, ModeReport]) -> dict[str, bool]:
    """Return the badges of which there is evidence, True for those that are earned."""
    found = {mode.finding for mode in modes.values()}
    seen = [slug for slug, mode in modes.items() if mode.is_applicable]
    return {
        badge: not found.intersection(costs)
        for badge, costs in BADGES.items()
        if any(slug.startswith(_EARNED_BY[badge]) for slug in seen)
    }


def _escaped(character: str) -> str:
    return {"\n": "\\n\n", "\r": "\\r", "\t": "\\t"}.get(character, f"\\x{ord(character):02x}")
