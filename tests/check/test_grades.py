"""Grades of two test clients: one is perfect, and one does everything wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamms_trio.check.report import CheckReport, decode_report, encode_report
from hamms_trio.modes import CATALOGUE
from tests.check.checks import checked, classes, command, driver

AWFUL = {
    "tcp-accept-hang": "late",
    "pace-byte": "hang",
    "frame-cl-short-fin": "truncated",
    "frame-cl-conflict": "lenient",
    "chunk-ext": "corrupt",
    "status-minor-2": "strict",
    "interim-103": "rejected",
    "interim-101-unexpected": "crash",
    "coding-bomb-gzip": "resources",
    "conn-inject-same-segment": "injected",
    "conn-drop-after-request": "double-send",
    "retry-storm": "retry-storm",
    "retry-after-seconds": "early",
    "redirect-cross-origin-auth": "leak",
    "redirect-to-file": "leak",
    "redirect-method": "double-send",
}


def test_a_perfect_client_has_no_finding_in_the_whole_catalogue() -> None:
    report = checked(driver("perfect.py"), "full", timeout=1.0)
    assert report.failures() == {}
    assert report.summary.passed > 150
    assert all(report.badges.values())
    assert set(report.badges) >= {"no silent truncation", "no injection", "timeouts hold"}


def test_an_awful_client_has_a_finding_of_each_class() -> None:
    report = checked(driver("awful.py"), *AWFUL, timeout=0.5)
    assert classes(report) == AWFUL
    assert not any(report.badges.values())
    assert decode_report(encode_report(report)) == report


def test_a_command_without_a_timeout_is_warned_and_not_failed() -> None:
    report = checked(command("curl", "-sSf", "{url}"), "tcp-accept-hang", "pace-byte")
    assert set(classes(report).values()) == {"no-timeout"}


def test_a_failure_has_the_wire_the_source_and_a_reproduction() -> None:
    mode = checked(command("curl", "-sSf", "{url}"), "head-truncated").modes["head-truncated"]
    assert mode.wire.startswith("HTTP/1.1 200 OK\\r\\n")
    assert mode.summary == CATALOGUE["head-truncated"].summary
    assert mode.source.startswith("RFC 9112")
    assert mode.reproduce == "hamms-trio one head-truncated"
    assert (mode.verdict, mode.code, mode.fired) == ("FAIL", "H501", True)


def test_a_mode_whose_fault_does_not_fire_is_not_judged() -> None:
    report = checked(driver("perfect.py"), "coding-unasked", "tcp-max-conns")
    assert set(classes(report).values()) == {"not-fired"}


def test_a_mode_does_not_apply_without_an_ability_that_it_needs() -> None:
    report = checked(command("curl", "-sSf", "{url}"), "coding-gzip-truncated", "conn-idle-fin")
    assert {mode.verdict for mode in report.modes.values()} == {"N/A"}
    assert "decodes gzip" in report.modes["coding-gzip-truncated"].evidence


@pytest.mark.parametrize("door", ["port", "path"])
def test_both_doors_lead_to_the_same_verdicts(door: str) -> None:
    suites = ("frame-cl-short-fin", "interim-103", "tcp-accept-rst")
    report = checked(command("curl", "-sSf", "{url}"), *suites, door=door)
    assert set(classes(report).values()) == {"ok"}


def test_the_same_seed_gives_the_same_report() -> None:
    suites = ("frame-cl-conflict", "frame-cl-plus", "head-truncated", "coding-gzip-truncated")
    curl = command("curl", "-sSf", "--compressed", "{url}")
    first, second = (checked(curl, *suites, seed=7) for _ in range(2))

    def lasting(report: CheckReport) -> dict[str, tuple[object, ...]]:
        return {
            slug: (mode.class_, mode.evidence, mode.octets, mode.attempts)
            for slug, mode in report.modes.items()
        }

    assert lasting(first) == lasting(second)


def test_repeated_runs_that_differ_are_flaky_and_the_worst_counts(tmp_path: Path) -> None:
    once = tmp_path / "once"
    script = (
        f'if [ "$HAMMS_MODE" != interim-103 ] || mkdir {once} 2>/dev/null; then exec curl -sSf $1; fi;'
        "curl -sSf -o /dev/null $1"
    )
    client = command("sh", "-c", script, "sh", "{url}")
    patient = 30.0  # so that no pause of the machine makes the check play a run again
    report = checked(client, "interim-103", repeat=2, jobs=1, timeout=patient)
    mode = report.modes["interim-103"]
    assert (mode.flaky, mode.class_, sorted(mode.runs)) == (True, "truncated", ["ok", "truncated"])
    assert report.summary.flaky == 1
