"""The examples of docs/doors.md, as they stand there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from hamms_trio import HammsServer

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "doors.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SAFETY_NET = 60.0


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with HammsServer(beginning_port=0) as server:
        yield server.url("path").rstrip("/")


def example(language: str) -> tuple[str, str]:
    """Return the only program in this language, and the output below it."""
    ((program, output),) = re.findall(
        rf"```{language}\n(.*?)```\n.*?```text\n(.*?)```", PAGE, re.DOTALL
    )
    return program, output


@pytest.mark.parametrize(
    ("language", "command"), [("sh", ["sh", "-s"]), ("js", ["node", "--input-type=module", "-"])]
)
def test_an_example_prints_the_output_on_the_page(
    base: str, language: str, command: list[str]
) -> None:
    if which(command[0]) is None or which("curl") is None:
        pytest.skip(f"needs {command[0]} and curl")
    program, output = example(language)
    program = program.replace("http://localhost:5599", base)
    done = subprocess.run(
        command, input=program, capture_output=True, text=True, timeout=SAFETY_NET, check=False
    )
    assert (done.stdout, done.stderr) == (output, "")


@pytest.mark.skipif(which("node") is None, reason="needs node")
def test_the_readme_s_program_for_node_meets_its_fault(base: str) -> None:
    (program,) = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=program.replace("http://localhost:5599", base),
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("terminated\ntrue\n", "")


@pytest.mark.skipif(which("curl") is None, reason="needs curl")
def test_the_readme_s_commands_for_the_shell_meet_their_faults(base: str) -> None:
    (commands,) = re.findall(r"```console\n(\$ curl -d.*?)```", README, re.DOTALL)
    lines = [line.partition("  #")[0][2:] for line in commands.splitlines()]
    script = " && ".join(lines[:3]).replace("localhost:5599", base.removeprefix("http://"))
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=SAFETY_NET, check=False
    )
    assert '"mode": "status"' in done.stdout
    assert done.stdout.endswith(
        '{"status": 503, "reason": "Service Unavailable", "success": false}'
    )
    assert '"success": false}503{' in done.stdout


@pytest.mark.skipif(which("curl") is None, reason="needs curl")
def test_every_curl_command_prints_the_output_on_the_page(base: str) -> None:
    found = re.findall(r"^\$ (curl .*)\n(.*)\n", PAGE, re.MULTILINE)
    assert len(found) == 6
    for command, output in found:
        line = re.sub(r"(localhost):5599", rf"\1:{base.rpartition(':')[2]}", command)
        if ".hamms.localhost" in line:  # so that the system's resolver does not matter
            host = re.search(r"//([^/]*)/", line)
            assert host is not None
            line += f" --resolve {host[1]}:127.0.0.1"
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, timeout=SAFETY_NET, check=False
        )
        assert done.stdout == output + "\n", line
