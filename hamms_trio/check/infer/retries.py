"""Retries: the failures after which a client tries again, how often, and after which waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import mean

from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.report import LIKELY, SURE, WEAK, Inference

_STATUSES = {
    "retries": "500",
    "retry-storm": "503",
    "retry-after-seconds": "503 with Retry-After",
    "retry-425": "425",
    "llm-status": "429",
}
_LOSSES = (
    "tcp-refused", "tcp-accept-close", "tcp-accept-rst", "tcp-close-after-request", "tcp-rst-after-request",
    "conn-drop-after-request", "frame-cl-short-fin",
)  # fmt: skip
_STEADY = 0.25  # relative spread of waits that are called fixed
_NO_WAIT = 0.05  # seconds; less is the client at work
_GROWTH = 1.5  # from one wait to the next, at least, where it is called exponential


def infer_retries(traces: Mapping[str, Trace]) -> Iterator[tuple[str, Inference]]:
    """Yield the inferences about retries for which there is evidence."""
    statuses = {slug: traces[slug] for slug in _STATUSES if slug in traces}
    losses = {slug: traces[slug] for slug in _LOSSES if slug in traces and traces[slug].attempts}
    if statuses:
        yield "retry.statuses", _kinds({_STATUSES[slug]: each for slug, each in statuses.items()})
    if losses:
        yield "retry.losses", _kinds(losses)
    everything = [*statuses.values(), *losses.values()]
    posts = [trace for trace in everything if "POST" in trace.methods]
    if posts:
        again = [trace for trace in posts if trace.again and trace.methods[-1] == "POST"]
        yield "retry.post", Inference("yes" if again else "no", LIKELY, _counted(again or posts))
    longest = max(everything, key=lambda trace: trace.again, default=None)
    if longest is not None and longest.again:
        if longest.ended:
            yield "retry.attempts", Inference(str(longest.again + 1), LIKELY, _counted([longest]))
        else:
            text = f"at least {longest.again + 1}"
            yield "retry.attempts", Inference(text, WEAK, _counted([longest]))
        if len(longest.gaps) > 1 and len(longest.gaps) == longest.again:  # no gap between two calls
            yield "retry.wait", _wait(longest)
    yield from _retry_after(traces)


def _kinds(seen: Mapping[str, Trace]) -> Inference:
    again = [name for name, trace in seen.items() if trace.again]
    return Inference(", ".join(again) or "none", SURE, _counted(list(seen.values())))


def _counted(traces: list[Trace]) -> list[str]:
    return [f"{trace.slug}: {trace.again} retries" for trace in traces]


def _wait(trace: Trace) -> Inference:
    gaps = trace.gaps
    shown = ", ".join(f"{gap:.2f}" for gap in gaps)
    evidence = [f"{trace.slug}: waits of {shown} s"]
    if mean(gaps) < _NO_WAIT:
        return Inference("none", LIKELY, evidence)
    if max(gaps) - min(gaps) <= _STEADY * mean(gaps):
        return Inference(f"fixed, {mean(gaps):.2f} s", LIKELY, evidence)
    steps = [later - sooner for sooner, later in pairwise(gaps)]
    if len(steps) > 1 and max(steps) - min(steps) <= _STEADY * mean(steps):
        return Inference("linear", LIKELY, evidence)
    if all(later >= _GROWTH * sooner for sooner, later in pairwise(gaps) if sooner > 0.02):
        return Inference(
            "exponential" if len(steps) > 1 else "growing",
            LIKELY if len(steps) > 1 else WEAK,
            evidence,
        )
    return Inference("jittered", WEAK, evidence)


def _retry_after(traces: Mapping[str, Trace]) -> Iterator[tuple[str, Inference]]:
    for slug, topic, least in (
        ("retry-after-seconds", "retry.after-seconds", 0.95),
        ("retry-after-date", "retry.after-date", 0.95),
    ):
        trace = traces.get(slug)
        if trace is None or not trace.gaps:
            continue
        obeyed = trace.gaps[0] >= least
        evidence = [f"{slug}: the second request came after {trace.gaps[0]:.2f} s"]
        yield topic, Inference("obeyed" if obeyed else "ignored", LIKELY, evidence)
