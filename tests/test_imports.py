"""The import budget, which keeps start-up fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long

# Modules that `import hamms_trio` must not import, since pytest imports the plugin in every project.
NEVER_BEFORE_USE = [
    "asyncio", "attr", "click", "dataclasses", "email", "http", "importlib.metadata", "inspect", "json",
    "logging", "rich", "scapy", "ssl", "tempfile", "trio", "urllib",
]  # fmt: skip
# Modules that serving does not need; each takes 10 to 800 ms to import.
NEVER_TO_SERVE = [
    "asyncio", "cProfile", "concurrent.futures.process", "cryptography", "email", "http.client",
    "http.server", "importlib.metadata", "importlib.resources", "jmespath", "markdown_it",
    "multiprocessing", "pkg_resources", "pydoc", "pygments", "pytest", "rich", "scapy", "setuptools",
    "unittest", "xml",
]  # fmt: skip
COMMAND_LINE = ["click", "hamms_trio.cli"]


def imported(statements: str) -> set[str]:
    """List the modules that these statements import in a fresh interpreter."""
    code = (
        f"import sys; before = set(sys.modules); {statements}; print(*(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_NET, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import hamms_trio", "import netsplode"])
def test_importing_a_package_imports_no_slow_module(statement: str) -> None:
    assert imported(statement).isdisjoint(NEVER_BEFORE_USE)


def test_importing_the_plugin_adds_nothing_to_pytest() -> None:
    added = imported("import pytest; before = set(sys.modules); import hamms_trio.pytest_plugin")

    assert {module.partition(".")[0] for module in added} <= {"hamms_trio"}
    assert len(added) <= 3


@pytest.mark.parametrize(
    "statement",
    [
        "import hamms_trio.app",
        "from hamms_trio import HammsServer",
        "from hamms_trio import HttpServer",
        "from hamms_trio import HammsServer; s = HammsServer(beginning_port=0); s.start(); s.stop()",
    ],
)
def test_starting_a_server_imports_no_command_line(statement: str) -> None:
    assert imported(statement).isdisjoint([*NEVER_TO_SERVE, *COMMAND_LINE])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["serve", "--help"],
        ["files", "--help"],
        ["load", "--help"],
        ["load", "compare", "--help"],
    ],
)
def test_help_imports_no_server(arguments: list[str], tmp_path: Path) -> None:
    found = imported_by_command(arguments, tmp_path)

    assert found.isdisjoint([*NEVER_TO_SERVE, "trio", "hamms_trio.app", "hamms_trio.modes"])


@pytest.mark.parametrize("arguments", [["modes"], ["modes", "status", "--json"]])
def test_showing_the_catalogue_imports_no_slow_module(arguments: list[str], tmp_path: Path) -> None:
    assert imported_by_command(arguments, tmp_path).isdisjoint(NEVER_TO_SERVE)


def test_help_imports_no_other_command(tmp_path: Path) -> None:
    assert "hamms_trio.cli.load" not in imported_by_command(["--help"], tmp_path)


def test_the_load_generator_imports_no_lab() -> None:
    found = imported("import hamms_trio.load.generate, hamms_trio.load.carrier")
    assert found.isdisjoint(["hamms_trio.app", "hamms_trio.modes", "netsplode", "rich", "scapy"])
    assert found.isdisjoint(COMMAND_LINE)


def test_serving_to_a_pipe_imports_no_needless_module(tmp_path: Path) -> None:
    found = imported_by_command(["serve", "--beginning-port", "0"], tmp_path)

    assert {"trio", "hamms_trio.net.hubs.hub"} <= found
    assert found.isdisjoint(NEVER_TO_SERVE)


def imported_by_command(arguments: list[str], directory: Path) -> set[str]:
    """List the modules that a command imports until its first line of output."""
    command = [sys.executable, "-X", "importtime", "-m", "hamms_trio", *arguments]
    log = directory / "importtime"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        watchdog = Timer(SAFETY_NET, process.kill)
        watchdog.start()
        assert process.stdout is not None
        assert process.stdout.readline()
        process.terminate()
        process.communicate()
        watchdog.cancel()
    lines = log.read_text().splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
