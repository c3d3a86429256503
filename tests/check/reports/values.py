"""Reports made by hand, for tests of what is written about them."""

from __future__ import annotations

from typing import Any

from hamms_trio.check.report import CheckReport, ClientReport, Inference, ModeReport
from hamms_trio.check.running.reporting import summary_of
from hamms_trio.check.verdicts import FINDINGS


def mode(class_: str = "ok", **more: Any) -> ModeReport:
    """Return the verdict of a class of findings, with what such a verdict has."""
    finding = FINDINGS[class_]
    about: dict[str, Any] = {
        "family": "frame",
        "ms": 12,
        "attempts": 1,
        "fired": True,
        "evidence": "exit code 0, and 32768 of 65536 octets",
        "expected": "The call fails with an error.",
        "source": "RFC 9112 §8",
        "reproduce": "hamms-trio one frame-cl-short-fin",
        "wire": "HTTP/1.1 200 OK\\r\\n",
    }
    return ModeReport(
        verdict=finding.verdict.value,
        class_=class_,
        code=finding.code,
        rank=finding.rank,
        **about | more,
    )


def report(name: str = "curl", version: str = "curl 7.88.1", **modes: ModeReport) -> CheckReport:
    """Return a report with these modes; an underscore in a name stands for a hyphen."""
    by_slug = {slug.replace("_", "-"): found for slug, found in modes.items()}
    return CheckReport(
        client=ClientReport(name=name, argv=[name, "{url}"], version=version),
        seed=0,
        suite=["core"],
        timeout=1.0,
        modes=by_slug,
        inferred={"timeout.read": Inference("1.0 s", 0.95, ["pace-byte ended after 1.0 s"])},
        badges={"no silent truncation": False, "no injection": True},
        summary=summary_of(by_slug, 1.5, complete=True),
    )


def example() -> CheckReport:
    """Return a report with every kind of verdict."""
    return report(
        frame_cl_short_fin=mode("truncated", issues=["https://example.org/issues/1"]),
        frame_cl_plus=mode("lenient"),
        frame_close_delimited=mode(),
        pace_byte=mode("hang", family="pace"),
        coding_br=mode(
            "lacks", family="coding", evidence="The mode needs a client that decodes br."
        ),
        conn_idle_fin=mode("crash", family="conn", evidence="The process ended by signal 11."),
        retry_after=mode("policy", family="retry"),
    )
