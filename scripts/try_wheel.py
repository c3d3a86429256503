"""Try the wheel in a directory alone: in an empty environment, with what it says it depends on.

python scripts/try_wheel.py dist
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path
from threading import Timer

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long


def main(directory: str) -> int:
    wheels = sorted(Path(directory).resolve().glob("hamms_trio-*.whl"))
    if len(wheels) != 1:
        print(f"{directory} has {len(wheels)} wheels of hamms-trio, where one is needed")
        return 1
    with tempfile.TemporaryDirectory(prefix="try-wheel-") as home:
        os.chdir(home)  # away from the checkout
        for name in [name for name in os.environ if name.startswith("PYTHON")]:
            del os.environ[name]
        try:
            _try(wheels[0], Path(home))
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"FAILED: {error}")
            return 1
    print(f"{wheels[0].name} works alone")
    return 0


def _try(wheel: Path, home: Path) -> None:
    environment = home / "environment"
    venv.create(environment, with_pip=True)
    scripts = environment / "bin"
    python, hamms = str(scripts / "python"), str(scripts / "hamms-trio")
    quietly = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *quietly, str(wheel)], check=True)
    _told(f"installed {wheel.name} and what it depends on")

    listed = _output([hamms, "modes", "--json"])
    modes = [mode["slug"] for mode in json.loads(listed)]
    _told(f"hamms-trio modes lists {len(modes)} failure modes")

    code = "import hamms_trio, netsplode; print(hamms_trio.__file__, netsplode.__file__, sep='\\n')"
    for file in _output([python, "-c", code]).splitlines():
        _check(Path(file).is_relative_to(environment), f"{file} is the installed one")

    page = home / "report.html"
    check = [hamms, "check", "--client", "http.client", "--suite", "frame-cl-short-fin"]
    _output([*check, "--report", f"html={page}"])
    _check("frame-cl-short-fin" in page.read_text(), "hamms-trio check writes its page")

    _serve([hamms, "serve", "--beginning-port", "0"], home / "ready.json", modes)


def _serve(command: list[str], ready_file: Path, modes: list[str]) -> None:
    command += ["--ready-file", str(ready_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watchdog = Timer(SAFETY_NET, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            process.stdout.readline()  # the table's first line: every port accepts
            ready = json.loads(ready_file.read_text())
            served = [*modes, "workbench"]
            _check(list(ready) == served, "serve has every failure mode in its ready file")
            with urllib.request.urlopen(ready["retries"]["url"] + "?tries=1") as answer:
                _check(answer.status == 200, "a request is answered")
            process.send_signal(signal.SIGTERM)
            _check(process.wait() == 0, "SIGTERM ends it with exit code 0")
        finally:
            watchdog.cancel()
            process.kill()


def _output(command: list[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"not so: {what}")
    _told(what)


def _told(what: str) -> None:
    print(f"ok  {what}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} DIR")
    sys.exit(main(sys.argv[1]))
