"""A step's result, without credentials, because every viewer may read reports."""

from __future__ import annotations

from secrets import token_hex

from hamms_trio.workbench.history.record import combined, written
from hamms_trio.workbench.live.redact import redact_body, redact_fields, redact_query
from hamms_trio.workbench.scenarios.document.model import Step
from hamms_trio.workbench.scenarios.report.model import (
    FAIL,
    PASS,
    Assertion,
    ObservedResponse,
    SentRequest,
    StepResult,
)
from hamms_trio.workbench.scenarios.steps.sending import StepAnswer, StepRequest

KEPT_BODY = 65_536  # octets of a body that a report shows
_QUOTES = b'""'


def result_of(
    step: Step,
    request: StepRequest,
    answer: StepAnswer,
    assertions: list[Assertion],
    *,
    latency_ms: float = 0.0,
    chaos_applied: bool = False,
) -> StepResult:
    """Return the result of an attempt."""
    failed = [one for one in assertions if not one.passed]
    headers = combined(redact_fields(answer.fields))
    return StepResult(
        step_id=step.id,
        status=FAIL if failed else PASS,
        trace_id=headers.get("x-request-id") or token_hex(8),
        latency_ms=latency_ms,
        chaos_applied=chaos_applied,
        failure_reason=failed[0].reason if failed else None,
        request=_sent(step, request),
        response=_observed(answer, headers),
        assertions=assertions,
    )


def _sent(step: Step, request: StepRequest) -> SentRequest:
    headers = combined(redact_fields(request.fields))
    path, mark, query = request.target.partition("?")
    body, encoding, _ = _shown(request.body, headers)
    return SentRequest(
        method=request.method,
        path=f"{path}{mark}{redact_query(query)}",
        headers=headers,
        body=body,
        target_id=step.target_id,
        body_encoding=encoding,
    )


def _observed(answer: StepAnswer, headers: dict[str, str]) -> ObservedResponse:
    body, encoding, is_cut = _shown(answer.body, headers)
    return ObservedResponse(
        status=answer.status,
        headers=headers,
        body=body,
        body_encoding=encoding,
        truncated=answer.truncated or is_cut,
        loss=answer.loss.word if answer.loss else "",
    )


def beginning(body: bytes, octets: int, content_type: str) -> tuple[bytes, bool]:
    """Return the beginning of a body without credentials, and True if the body goes on."""
    if len(body) <= octets:
        return redact_body(body, content_type), False
    cut = _whole_characters(body[:octets])
    # They close a JSON string that the cut has left open, so that redaction finds a secret in it.
    return redact_body(cut + _QUOTES, content_type).removesuffix(_QUOTES), True


def _shown(body: bytes, headers: dict[str, str]) -> tuple[str, str, bool]:
    """Return a body as the report shows it, its encoding, and True if the report has only a part."""
    octets, is_cut = beginning(body, KEPT_BODY, headers.get("content-type", ""))
    content = written(octets)
    return str(content["body"]), str(content.get("body_encoding", "")), is_cut


def _whole_characters(octets: bytes) -> bytes:
    """Drop an incomplete UTF-8 character at the end."""
    for end in range(len(octets), max(len(octets) - 4, 0), -1):
        try:
            octets[:end].decode()
        except UnicodeDecodeError:
            continue
        return octets[:end]
    return octets
