"""The examples of README.md and docs/doors.md, as they stand there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from hamms_trio import HammsServer
from hamms_trio.app import BEGINNING_PORT
from hamms_trio.modes import CATALOGUE

ROOT = Path(__file__).parent.parent
DOORS = (ROOT / "docs" / "doors.md").read_text(encoding="utf-8")
README = ROOT / "README.md"
SAFETY_NET = 60.0
OFFSETS = {"path": 99, "frame-cl-short-fin": 16}

needs_curl = pytest.mark.skipif(which("curl") is None, reason="needs curl")


def example(language: str) -> tuple[str, str]:
    """Return the only program in this language, and the output below it."""
    ((program, output),) = re.findall(
        rf"```{language}\n(.*?)```\n.*?```text\n(.*?)```", DOORS, re.DOTALL
    )
    return program, output


def commands(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of curl on a page, with the lines of its output."""
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for text in block.split("\n$ "):
            command, *output = text.removeprefix("$ ").splitlines()
            if re.match(r"(http_proxy=\S+ )?curl ", command):
                yield command, output


def on_ports(text: str, server: HammsServer) -> str:
    """Replace the ports of the pages by those of a server."""
    for name, offset in OFFSETS.items():
        text = text.replace(f":{BEGINNING_PORT + offset}", f":{server.ports[name]}")
    return text


def with_resolver(command: str) -> str:
    """Let curl resolve a name beneath localhost, whatever the system's resolver says."""
    named = re.search(r"//([^/:]*\.hamms\.localhost:\d+)/", command)
    return f"{command} --resolve {named[1]}:127.0.0.1" if named else command


@pytest.mark.parametrize(
    ("language", "command"), [("sh", ["sh", "-s"]), ("js", ["node", "--input-type=module", "-"])]
)
def test_an_example_prints_the_output_on_the_page(
    server: HammsServer, language: str, command: list[str]
) -> None:
    if which(command[0]) is None or which("curl") is None:
        pytest.skip(f"needs {command[0]} and curl")
    program, output = example(language)
    done = subprocess.run(
        command,
        input=on_ports(program, server),
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
    )
    assert (done.stdout, done.stderr) == (output, "")


@pytest.mark.skipif(which("node") is None, reason="needs node")
def test_the_readme_s_program_for_node_meets_its_fault(server: HammsServer) -> None:
    (program,) = re.findall(r"```js\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=on_ports(program, server),
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("terminated\ntrue\n", "")


@needs_curl
@pytest.mark.parametrize(("page", "count"), [("README.md", 8), ("docs/doors.md", 6)])
def test_every_curl_command_prints_the_output_on_the_page(
    server: HammsServer, tmp_path: Path, page: str, count: int
) -> None:
    if not README.exists():
        pytest.skip("this is no checkout: there is no README")
    found = list(commands((ROOT / page).read_text(encoding="utf-8")))
    assert len(found) == count
    for command, output in found:
        line = with_resolver(
            on_ports(command, server).replace("curl ", "curl --no-progress-meter ", 1)
        )
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SAFETY_NET,
            check=False,
        )
        if output:  # without, a page leaves the output out
            printed = (done.stdout + "\n" + done.stderr).splitlines()
            assert sorted(filter(None, printed)) == sorted(output), line
        else:
            assert not done.stderr, line


def test_the_first_rows_of_serve_in_the_readme_are_true(server: HammsServer) -> None:
    if not README.exists():
        pytest.skip("this is no checkout: there is no README")
    rows = re.findall(
        r"^ (55\d\d)  (\S+) +(\S.*)$", README.read_text(encoding="utf-8"), re.MULTILINE
    )

    assert len(rows) == 3
    for port, slug, summary in rows:
        assert CATALOGUE[slug].summary == summary
        assert slug in server.ports, port
