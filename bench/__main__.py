"""``python -m bench``: measure, print tables, and say which targets hold."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench import machine, report
from bench.children import nginx_version
from bench.effort import Effort
from bench.errors import Unmeasurable
from bench.figures import OURS, Figure
from bench.measurements import MEASUREMENTS
from bench.trials import Trials
from hamms_trio.version import VERSION

ROUNDS = 5
QUICK_ROUNDS = 2
PEERS = ("uvicorn", "uvloop", "httptools", "hypercorn", "twisted", "flask", "trio", "scapy")


def main() -> int:
    """Measure what was asked for.

    Returns:
        0, or 1 if something could not be measured; a target that does not hold is no failure.
    """
    options = _options()
    effort = Effort(options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS), options.quick)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the children are stopped
    measuring = {
        OURS: f"{VERSION}, commit {machine.commit()}",
        "at": datetime.now(UTC).isoformat(" ", "seconds"),
        "rounds": f"{effort.rounds}, quick" if effort.quick else str(effort.rounds),
    }
    machine_now, peers = machine.description(), _versions()
    for told in (measuring, machine_now, peers):
        print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    measured: dict[str, Sequence[Figure | Trials]] = {}
    failures = 0
    for name in options.names or MEASUREMENTS:
        print(f"\n== {name}: {MEASUREMENTS[name].__doc__}", flush=True)
        try:
            machine.check()
            measured[name] = MEASUREMENTS[name](effort)
        except (Unmeasurable, OSError) as error:
            failures += 1
            print(f"could not be measured: {error}", flush=True)
            continue
        for figure in measured[name]:
            failures += len(figure.unmeasured) if isinstance(figure, Trials) else 0
            print(f"\n{report.table(figure)}", flush=True)
    print(f"\n{report.summary([f for figures in measured.values() for f in figures])}")
    if options.json is not None:
        content = {
            "measured": measuring,
            "machine": machine_now,
            "peers": peers,
            "figures": report.as_json(measured),
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure against the named peers; see bench/README.md."
    )
    known = ", ".join(MEASUREMENTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {known}")
    parser.add_argument("--rounds", type=int, help=f"how often to measure each (default {ROUNDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures")
    parser.add_argument(
        "--quick", action="store_true", help="small and short: does all of it work?"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in MEASUREMENTS]:
        parser.error(f"there is no measurement {unknown[0]!r}; there are {known}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds has to be at least 1")
    if options.json is not None and not os.access(options.json.parent, os.W_OK):
        parser.error(f"--json {options.json}: nothing can be written there")
    return options


def _versions() -> dict[str, str]:
    found = {}
    for name in PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    tcpkill = "installed" if shutil.which("tcpkill") else "missing (Debian's dsniff)"
    return {**found, "nginx": nginx_version(), "tcpkill": tcpkill}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
