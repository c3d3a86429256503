"""The report as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from hamms_trio.check.baseline import Change, Comparison
from hamms_trio.check.report import CheckReport, ModeReport

# The characters that XML 1.0 can't represent (§2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: CheckReport, comparison: Comparison | None = None) -> str:
    """Return one test case for each mode, in one suite for each family.

    A known failure is skipped, as is a mode that does not apply. A stale or expired entry of the baseline fails.
    """
    changes = {} if comparison is None else comparison.changes
    root = Xml.Element("testsuites", name=f"hamms-trio check {report.client.name}")
    for family, modes in report.of_family():
        suite = Xml.SubElement(root, "testsuite", name=family)
        _describe(suite, report)
        for slug, mode in modes.items():
            _add_case(suite, slug, mode, changes.get(slug))
        _count(suite)
    _count(root)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, "unicode") + "\n"


def _describe(suite: Xml.Element, report: CheckReport) -> None:
    described = Xml.SubElement(suite, "properties")
    for name, value in (
        ("client", report.client.name),
        ("client.version", report.client.version),
        ("seed", str(report.seed)),
        ("hamms-trio", report.tool.version),
    ):
        Xml.SubElement(described, "property", name=name, value=_clean(value))


def _add_case(suite: Xml.Element, slug: str, mode: ModeReport, change: Change | None) -> None:
    seconds = f"{(mode.ms or 0) / 1000:.3f}"
    case = Xml.SubElement(suite, "testcase", classname=mode.family, name=slug, time=seconds)
    if change is not None and change.is_error:
        _add(case, "failure", change.value, kind=change.name.lower())
    elif change is not None and change.is_excused and mode.rank:
        _add(case, "skipped", f"{change.value}: {mode.verdict} {mode.class_}")
    elif mode.verdict in ("N/A", "INFO"):
        _add(case, "skipped", mode.evidence or mode.finding.meaning)
    elif mode.verdict == "CRASH":
        _add(case, "error", mode.evidence, kind=mode.class_, text=_details(mode))
    elif mode.verdict == "FAIL":
        _add(case, "failure", mode.evidence, kind=mode.class_, text=_details(mode))
    elif mode.verdict == "WARN":
        out = Xml.SubElement(case, "system-out")
        out.text = _clean(f"WARN {mode.class_} ({mode.code})\n{_details(mode)}")


def _add(case: Xml.Element, name: str, message: str, *, kind: str = "", text: str = "") -> None:
    element = Xml.SubElement(case, name, message=_clean(message))
    if kind:
        element.set("type", kind)
    if text:
        element.text = _clean(text)


def _details(mode: ModeReport) -> str:
    lines = [
        mode.evidence,
        *([f"server: {mode.summary}"] if mode.summary else []),
        f"expected: {mode.expected}" + (f" ({mode.source})" if mode.source else ""),
        f"code: {mode.code}",
        *([f"wire: {mode.wire}"] if mode.wire else []),
        *([f"reproduce: {mode.reproduce}"] if mode.reproduce else []),
        *(f"reported: {issue}" for issue in mode.issues),
    ]
    return "\n".join(lines)


def _count(element: Xml.Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
