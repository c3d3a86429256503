"""Unusable clients, and clients that leave processes behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamms_trio.check.client import Command
from hamms_trio.errors import ClientUnusable, UnknownMode
from tests.check.checks import checked, classes, command, driver, python


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.glob("hamms-*")) == []
    assert not any(b"hamms-check-orphan" in line for line in _command_lines())


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:
            continue


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(ClientUnusable, match="no-such-client"):
        checked(command("no-such-client", "{url}"), "interim-103")


def test_a_client_that_always_fails_is_refused_with_its_own_words() -> None:
    with pytest.raises(ClientUnusable, match=r"a healthy server[\s\S]*no route"):
        checked(command("sh", "-c", "echo no route >&2; exit 7", "{url}"), "interim-103")


def test_a_client_that_succeeds_with_nothing_is_refused() -> None:
    with pytest.raises(ClientUnusable, match="no octet was delivered"):
        checked(command("true", "{url}"), "interim-103")


def test_a_suite_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownMode, match="no-such-suite"):
        checked(command("true", "{url}"), "no-such-suite")


def test_a_driver_that_writes_no_json_is_refused() -> None:
    with pytest.raises(ClientUnusable, match="fails against a healthy server"):
        checked(driver("nonsense.py"), "interim-103")


def _unless_healthy(script: str) -> Command:
    """Return a client that is healthy in the control and the probes, and runs a script elsewhere."""
    start = 'case "$HAMMS_MODE" in interim-103) ;; *) exec curl -sSf "$1";; esac; '
    return command("bash", "-c", start + script, "bash", "{url}")


def test_an_output_without_end_is_stopped() -> None:
    report = checked(_unless_healthy("exec yes hamms"), "interim-103")
    assert classes(report)["interim-103"] in ("resources", "hang")
    assert report.modes["interim-103"].rss is not None


def test_a_client_that_ignores_sigterm_is_stopped_at_the_cap() -> None:
    report = checked(
        _unless_healthy("trap '' TERM HUP INT; while :; do sleep 1; done"), "interim-103"
    )
    assert classes(report) == {"interim-103": "not-fired"}
    assert (report.modes["interim-103"].ms or 0) < 10_000


def test_processes_that_a_client_leaves_behind_are_ended() -> None:
    script = (
        "setsid bash -c 'exec -a hamms-check-orphan sleep 600' >/dev/null 2>&1 & "
        '(exec -a hamms-check-orphan sleep 600) & sleep 0.1; exec curl -sSf "$1"'
    )
    assert classes(checked(_unless_healthy(script), "interim-103")) == {"interim-103": "ok"}


def test_a_client_that_takes_too_much_memory_is_stopped() -> None:
    code = "import os, sys, subprocess\n"
    code += "curl = ['curl', '-sSf', sys.argv[1]]\n"
    code += "if os.environ['HAMMS_MODE'] != 'interim-103': sys.exit(subprocess.call(curl))\n"
    code += "subprocess.call([*curl, '-o', '/dev/null'])\n"
    code += "kept = []\nwhile True: kept.append(b'a' * (64 << 20))"
    report = checked(python(code, "{url}"), "interim-103", timeout=2.0)
    assert classes(report) == {"interim-103": "resources"}


def test_a_check_leaves_no_child_of_this_process() -> None:
    before = _children()
    checked(command("curl", "-sSf", "{url}"), "frame-cl-short-fin")
    assert _children() <= before


def _children() -> set[str]:
    """Return the children of this thread; other tests may have some."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(children.read_text().split()) if children.exists() else set()
