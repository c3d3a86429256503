"""Baselines: known findings, and what differs from them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from hamms_trio.check.baseline import (
    BaselineUnusable,
    Change,
    Entry,
    FailOn,
    compare,
    offenders,
    read_baseline,
    updated,
    write_baseline,
)
from tests.check.reports.values import example, mode, report

DAY = date(2026, 11, 29)
HANG = Entry("FAIL", "hang", "since 2019")


@pytest.mark.parametrize(
    ("found", "entry", "change"),
    [
        (mode(), None, None),
        (mode("hang"), None, Change.NEW),
        (mode("hang"), HANG, Change.KNOWN),
        (mode("truncated"), HANG, Change.WORSE),
        (mode("late"), HANG, Change.WORSE),
        (mode("lenient"), HANG, Change.IMPROVED),
        (mode(), HANG, Change.STALE),
        (mode("lacks"), HANG, None),
        (mode("hang"), Entry("FAIL", "hang", until=DAY), Change.KNOWN),
        (mode("hang"), Entry("FAIL", "hang", until=date(2026, 11, 28)), Change.EXPIRED),
        (mode(), Entry("FAIL", "hang", until=date(2026, 11, 28)), Change.STALE),
        (mode(), Entry("FAIL", "hang", flaky=True), Change.KNOWN_FLAKY),
        (mode("hang"), Entry("FAIL", "hang", flaky=True), Change.KNOWN_FLAKY),
        (mode("crash"), Entry("FAIL", "hang", flaky=True), Change.WORSE),
    ],
    ids=str,
)
def test_a_verdict_is_compared_with_its_entry(found, entry, change) -> None:  # type: ignore[no-untyped-def] # by the table
    baseline = {} if entry is None else {"pace-byte": entry}
    comparison = compare(report(pace_byte=found), baseline, today=DAY)
    assert comparison.changes.get("pace-byte") is change


def test_a_run_fails_for_new_findings_and_stale_entries_only() -> None:
    baseline = {"pace-byte": HANG, "frame-close-delimited": HANG}
    comparison = compare(example(), baseline, today=DAY)
    assert offenders(example(), FailOn.FAIL, comparison) == [
        "frame-cl-short-fin",
        "frame-close-delimited",
        "conn-idle-fin",
    ]


@pytest.mark.parametrize(
    ("word", "blamed"),
    [
        ("crash", ["conn-idle-fin"]),
        ("silent", ["frame-cl-short-fin", "conn-idle-fin"]),
        ("fail", ["frame-cl-short-fin", "pace-byte", "conn-idle-fin"]),
        ("warn", ["frame-cl-short-fin", "frame-cl-plus", "pace-byte", "conn-idle-fin"]),
    ],
)
def test_the_threshold_decides_which_findings_fail(word: str, blamed: list[str]) -> None:
    assert offenders(example(), FailOn(word)) == blamed


def test_an_updated_baseline_excuses_all_and_keeps_reasons(tmp_path: Path) -> None:
    before = {
        "pace-byte": HANG,
        "frame-close-delimited": HANG,
        "tcp-other": HANG,
        "coding-br": HANG,
    }
    file = tmp_path / "baseline.json"
    write_baseline(file, updated(before, example()))
    after = read_baseline(file)
    assert after["pace-byte"].reason == "since 2019"
    assert after["frame-cl-short-fin"] == Entry("FAIL", "truncated")
    assert "frame-close-delimited" not in after
    assert {"tcp-other", "coding-br"} <= set(after)
    assert not offenders(example(), FailOn.WARN, compare(example(), after, today=DAY))


def test_a_missing_baseline_file_is_an_empty_baseline(tmp_path: Path) -> None:
    assert read_baseline(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "is no baseline"),
        ('{"a": {"verdict": "FAIL", "class": "rude"}}', "a has the unknown class 'rude'"),
        ('{"a": {"verdict": "FAIL", "class": "hang", "until": "tomorrow"}}', "is no baseline"),
    ],
)
def test_a_wrong_baseline_is_refused_with_its_fault(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)
    with pytest.raises(BaselineUnusable, match=re.escape(complaint)):
        read_baseline(file)
