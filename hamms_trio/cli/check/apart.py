"""A check in a process of its own, for a program that started it: JSON lines on the standard output.

``python -m hamms_trio.cli.check.apart --clients`` lists the installed clients that have an adapter, and
``... CLIENT SEED SUITE...`` checks one. Each line reports progress; the last one has the report or the problem.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from functools import partial

import msgspec
import trio

from hamms_trio.check.adapters import ADAPTERS, Adapter, find, prepared
from hamms_trio.check.report import ModeReport
from hamms_trio.check.running.options import Options
from hamms_trio.cli.check.progress import checked
from hamms_trio.cli.running.process import raise_descriptor_limit
from hamms_trio.errors import HammsError


def main() -> None:
    """List the clients, or check one."""
    if sys.argv[1:] == ["--clients"]:
        _tell(_clients())
        return
    name, seed, *suites = sys.argv[1:]
    raise_descriptor_limit()
    try:
        find(name)
        with prepared(name) as tested:
            options = Options(suites=tuple(suites), seed=int(seed))
            report = trio.run(partial(checked, tested, options, (), _tell_progress))
    except HammsError as error:
        _tell({"problem": str(error)})
        sys.exit(2)
    _tell({"report": report})


def _tell(document: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    sys.stdout.buffer.flush()


def _tell_progress(done: int, of: int, slug: str, _report: ModeReport | None) -> None:
    _tell({"done": done, "of": of, "slug": slug})


def _clients() -> list[dict[str, str]]:
    """Return the clients that seem to be installed, without running any of them."""
    return [{"name": name} for name, adapter in ADAPTERS.items() if _seems_installed(adapter)]


def _seems_installed(adapter: Adapter) -> bool:
    runtime = adapter.runtime
    if runtime is None:
        return shutil.which(adapter.command[0]) is not None
    if runtime.command == sys.executable:
        return importlib.util.find_spec(adapter.name.replace("-", "_")) is not None
    # A package in a folder that only its user knows.
    needs_place = runtime.in_folder and bool(adapter.install)
    needed = (runtime.command, *runtime.build[:1])
    return not needs_place and all(map(shutil.which, needed))


if __name__ == "__main__":
    main()
