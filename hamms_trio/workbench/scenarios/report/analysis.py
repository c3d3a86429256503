"""The analysis of a run: score, root cause, bottleneck and advice, by the reference's rules."""

from __future__ import annotations

from collections.abc import Sequence

from hamms_trio.workbench.scenarios.report.model import FAIL, PASS, Analysis, StepResult

NO_FAILURE = "No assertion failures detected."
# By the first word of the reason.
_ADVICE = {
    "status": "Check the route's status and its dependencies; replay the step with the same seed.",
    "latency": "Compare the latency with the limit, and look for a slow dependency.",
    "header": "Compare the header fields that the route sends with those that are expected.",
    "variable": "Look at the step that should have extracted the variable.",
    "extract": "Compare the answer with the path of the extraction.",
}
_OTHER = "Compare the answer with the assertion; replay the step with the same seed."
_NOTHING = "Nothing to do; raise the probability of chaos to learn more."


def analyse(results: Sequence[StepResult]) -> Analysis:
    """Analyse the results of a run."""
    failed = [result for result in results if not result.passed]
    assertions = sum(not one.passed for result in results for one in result.assertions)
    slowest = max(results, key=lambda result: result.latency_ms, default=None)
    latency = slowest.latency_ms if slowest else 0.0
    score = 100 - 25 * len(failed) - 5 * assertions - min(20, int(latency // 100))
    analysis = Analysis(
        status=PASS,
        reliability_score=max(0, min(100, score)),
        root_cause_summary=NO_FAILURE,
        failing_step_id="",
        failing_step_reason="",
        latency_bottleneck_route="",
        latency_bottleneck_ms=latency,
        suggested_next_action=_NOTHING,
    )
    if slowest:
        path = slowest.request.path.partition("?")[0]
        analysis.latency_bottleneck_route = f"{slowest.request.method} {path}"
    if failed:
        reason = failed[0].failure_reason or ""
        analysis.status = FAIL
        analysis.root_cause_summary = f"Step {failed[0].step_id} failed: {reason}"
        analysis.failing_step_id = failed[0].step_id
        analysis.failing_step_reason = reason
        analysis.suggested_next_action = _advice(reason)
    return analysis


def _advice(reason: str) -> str:
    words = reason.split()
    return next((advice for word, advice in _ADVICE.items() if word in words[:1]), _OTHER)
