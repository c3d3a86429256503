"""The wheel, installed into a new environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import hamms_trio
from hamms_trio.modes import CATALOGUE
from hamms_trio.version import VERSION

SAFETY_NET = 120.0  # seconds; nothing is expected to take nearly as long
PROJECT = Path(hamms_trio.__file__).parent.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]

pytestmark = pytest.mark.skipif(
    not (PROJECT / "pyproject.toml").exists(),
    reason="this is no checkout, so there is no wheel to build",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the project's wheel with the installed build tools."""
    directory = tmp_path_factory.mktemp("dist")
    alone = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(directory)]
    run([*PIP, "wheel", *alone, str(PROJECT)], directory)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment that borrows our dependencies; return its folder of commands."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    paths = sysconfig.get_paths("venv", vars={"base": str(home), "platbase": str(home)})
    python = Path(paths["scripts"], "python")
    install = ["--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    run([*PIP, *install], home)
    # A path in a .pth file comes after the environment's own, and .pth files in that path have no effect.
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def run(command: list[str], directory: Path) -> str:
    """Run a command, which must succeed, and return its standard output."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=directory, env=inherited, capture_output=True, text=True, timeout=SAFETY_NET
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_contains_every_file_of_both_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = {
        path.relative_to(PROJECT).as_posix()
        for package in ("hamms_trio", "netsplode")
        for path in (PROJECT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert {"hamms_trio/py.typed", "netsplode/py.typed"} <= sources
    metadata = f"hamms_trio-{VERSION}.dist-info"
    assert {name for name in names if not name.startswith(metadata)} == sources
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_metadata_has_entry_points_and_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = f"hamms_trio-{VERSION}.dist-info"
        entry_points = archive.read(f"{metadata}/entry_points.txt").decode()
        described = archive.read(f"{metadata}/METADATA").decode()

    assert "hamms-trio = hamms_trio.cli:main" in entry_points
    assert "hamms_trio = hamms_trio.pytest_plugin" in entry_points
    assert "Requires-Python: >=3.11" in described
    assert "License-Expression: MIT" in described
    needed = [line for line in described.splitlines() if line.startswith("Requires-Dist:")]
    always = {re.split(r"[\[<>;]", line.split()[1])[0] for line in needed if "extra ==" not in line}
    assert always == {
        "brotli",
        "click",
        "cryptography",
        "hdrhistogram",
        "httpcore",
        "httpx",
        "idna",
        "jmespath",
        "msgspec",
        "outcome",
        "prometheus-client",
        "rich",
        "scapy",
        "trio",
        "zstandard",
    }


def test_the_installed_command_lists_every_mode(scripts: Path, tmp_path: Path) -> None:
    listed = json.loads(run([str(scripts / "hamms-trio"), "modes", "--json"], tmp_path))

    assert {mode["slug"] for mode in listed} == set(CATALOGUE)


def test_the_installed_packages_are_imported(scripts: Path, tmp_path: Path) -> None:
    code = "import hamms_trio, netsplode; print(hamms_trio.__file__, netsplode.__file__, sep='\\n')"
    found = run([str(scripts / "python"), "-c", code], tmp_path).split("\n")[:2]

    assert all(Path(file).is_relative_to(scripts.parent) for file in found)


def test_the_fixture_comes_with_the_installation(scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "test_client.py").write_text(
        "import urllib.request\n"
        "import hamms_trio\n"
        "def test_fixture(hamms):\n"
        f"    assert hamms_trio.__file__.startswith({str(scripts.parent)!r})\n"
        "    with urllib.request.urlopen(hamms.url('retries', tries=1), timeout=60) as answer:\n"
        "        assert answer.status == 200\n"
        "    assert hamms.ledger.requests('retries')[0].status == 200\n"
    )

    command = [str(scripts / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert "1 passed" in run(command, tmp_path)
