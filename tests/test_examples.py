"""The examples as a user runs them: by pytest, with nothing of this project's settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_examples_pass_where_their_clients_are_installed(tmp_path: Path) -> None:
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-c", str(settings), str(EXAMPLES)]
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    if "passed" not in ran.stdout and "failed" not in ran.stdout and "SKIPPED" in ran.stdout:
        pytest.skip("no client of the examples is installed: see the extra clients, and examples/")
    assert ran.returncode == 0, ran.stdout + ran.stderr
