"""Failure modes in another package, built and installed as docs/adding-a-failure-mode.md shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from hamms_trio.modes import FailureMode
from hamms_trio.modes.installed import installed_modes
from hamms_trio.testing import check_declaration, transcript

SAFETY_NET = 120.0
PAGE = Path(__file__).parent.parent / "docs" / "adding-a-failure-mode.md"
BLOCKS = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page's three files, each under the name in its first line."""
    folder = tmp_path_factory.mktemp("polite-modes")
    for block in BLOCKS:
        if named := re.match(r"# (\S+)\n", block):
            (folder / named[1]).write_text(block, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def installed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package into a folder of its own."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    run([*pip, *offline, str(project)], project)
    return site


def run(command: list[str], cwd: Path, *, path: Path | None = None, code: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SAFETY_NET
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def hamms(*arguments: str, path: Path | None, cwd: Path, code: int = 0) -> str:
    return run([sys.executable, "-m", "hamms_trio", *arguments], cwd, path=path, code=code)


def test_the_page_s_first_mode_works_as_pasted() -> None:
    names: dict[str, object] = {"__name__": "pasted"}
    exec(compile(BLOCKS[0], str(PAGE), "exec"), names)
    mode = names["frame_cut_short"]
    assert isinstance(mode, FailureMode)
    check_declaration(mode)
    assert "Content-Length: 2016" in transcript(mode)


def test_modes_lists_the_modes_of_an_installed_package(installed: Path, tmp_path: Path) -> None:
    listed = json.loads(hamms("modes", "--json", path=installed, cwd=tmp_path))
    (polite,) = (mode for mode in listed if mode["slug"] == "polite-pause")
    assert (polite["port"], polite["needs_port"]) == (None, None)
    described = hamms("modes", "polite-pause", path=installed, cwd=tmp_path)
    assert "/mode/polite-pause/" in described
    assert "polite-pause" not in hamms("modes", path=None, cwd=tmp_path)


def test_the_page_s_tests_pass_once_the_transcript_is_reviewed(
    installed: Path, project: Path
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project)]
    first = run(command, project, path=installed, code=1)
    assert "read it, then commit it" in first
    assert "4 passed" in run(command, project, path=installed)


def test_modes_from_takes_a_module_that_is_not_installed(project: Path, tmp_path: Path) -> None:
    script = [sys.executable, "-P", "-m", "hamms_trio"]  # -P: not from here, as a console script
    listed = run([*script, "modes", "--modes-from", "polite_modes"], project)
    assert "polite-pause" in listed
    wrong = hamms("modes", "--modes-from", "impolite", path=project, cwd=tmp_path, code=2)
    assert "can't import failure modes from 'impolite'" in wrong


def test_a_module_s_modes_are_served_at_the_path_door(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hamms_trio", "serve", "--modes-from", "polite_modes"]
    options = ["polite-pause", "--beginning-port", "0", "--no-workbench"]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        try:
            rows = (line.split() for line in process.stdout)
            port = next(row[0] for row in rows if row[1] == "path")
            url = f"http://127.0.0.1:{port}/mode/polite-pause--pause-0/"
            with urllib.request.urlopen(url, timeout=SAFETY_NET) as answer:
                assert answer.read() == b"thank you"
        finally:
            process.terminate()
        assert process.wait(SAFETY_NET) == 0


def test_a_broken_entry_point_gets_a_one_line_error(tmp_path: Path) -> None:
    metadata = tmp_path / "broken-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hamms_trio.modes]\nbroken = no_such_module\n")
    errors = hamms("modes", path=tmp_path, cwd=tmp_path, code=2)
    assert "can't load the failure modes 'broken' (no_such_module)" in errors.splitlines()[-1]


def test_a_package_installed_after_a_search_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = len(installed_modes())
    (tmp_path / "late_modes.py").write_text("from hamms_trio.modes import CATALOGUE as modes\n")
    metadata = tmp_path / "late-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hamms_trio.modes]\nlate = late_modes\n")
    assert len(installed_modes()) == before + 1
