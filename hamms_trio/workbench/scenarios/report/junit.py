"""A report as JUnit's XML, which CI systems read."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from hamms_trio.workbench.scenarios.report.model import Report, StepResult

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@cache  # compiled for the first report: that takes as long as the import of ten modules
def _unwritable() -> re.Pattern[str]:
    """Return a pattern for the characters that XML 1.0 can't represent (§2.2)."""
    return re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: Report) -> bytes:
    """Write a report as one test suite, with a test case for each step."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring  # few servers need it

    failed = sum(not result.passed for result in report.step_results)
    counts = {
        "tests": str(len(report.step_results)),
        "failures": str(failed),
        "errors": "0",
        "time": _seconds(report.summary.duration_ms),
    }
    root = Element("testsuites", counts)
    name = _text(report.scenario_name or report.scenario_id)
    about = {"name": name, "timestamp": report.started_at.rstrip("Z"), "skipped": "0", **counts}
    suite = SubElement(root, "testsuite", about)
    properties = SubElement(suite, "properties")
    for key, value in (("seed", report.seed), ("run_id", report.run_id)):
        SubElement(properties, "property", {"name": key, "value": str(value)})
    for result in report.step_results:
        _add_case(suite, name, result)
    indent(root)
    octets: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return octets + b"\n"


def _add_case(suite: Element, scenario: str, result: StepResult) -> None:
    from xml.etree.ElementTree import SubElement

    case = SubElement(
        suite,
        "testcase",
        {
            "classname": scenario,
            "name": _text(result.step_id),
            "time": _seconds(result.latency_ms),
        },
    )
    if not result.passed:
        message = _text(result.failure_reason or "")
        failure = SubElement(case, "failure", {"message": message, "type": "assertion"})
        failure.text = _text("\n".join(one.reason for one in result.assertions if not one.passed))
    request, response = result.request, result.response
    output = SubElement(case, "system-out")
    output.text = _text(
        f"{request.method} {request.path} (target {request.target_id}, trace {result.trace_id})\n"
        f"{response.status}{', chaos' if result.chaos_applied else ''}\n{response.body}"
    )


def _text(text: str) -> str:
    return _unwritable().sub("\N{REPLACEMENT CHARACTER}", text)


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.6f}"
