"""Servers in processes that gevent or eventlet has patched say so in one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.inner import run_inner

SAFETY_NET = 60.0  # seconds
PATCHES = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "gevent, select alone": "import gevent.monkey; gevent.monkey.patch_select()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
    "eventlet, thread alone": "import eventlet; eventlet.monkey_patch(all=False, thread=True)",
}
USES = {
    "HammsServer": "hamms_trio.HammsServer(beginning_port=0).start()",
    "HttpServer": "hamms_trio.HttpServer(port=0).open_socket()",
}
# Each use in turn, with the error that it raises in one line.
ATTEMPTS = "\n".join(
    f"try: {use}\nexcept Exception as error: print(type(error).__name__, error, sep=': ')"
    for use in USES.values()
)
FIXTURE = "def test(hamms):\n    assert hamms.ports\n"


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    # eventlet warns that it is deprecated
    command = [sys.executable, "-W", "ignore", "-c", "\n".join(lines)]
    # eventlet's resolver imports trio where dnspython, httpcore2 and h2 are installed together
    environment = {**os.environ, "EVENTLET_NO_GREENDNS": "yes"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=SAFETY_NET, env=environment
    )


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_a_process_that_is_patched_first_is_refused(patch: str) -> None:
    check(run(patch, "import hamms_trio", ATTEMPTS), patch)


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_a_process_that_is_patched_later_is_refused(patch: str) -> None:
    imported = "from hamms_trio import HammsServer, HttpServer; import hamms_trio"
    check(run(imported, patch, ATTEMPTS), patch)


def test_an_error_that_nobody_catches_ends_the_process() -> None:
    ran = run(PATCHES["gevent"], "import hamms_trio", USES["HammsServer"])
    *_, last = ran.stderr.splitlines()
    assert (ran.returncode, "PatchedProcess: gevent has patched " in last) == (1, True)


def test_the_fixture_in_a_patched_process_is_a_one_line_error(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(PATCHES["gevent"])
    pytester.makepyfile(FIXTURE)
    ran = run_inner(pytester, "-W", "ignore")
    ran.stdout.fnmatch_lines(["*PatchedProcess: gevent has patched select*"])


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_a_library_that_patches_nothing_disturbs_nothing(library: str) -> None:
    ran = run(
        f"import {library}, hamms_trio", "with hamms_trio.HammsServer(beginning_port=0): pass"
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def check(ran: subprocess.CompletedProcess[str], patch: str) -> None:
    library = patch.split()[1].partition(".")[0].rstrip(";")
    lines = ran.stdout.splitlines()
    assert len(lines) == len(USES), ran.stderr
    for line in lines:
        assert line.startswith(f"PatchedProcess: {library} has patched ")
        assert "hamms-trio serve --ready-file" in line
