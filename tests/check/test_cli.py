"""``hamms-trio check`` as its users type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hamms_trio.cli import main

CURL = ("curl", "-sSf", "--max-time", "{timeout}", "{url}")
FAILING, PASSING = ("-s", "head-truncated"), ("-s", "frame-cl-short-fin")


def run(*arguments: str) -> Result:
    """Run the command in this process, and return its end."""
    return CliRunner().invoke(main, ["check", *arguments], prog_name="hamms-trio")


def test_a_failure_is_shown_with_its_evidence_and_fails_the_run() -> None:
    done = run(*FAILING, "--", *CURL)
    assert done.exit_code == 1
    for part in ("FAIL truncated (H501)", "head-truncated", "RFC 9112", "hamms-trio one", "score"):
        assert part in done.stdout


def test_the_report_tells_which_ability_lets_more_modes_apply() -> None:
    shown = run("-s", "json-truncated", "-s", "json-empty", "--", *CURL).stdout
    assert "   2  The mode needs a client that parses JSON (--can json)." in shown


def test_a_report_in_a_file_has_no_trailing_spaces() -> None:
    lines = run(*FAILING, "--", *CURL).stdout.splitlines()
    assert lines == [line.rstrip() for line in lines]


def test_a_client_without_findings_ends_with_zero() -> None:
    done = run(*PASSING, "--", *CURL)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 passed" in done.stdout


def test_the_options_behind_a_command_are_the_commands_own() -> None:
    assert run(*PASSING, *CURL).exit_code == 0


@pytest.mark.parametrize(("fail_on", "code"), [("crash", 0), ("silent", 1), ("warn", 1)])
def test_fail_on_sets_the_mildest_verdict_that_fails(fail_on: str, code: int) -> None:
    assert run(*FAILING, "--fail-on", fail_on, "--", *CURL).exit_code == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--", "no-such-client", "{url}"), "was not found"),
        (("--", "false", "{url}"), "a healthy server"),
        (("--", "curl", "{timeout}"), "neither {url}"),
        ((), "give either a command after --, or --client NAME"),
        (("-s", "no-such-suite", "--", *CURL), "no suite 'no-such-suite': give core, full"),
        (("-s", "fraem", "--", *CURL), "no suite 'fraem': did you mean frame?"),
        (("-s", "frame", "--exclude", "full", "--", *CURL), "no failure mode is left to check"),
        (("--", "curl", "-sS", "{ulr}"), "no placeholder {ulr}: did you mean {url}?"),
        (("--report", "pdf=a", "--", *CURL), "--report pdf=a"),
        (("--report", "json=/no/such/folder/a", "--", *CURL), "the directory is missing"),
        (("--report", "json=/", "--", *CURL), "--report json=/: this is a directory"),
        (("--can", "fly", "--", *CURL), "--can fly"),
        (("--update-baseline", "--", *CURL), "needs --baseline"),
        (("--client", "no-such-client"), "no-such-client"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_reports_go_to_files_and_one_to_the_standard_output(tmp_path: Path) -> None:
    done = run(
        *FAILING, "--report", "json=-", "--report", f"junit={tmp_path}/{{client}}.xml", "--", *CURL
    )
    report = json.loads(done.stdout)
    assert report["schema"] == 1
    assert report["modes"]["head-truncated"]["class"] == "truncated"
    assert 'type="truncated"' in (tmp_path / "curl.xml").read_text()


def test_a_baseline_excuses_known_findings_and_a_stale_entry_fails(tmp_path: Path) -> None:
    baseline = str(tmp_path / "baseline.json")
    assert run(*FAILING, "--baseline", baseline, "--update-baseline", "--", *CURL).exit_code == 0
    known = json.loads((tmp_path / "baseline.json").read_text())
    assert known["head-truncated"]["class"] == "truncated"
    assert run(*FAILING, "--baseline", baseline, "--", *CURL).exit_code == 0
    known["frame-cl-short-fin"] = known["head-truncated"]
    (tmp_path / "baseline.json").write_text(json.dumps(known))
    stale = run(*PASSING, "--baseline", baseline, "--", *CURL)
    assert stale.exit_code == 1
    assert "Stale entries of the baseline" in " ".join(stale.stdout.split())


def test_each_client_has_a_baseline_of_its_own(tmp_path: Path) -> None:
    baseline = str(tmp_path / "{client}.json")
    assert run(*FAILING, "--baseline", baseline, "--update-baseline", "--", *CURL).exit_code == 0
    assert (
        json.loads((tmp_path / "curl.json").read_text())["head-truncated"]["class"] == "truncated"
    )


def test_the_list_and_a_dry_run_need_no_client() -> None:
    listed, planned = run("--list", "-s", "pace"), run("--dry-run", "-s", "upload")
    assert (listed.exit_code, planned.exit_code) == (0, 0)
    assert "pace-byte" in listed.stdout
    assert "POST, late after 3 s, stopped after 4 s" in planned.stdout


def test_an_interruption_prints_the_report_so_far(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hamms_trio", "check", "-s", "tcp-accept-hang", "--cap", "60"]
    ready = tmp_path / "ready"
    script = f'[ "$HAMMS_MODE" = tcp-accept-hang ] && echo > {ready}; exec curl -sSf "$1"'
    process = subprocess.Popen(
        [*argv, "-s", "frame-cl-short-fin", "--", "sh", "-c", script, "sh", "{url}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not ready.exists() and process.poll() is None:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    output, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert "Interrupted: this is what was found so far." in output


def test_clients_that_are_missing_are_skipped_with_a_reason() -> None:
    done = run(*PASSING, "--client", "ruby=/no/such/ruby")
    assert done.exit_code == 0
    assert "skipped ruby" in done.stderr
