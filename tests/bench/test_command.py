"""``python -m bench``, as far as it needs no peers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_that_the_figures_can_not_be_written_is_told_before_they_are_measured(
    tmp_path: Path,
) -> None:
    to = tmp_path / "no" / "such.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(to), "startup"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"--json {to}" in done.stderr.splitlines()[-1]
