"""A report as text."""

from __future__ import annotations

from hamms_trio.workbench.scenarios import Report
from hamms_trio.workbench.scenarios.report import StepResult

_LINE = "-" * 72


def report_text(report: Report) -> str:
    """Return the text of a report: the run, the counts, and each step with the reason for its failure."""
    summary = report.summary
    lines = [
        f"Run: {report.run_id} | Scenario: {report.scenario_id} | Seed: {report.seed}",
        f"Status: {report.status} | Passed: {summary.passed} | Failed: {summary.failed} | "
        f"Duration: {summary.duration_ms:.2f}ms",
        _LINE,
    ]
    for result in report.step_results:
        lines += _step_lines(result)
    return "\n".join(lines)


def _step_lines(result: StepResult) -> list[str]:
    latency, trace = f"latency={result.latency_ms:.3f}ms", f"trace={result.trace_id}"
    marks = " chaos" if result.chaos_applied else ""
    if result.attempts > 1:
        marks += f" attempts={result.attempts}"
    line = f"{result.status.upper()} {result.step_id:<12} {latency} {trace}{marks}"
    return [line] if result.passed else [line, f"      reason: {result.failure_reason}"]
