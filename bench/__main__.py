"""``python -m bench``: measure, print tables, and print which targets hold."""

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

from bench import compare, machine, report
from bench.effort import Effort
from bench.errors import NotInstalled, Unmeasurable
from bench.figures import OURS, Figure
from bench.measurements import MEASUREMENTS
from bench.servers import nginx_version
from bench.trials import Trials
from hamms_trio.version import VERSION

ROUNDS = 5
QUICK_ROUNDS = 2
PACKAGES = (
    "uvicorn",
    "uvloop",
    "httptools",
    "granian",
    "socketify",
    "fastpysgi",
    "hypercorn",
    "twisted",
    "flask",
    "trio",
    "scapy",
)
COMMANDS = {"wrk": "wrk", "tcpkill": "dsniff"}  # with the Debian package of each


def main() -> int:
    """Run the measurements that the command line names, or compare two runs.

    Returns:
        0, or 1 if a measurement failed; a missed target or a missing peer is no failure.
    """
    if sys.argv[1:2] == ["compare"]:
        return compare.main(sys.argv[2:])
    options = _options()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users' servers do not compile at each start
    effort = Effort(options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS), options.quick)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the children stop
    run = {
        OURS: f"{VERSION}, commit {machine.commit()}",
        "at": datetime.now(UTC).isoformat(" ", "seconds"),
        "rounds": f"{effort.rounds}, quick" if effort.quick else str(effort.rounds),
    }
    machine_now, peers = machine.description(), _versions()
    for description in (run, machine_now, peers):
        print(", ".join(f"{name} {value}" for name, value in description.items()), flush=True)
    measured, failures = _measure(options.names or list(MEASUREMENTS), effort)
    print(f"\n{report.summary(measured)}")
    if options.json is not None:
        content = {
            "measured": run,
            "machine": machine_now,
            "peers": peers,
            "figures": report.as_json(measured),
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if failures else 0


def _measure(
    names: Sequence[str], effort: Effort
) -> tuple[dict[str, Sequence[Figure | Trials]], int]:
    """Run some measurements, print their tables, and return the figures and the number of failures."""
    measured: dict[str, Sequence[Figure | Trials]] = {}
    failures = 0
    for name in names:
        print(f"\n== {name}: {MEASUREMENTS[name].__doc__}", flush=True)
        try:
            machine.check()
            measured[name] = MEASUREMENTS[name](effort)
        except NotInstalled as missing:
            print(f"not measured: {missing}", flush=True)
            continue
        except (Unmeasurable, OSError) as error:
            failures += 1
            print(f"failed: {error}", flush=True)
            continue
        for figure in measured[name]:
            failures += len(figure.unmeasured) if isinstance(figure, Trials) else 0
            print(f"\n{report.table(figure)}", flush=True)
    return measured, failures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure against the named peers; see bench/README.md.",
        epilog="python -m bench compare BEFORE.json AFTER.json compares two result files.",
    )
    known = ", ".join(MEASUREMENTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {known}")
    parser.add_argument("--rounds", type=int, help=f"how often to measure each (default {ROUNDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a result file")
    parser.add_argument(
        "--quick", action="store_true", help="small and short, as a test that everything works"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in MEASUREMENTS]:
        parser.error(f"unknown measurement {unknown[0]!r}; choose from {known}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.json is not None and not os.access(options.json.parent, os.W_OK):
        parser.error(f"--json {options.json}: the folder does not exist or is not writable")
    return options


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    for command, package in COMMANDS.items():
        found[command] = "installed" if shutil.which(command) else f"missing (Debian's {package})"
    return {**found, "nginx": nginx_version()}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
