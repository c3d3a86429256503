"""The members of a report, as the reference names them."""

from __future__ import annotations

import msgspec

PASS = "pass"
FAIL = "fail"


class Assertion(msgspec.Struct, omit_defaults=True):
    """One assertion about an answer.

    Attributes:
        reason: the words for its failure; empty if it has passed.
    """

    type: str
    passed: bool
    expected: object
    actual: object
    reason: str = ""


class SentRequest(msgspec.Struct, omit_defaults=True):
    """A request as it was sent, without credentials.

    Attributes:
        path: with its query.
        headers: values by name in lower case.
        body_encoding: ``base64`` if the body is not UTF-8.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: str
    target_id: str
    body_encoding: str = ""


class ObservedResponse(msgspec.Struct, omit_defaults=True):
    """A response as the step observed it, without credentials.

    Attributes:
        loss: the reason why there was none, such as ``reset``.
        truncated: True if the body has more octets than the report shows.
    """

    status: int
    headers: dict[str, str]
    body: str
    body_encoding: str = ""
    truncated: bool = False
    loss: str = ""


class StepResult(msgspec.Struct, omit_defaults=True):
    """The result of one step.

    Attributes:
        latency_ms: of the last attempt, without delays.
        attempts: how often it was tried, if more than once.
    """

    step_id: str
    status: str
    trace_id: str
    latency_ms: float
    chaos_applied: bool
    failure_reason: str | None
    request: SentRequest
    response: ObservedResponse
    assertions: list[Assertion]
    attempts: int = 1

    @property
    def passed(self) -> bool:
        return self.status == PASS


class RunSummary(msgspec.Struct):
    """Counts of steps."""

    passed: int
    failed: int
    duration_ms: float


class Analysis(msgspec.Struct):
    """A verdict in words."""

    status: str
    reliability_score: int
    root_cause_summary: str
    failing_step_id: str
    failing_step_reason: str
    latency_bottleneck_route: str
    latency_bottleneck_ms: float
    suggested_next_action: str


class Report(msgspec.Struct):
    """The report of a run."""

    run_id: str
    scenario_id: str
    seed: int
    status: str
    started_at: str
    finished_at: str
    failed_assertions: int
    summary: RunSummary
    step_results: list[StepResult]
    analysis: Analysis
    scenario_name: str = ""

    @property
    def passed(self) -> bool:
        """True if every step has passed."""
        return self.status == PASS

    def __str__(self) -> str:
        cause = self.analysis.root_cause_summary
        return f"scenario {self.scenario_name or self.scenario_id}, seed {self.seed}: {self.status}. {cause}"
