"""``python -m bench``, as far as it needs no peers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.measurements import MEASUREMENTS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_unwritable_result_file_is_refused_before_measuring(tmp_path: Path) -> None:
    to = tmp_path / "no" / "such.json"
    done = run("--quick", "--json", str(to), "startup")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"--json {to}" in done.stderr.splitlines()[-1]


def test_an_unknown_measurement_is_refused_with_the_known_ones() -> None:
    done = run("requsts")

    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown measurement 'requsts'" in done.stderr.splitlines()[-1]
    assert all(name in done.stderr for name in MEASUREMENTS)


@pytest.mark.parametrize("content", ["", "[]", '{"figures": []}', '{"figures": {"a": [{}]}}'])
def test_compare_refuses_a_file_without_results(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(content, encoding="utf-8")
    done = run("compare", str(file), str(file))

    assert (done.returncode, done.stdout) == (2, "")
    assert "not a result file" in done.stderr.splitlines()[-1]
