"""Checks of clients in tests, with short times."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import trio

from hamms_trio.check.client import Command, Lines, PythonCallable, Tested
from hamms_trio.check.report import CheckReport
from hamms_trio.check.running.options import Options
from hamms_trio.checking import run_check

CLIENTS = Path(__file__).with_name("clients")
TIMEOUT = 0.5  # seconds


def checked(tested: Tested, *suites: str, **options: Any) -> CheckReport:
    """Check a client with these suites."""
    options.setdefault("timeout", TIMEOUT)
    return trio.run(partial(run_check, tested, Options(suites=suites, **options)))


def command(*argv: str, **more: Any) -> Command:
    """Return a client that is a command."""
    return Command(argv=argv, name="client", **more)


def python(code: str, *arguments: str) -> Command:
    """Return a client that is a program in Python, run without what makes its start slow."""
    return Command(argv=(sys.executable, "-S", "-c", code, *arguments), name="client")


def driver(name: str) -> Lines:
    """Return one of the drivers beside this file."""
    return Lines(argv=(sys.executable, str(CLIENTS / name)), name=name)


def function(call: Any) -> PythonCallable:
    return PythonCallable(call=call, name="client")


def classes(report: CheckReport) -> dict[str, str]:
    """Return the class of each mode's finding."""
    return {slug: mode.class_ for slug, mode in report.modes.items()}
