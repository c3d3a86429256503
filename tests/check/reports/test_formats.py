"""The report in its formats."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as Xml

import jsonschema_rs
import pytest

from hamms_trio.check.baseline import Entry, compare
from hamms_trio.check.reports import FORMATS, ReportUnusable, read_report, render
from hamms_trio.check.verdicts import FINDINGS
from tests.check.reports.values import example, mode, report

ROOT = Path(__file__).parents[3]
KNOWN = {
    "frame-cl-short-fin": Entry("FAIL", "truncated", "since 2019"),
    "frame-close-delimited": Entry("FAIL", "hang"),
}


def case(xml: str, slug: str) -> Xml.Element:
    found = Xml.fromstring(xml).find(f".//testcase[@name='{slug}']")
    assert found is not None
    return found


def test_junit_counts_and_types_every_verdict() -> None:
    xml = render("junit", example())
    root = Xml.fromstring(xml)
    counts = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "2", "errors": "1", "skipped": "2"}
    (failure,) = case(xml, "frame-cl-short-fin")
    assert (failure.tag, failure.get("type")) == ("failure", "truncated")
    assert "hamms-trio one frame-cl-short-fin" in (failure.text or "")
    assert case(xml, "frame-cl-short-fin").get("classname") == "frame"
    assert [child.tag for child in case(xml, "coding-br")] == ["skipped"]
    assert [child.tag for child in case(xml, "conn-idle-fin")] == ["error"]
    assert [child.tag for child in case(xml, "frame-cl-plus")] == ["system-out"]


def test_junit_skips_known_failures_and_fails_stale_entries() -> None:
    xml = render("junit", example(), compare(example(), KNOWN))
    assert [child.tag for child in case(xml, "frame-cl-short-fin")] == ["skipped"]
    (stale,) = case(xml, "frame-close-delimited")
    assert (stale.tag, stale.get("type")) == ("failure", "stale")


def test_junit_survives_characters_that_xml_lacks() -> None:
    told = report(frame_x=mode("hang", evidence="a\x00b\x1b[31m <&> \ud800"))
    (failure,) = case(render("junit", told), "frame-x")
    assert failure.get("message") == "a\ufffdb\ufffd[31m <&> \ufffd"


def test_markdown_lists_failures_the_worst_first() -> None:
    text = render("md", example())
    assert text.startswith("## hamms-trio check: curl curl 7.88.1\n")
    assert "1 passed, 1 with a warning, 2 failed, 1 crashed" in text
    assert text.index("CRASH crash") < text.index("FAIL truncated") < text.index("WARN lenient")
    assert "reported: https://example.org/issues/1" in text


def test_markdown_shows_what_changed_against_the_baseline() -> None:
    text = render("md", example(), compare(example(), KNOWN))
    assert re.search(r"Stale entries.*: `frame-close-delimited`", text)
    assert re.search(r"New findings\*\*: .*`pace-byte`", text)
    assert "FAIL truncated" not in text


def test_markdown_of_a_client_cannot_be_markup() -> None:
    told = report(name="<img src=x>|`", frame_x=mode("hang", wire="```\n```` |", evidence="a|b\nc"))
    text = render("md", told)
    assert "<img" not in text.replace("\\<img", "")
    assert "a\\|b c" in text
    assert "`````text\n```\n```` |\n`````" in text


def test_a_page_needs_nothing_from_elsewhere() -> None:
    page = render("html", example())
    assert "default-src 'none'" in page
    loaded = re.findall(r"<(?:script|link|img|iframe|object|source)\b[^>]*>|@import|url\(", page)
    assert loaded == ["<script>"]


def test_a_page_links_each_cell_to_its_evidence() -> None:
    page = render("html", example())
    targets = re.findall(r'<td class="c [a-z]+"><a href="#([^"]+)"', page)
    assert len(targets) == 7
    assert all(page.count(f'id="{target}"') == 1 for target in targets)


def test_a_page_shows_hostile_text_as_text() -> None:
    hostile = "</script><script>alert(1)</script>\"'&"
    told = report(
        name=hostile,
        version=hostile,
        frame_x=mode("hang", evidence=hostile, wire=hostile, issues=["javascript:alert(1)"]),
    )
    page = render("html", told)
    assert page.count("<script>") == 1
    assert "javascript:" not in page


def test_a_badge_is_an_image_with_a_name() -> None:
    badge = Xml.fromstring(render("badge", example()))
    assert badge.get("aria-label") == "curl resilience: 50 of 100"
    assert badge.get("role") == "img"


def test_json_survives_a_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(render("json", example()))
    assert read_report(file) == example()


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}', "\udcff"], ids=repr)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(ReportUnusable, match=re.escape(str(file))):
        read_report(file)


def test_a_report_keeps_the_schema_in_the_docs() -> None:
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(json.loads(render("json", example())))
    assert schema["$defs"]["ModeReport"]["properties"]["class"]["enum"] == list(FINDINGS)


def test_every_format_writes_every_class_of_findings() -> None:
    modes = {f"frame_{name}": mode(name) for name in FINDINGS}
    all_classes = report("curl", "8", **modes)
    for name in FORMATS:
        assert render(name, all_classes)
    told = json.loads(render("json", all_classes))["modes"]
    assert {found["class"] for found in told.values()} == set(FINDINGS)
