"""Run the tests on every CPython from 3.11 on that is found on this machine.

Each gets an environment of its own, .venvs/VERSION, which is kept. Arguments are passed to pytest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = PROJECT / ".venvs"
OLDEST = (3, 11)
NAME = re.compile(r"python3\.[0-9]+")
PROBE = "import sys; print(sys.implementation.name, *sys.version_info[:3])"
PROBE_SECONDS = 30.0  # a shim may look around for long before it gives up


def main(arguments: list[str]) -> int:
    found = find_interpreters()
    if not found:
        print("No CPython from 3.11 on was found.")
        return 1
    results: dict[str, str] = {}
    for version, python in found.items():
        print(f"\n== CPython {version} ({python})", flush=True)
        began = monotonic()
        passed = test(version, python, arguments)
        results[version] = f"{'passed' if passed else 'FAILED'} in {monotonic() - began:.0f} s"
    print("\n== Summary")
    for version, result in results.items():
        print(f"{version:10} {result}")
    return int(any(result.startswith("FAILED") for result in results.values()))


def find_interpreters() -> dict[str, Path]:
    """One interpreter of each version, oldest first."""
    found: dict[tuple[int, ...], Path] = {}
    for candidate in candidates():
        try:
            version = probe(candidate)
        except (OSError, subprocess.SubprocessError, ValueError):
            print(f"{candidate}: skipped, it does not run or is no Python 3")
            continue
        if version is not None:
            found.setdefault(version, candidate)
    return {".".join(map(str, version)): found[version] for version in sorted(found)}


def candidates() -> Iterator[Path]:
    """List this interpreter, pyenv's, and each python3.N on the PATH, every name once."""
    seen = set()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    directories = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    for python in (
        Path(sys.executable),
        *sorted(pyenv.glob("versions/*/bin/python")),
        *(file for directory in directories for file in _named_python(directory)),
    ):
        if python not in seen:
            seen.add(python)
            yield python


def _named_python(directory: Path) -> list[Path]:
    try:
        return sorted(file for file in directory.iterdir() if NAME.fullmatch(file.name))
    except OSError:  # the PATH may name what is not there
        return []


def probe(python: Path) -> tuple[int, ...] | None:
    """Return the version, or None if it is too old or not CPython.

    Raises:
        OSError, SubprocessError, ValueError: it does not run.
    """
    command = [str(python), "-c", PROBE]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=True
    )
    implementation, *numbers = done.stdout.split()
    version = tuple(map(int, numbers))
    return version if implementation == "cpython" and version >= OLDEST else None


def test(version: str, python: Path, arguments: list[str]) -> bool:
    """Whether the tests pass; makes the environment first, or brings it up to date."""
    environment = ENVIRONMENTS / version
    own = environment / "bin" / "python"
    install = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = [
        [str(python), "-m", "venv", str(environment)],
        [*install, "--editable", f"{PROJECT}[dev]"],
        [str(own), "-m", "pytest", *arguments],
    ]
    return all(subprocess.run(step, cwd=PROJECT).returncode == 0 for step in steps)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
