"""Timeouts: the waits of a client that end, and after how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.report import LIKELY, SURE, WEAK, Inference

# The kind of timeout, and the modes in which nothing else can end the wait.
_KINDS = {
    "timeout.connect": ("tcp-syn-blackhole",),
    "timeout.read": ("tcp-accept-hang", "pace-first-byte"),
    "timeout.idle": ("frame-cl-short-hang", "pace-stall-after-headers"),
    "timeout.total": ("pace-byte", "pace-header-drip", "pace-burst"),
    "timeout.write": ("tcp-never-read",),
}
_ALIKE = 0.35  # seconds by which two measurements of one timeout may differ


def infer_timeouts(traces: Mapping[str, Trace]) -> Iterator[tuple[str, Inference]]:
    """Yield an inference for each kind of timeout for which there is evidence."""
    for topic, slugs in _KINDS.items():
        seen = [traces[slug] for slug in slugs if slug in traces and traces[slug].attempts + 1]
        if seen:
            yield topic, _of(seen)


def _of(seen: list[Trace]) -> Inference:
    evidence = [_sentence(trace) for trace in seen]
    ended = [trace.last for trace in seen if trace.ended]
    bounds = [max(trace.gaps) for trace in seen if trace.again and trace.gaps]
    if not ended and bounds:  # the client stops waiting, pauses, and tries again
        return Inference(f"at most {min(bounds):.1f} s", LIKELY, evidence)
    if not ended:
        shortest = min(trace.seconds for trace in seen)
        return Inference(
            f"none within {shortest:.1f} s", SURE if len(seen) > 1 else LIKELY, evidence
        )
    agree = max(ended) - min(ended) <= _ALIKE and len(ended) == len(seen)
    confidence = (SURE if len(seen) > 1 else LIKELY) if agree else WEAK
    if len(ended) < len(seen):
        return Inference(f"{min(ended):.1f} s, not always", WEAK, evidence)
    value = f"{min(ended):.1f} s" if agree else f"{min(ended):.1f} to {max(ended):.1f} s"
    return Inference(value, confidence, evidence)


def _sentence(trace: Trace) -> str:
    how = "ended" if trace.ended else "was stopped"
    given = f", timeout {trace.timeout:g} s given" if trace.timeout is not None else ""
    again = f", {trace.attempts} attempts" if trace.attempts > 1 else ""
    return f"{trace.slug}: {how} after {trace.seconds:.1f} s{again}{given}"
