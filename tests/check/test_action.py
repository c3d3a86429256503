"""The steps of the GitHub Action, run as the plain shell that they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml
from zipfile import ZipFile

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
INSTALL, CHECK = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{ inputs\.([a-z-]+)(?: \|\| ([a-z_.]+))? \}\}")
CURL = "curl -sSf --max-time {timeout} {url}"


@dataclass
class Runner:
    """A folder in which steps are run as GitHub's runner would run them."""

    folder: Path

    def run(self, step: dict[str, Any], **inputs: str) -> subprocess.CompletedProcess[str]:
        defaults = {name: given["default"] for name, given in ACTION["inputs"].items()}
        given = defaults | {name.replace("_", "-"): value for name, value in inputs.items()}
        environment = {
            name: EXPRESSION.sub(
                lambda found: given[found[1]] or (str(ROOT) if found[2] else ""), value
            )
            for name, value in step["env"].items()
        }
        for name in ("OUTPUT", "STEP_SUMMARY"):
            environment[f"GITHUB_{name}"] = str(self.folder / name)
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={**os.environ, **environment, "RUNNER_TEMP": str(self.folder / "temp")},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def written(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner on which hamms-trio is installed."""
    binaries = tmp_path / "temp" / "hamms-trio" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "hamms-trio").symlink_to(Path(sys.executable).with_name("hamms-trio"))
    return Runner(tmp_path)


def test_the_check_step_writes_reports_and_a_summary(runner: Runner) -> None:
    done = runner.run(CHECK, command=CURL, suite="frame-cl-short-fin chunk-no-final")
    assert done.returncode == 0, done.stderr
    report = json.loads(runner.written("hamms-trio/report.json"))
    assert set(report["modes"]) == {"frame-cl-short-fin", "chunk-no-final"}
    assert report["client"]["argv"] == CURL.split()
    assert Xml.parse(runner.folder / "hamms-trio" / "report.xml").getroot().get("tests") == "2"
    assert runner.written("STEP_SUMMARY").startswith("## hamms-trio check: curl")
    assert runner.written("OUTPUT") == "reports=hamms-trio\nscore=100.0\n"


def test_the_check_step_fails_with_findings_unless_they_are_known(runner: Runner) -> None:
    command = "bash -c 'curl -s --max-time {timeout} \"$0\" || true' {url}"
    inputs = {"command": command, "suite": "frame-cl-short-fin"}
    assert runner.run(CHECK, **inputs).returncode == 1
    assert "FAIL truncated" in runner.written("STEP_SUMMARY")
    known = {"frame-cl-short-fin": {"verdict": "FAIL", "class": "truncated"}}
    (runner.folder / "known.json").write_text(json.dumps(known))
    assert runner.run(CHECK, **inputs, baseline="known.json").returncode == 0


def test_inputs_are_no_shell(runner: Runner) -> None:
    done = runner.run(
        CHECK, command="curl $(touch made) `touch made` {url}; touch made", suite="a;b"
    )
    assert done.returncode == 2
    assert not (runner.folder / "made").exists()


def test_an_input_reaches_a_script_through_the_environment_alone() -> None:
    for step in (INSTALL, CHECK):
        assert "${{" not in step["run"]


def test_the_install_step_installs_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "example-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("example.py", "")
        about = "example-1.0.dist-info"
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: example\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = Runner(tmp_path).run(INSTALL, package=str(wheel))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("temp/hamms-trio/lib/python*/site-packages/example.py"))
