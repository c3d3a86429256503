"""From an adapter's name to a command line that runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

from hamms_trio.check.adapters.adapter import (
    PROGRAMS,
    Adapter,
    ClientMissing,
    Runtime,
)
from hamms_trio.check.adapters.table import ADAPTERS
from hamms_trio.check.client import Command, Lines
from hamms_trio.errors import HammsError

BUILD_SECONDS = 120.0  # the first build of a Go program compiles net/http
VERSION_SECONDS = 60.0


class UnknownClient(HammsError, LookupError):
    """No adapter has this name."""


def find(name: str) -> Adapter:
    """Return the adapter of a name such as ``requests`` or ``requests=venv/bin/python``.

    Raises:
        UnknownClient: no adapter has this name.
    """
    wanted = name.partition("=")[0]
    if wanted not in ADAPTERS:
        close = get_close_matches(wanted, ADAPTERS, n=3)
        hint = (
            f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(ADAPTERS)}"
        )
        raise UnknownClient(f"no adapter is called {wanted!r}: {hint}")
    return ADAPTERS[wanted]


@contextmanager
def prepared(name: str) -> Iterator[Command | Lines]:
    """Find the client, build its driver if necessary, and ask for its version.

    Args:
        name: an adapter's name; ``NAME=PLACE`` says where the client is: the path of the program that runs it, or,
            for Node's packages, the folder that has ``node_modules``.

    Raises:
        UnknownClient: no adapter has this name.
        ClientMissing: the client or its runtime is not there.
    """
    adapter = find(name)
    place = name.partition("=")[2]
    with TemporaryDirectory(prefix="hamms-trio-") as built:
        if adapter.runtime is None:
            yield _command(adapter, place)
        else:
            yield _driver(adapter, adapter.runtime, place, built)


def _command(adapter: Adapter, place: str) -> Command:
    path = _located(place or adapter.command[0], adapter.install)
    version = _asked((path, "--version"), adapter, folder=None)
    return Command(argv=(path, *adapter.command[1:]), name=adapter.name, version=version)


def _driver(adapter: Adapter, runtime: Runtime, place: str, built: str) -> Lines:
    folder = _folder(place) if runtime.in_folder and place else None
    path = _located(runtime.command if runtime.in_folder or not place else place, runtime.install)
    words = {"program": str(PROGRAMS / runtime.program), "built": built}
    if runtime.build:
        _build(runtime, path, words)
    filled = tuple(_filled(argument, words) for argument in runtime.arguments)
    # A build without arguments is a program of its own.
    argv = (path, *filled) if filled else (f"{built}/client",)
    version = _asked((*argv, "--version", adapter.name), adapter, folder)
    return Lines(
        argv=(*argv, adapter.name),
        name=adapter.name,
        version=version,
        directory=None if folder is None else str(folder),
        shape=adapter.shape,
    )


def _folder(place: str) -> Path:
    folder = Path(place)
    if not folder.is_dir():
        raise ClientMissing(f"{place} is no folder: give the one that has node_modules")
    return folder


def _located(command: str, install: str) -> str:
    path = shutil.which(command)
    if path is None:
        raise ClientMissing(f"{command} is not installed: {install}")
    return path


def _filled(argument: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument


def _build(runtime: Runtime, path: str, words: Mapping[str, str]) -> None:
    """Build the driver by the compiler beside the runtime, or by the one on the path."""
    beside = Path(path).with_name(runtime.build[0])
    compiler = str(beside) if beside.exists() else _located(runtime.build[0], runtime.install)
    argv = (compiler, *(_filled(argument, words) for argument in runtime.build[1:]))
    _output(argv, BUILD_SECONDS, runtime.install)


def _asked(argv: tuple[str, ...], adapter: Adapter, folder: Path | None) -> str:
    """Return the first line that the client prints about its version."""
    lines = _output(argv, VERSION_SECONDS, adapter.install, folder).strip().splitlines()
    return lines[0] if lines else "unknown"


def _output(argv: tuple[str, ...], seconds: float, install: str, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=seconds, cwd=folder, check=True
        )
    except subprocess.CalledProcessError as error:
        raise ClientMissing(
            f"{argv[0]}: {_reason(error)}" + (f": {install}" if install else "")
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClientMissing(f"{argv[0]}: {error}") from None
    return done.stdout


def _reason(error: subprocess.CalledProcessError) -> str:
    """Return the line that names the error; some runtimes print a trace before it, and some after it."""
    lines = [line for line in error.stderr.splitlines() if "Error" in line or "Can't" in line]
    return lines[0].strip() if lines else f"exit code {error.returncode}"
