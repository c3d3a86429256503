"""A check in a process of its own, for a program that started it: JSON lines on the standard output.

``python -m hamms_trio.cli.check.apart --clients`` lists the installed clients that have an adapter, and
``... CLIENT SEED SUITE...`` checks one. Each line has the progress, then the last one the report or the problem.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import msgspec
import trio

from hamms_trio.check.adapters import ADAPTERS, ClientMissing, find, prepared
from hamms_trio.check.report import ModeReport
from hamms_trio.check.running.options import Options
from hamms_trio.cli.check.progress import checked
from hamms_trio.cli.running.process import raise_descriptor_limit
from hamms_trio.errors import HammsError

LISTED_AT_ONCE = 4  # programs that say their version


def main() -> None:
    """Do what the command line asks for."""
    if sys.argv[1:] == ["--clients"]:
        _tell(trio.run(_clients))
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


async def _clients() -> list[dict[str, str]]:
    """Return the clients that are installed; each says its version, in a thread."""
    found: dict[str, str] = {}
    limiter = trio.CapacityLimiter(LISTED_AT_ONCE)

    async def look(name: str) -> None:
        version = await trio.to_thread.run_sync(_version, name, limiter=limiter)
        if version is not None:
            found[name] = version

    async with trio.open_nursery() as nursery:
        for name in _without_builds():
            nursery.start_soon(look, name)
    return [{"name": name, "version": found[name]} for name in ADAPTERS if name in found]


def _without_builds() -> Iterator[str]:
    """Yield the adapters whose drivers need no compiler, which would take too long for a list."""
    for name, adapter in ADAPTERS.items():
        if adapter.runtime is None or not adapter.runtime.build:
            yield name


def _version(name: str) -> str | None:
    """Return the version of a client; None if it is missing."""
    try:
        with prepared(name) as tested:
            return tested.version
    except ClientMissing:
        return None


if __name__ == "__main__":
    main()
