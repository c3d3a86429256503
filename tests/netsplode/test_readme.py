"""The examples of the README's section on netsplode, run unchanged except for the port of the redis server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.netsplode.scenes import ROOT, SAFETY_NET, Ends, assert_reset, on_linux

README = ROOT / "README.md"

pytestmark = [
    on_linux,
    pytest.mark.skipif(not README.exists(), reason="this is no checkout: there is no README"),
]


def blocks(language: str) -> list[str]:
    """Return the examples in this language."""
    section = README.read_text().partition("\n## Resetting connections\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def test_the_api(ends: Ends, redis_server: int) -> None:
    (example,) = (block for block in blocks("python") if "def test" not in block)
    never = Retry(NoBackoff(), retries=0)
    with redis.Redis(port=redis_server, single_connection_client=True, retry=never) as client:
        exec(example.replace("6379", str(redis_server)), {"sock": ends.client})
        with pytest.raises(redis.ConnectionError):
            client.ping()
    assert_reset(ends.server)


def test_the_fixture(pytester: pytest.Pytester, redis_server: int) -> None:
    (example,) = (block for block in blocks("python") if "def test" in block)
    pytester.makepyfile(example.replace("6379", str(redis_server)))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def test_the_command(redis_server: int) -> None:
    (example,) = blocks("console")
    commands = [line for line in example.splitlines() if line.startswith("$ ")]
    assert [shlex.split(command)[1] for command in commands] == ["netsplode", "netsplode"]
    with redis.Redis(port=redis_server) as client:
        client.ping()
        printed = []
        for command in commands:
            printed += [command, *run(command[2:].replace("6379", str(redis_server)))]
    assert shape(printed) == shape(example.splitlines())


def run(command: str) -> list[str]:
    name, *words = shlex.split(command)
    installed = Path(sys.executable).with_name(name)
    if not installed.exists():
        pytest.skip("the project is not installed here")
    done = subprocess.run(
        [installed, *words], capture_output=True, text=True, check=True, timeout=SAFETY_NET
    )
    of_earlier_tests = ("time_wait", "reset by destroy")  # connections in TIME-WAIT
    lines = done.stdout.splitlines()
    return [line for line in lines if not any(word in line for word in of_earlier_tests)]


def shape(lines: list[str]) -> list[str]:
    """Reduce a table to the parts that do not depend on ports, processes, widths and order."""
    ours = Path("/proc/self/comm").read_text().strip()
    return sorted(
        re.sub(r"\d+", "0", re.sub(r" +", " ", line.replace(ours, "python"))) for line in lines
    )
