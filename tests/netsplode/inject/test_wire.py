"""Injection into real connections, each in a network namespace made for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SAFETY_NET = 60.0
ROOT = Path(__file__).parents[3]
NAMESPACE = "/proc/self/ns/net"


@cache
def obstacle() -> str | None:
    """Why these tests cannot run here."""
    if sys.platform != "linux":
        return "network namespaces are a thing of Linux"
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    for needed in ("ip", "unshare"):
        if shutil.which(needed) is None:
            return f"the command {needed} is needed"
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True, check=False)
    return f"no network namespace: {tried.stderr.strip()}" if tried.returncode else None


@pytest.fixture(autouse=True)
def _privileged() -> None:
    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)


pytestmark = pytest.mark.privileged


def play(**scene: object) -> list[dict[str, Any]]:
    """What happened in each run, by `scene.Scene`."""
    if scene.get("path") == "slow" and not Path("/dev/net/tun").exists():
        pytest.skip("delay and loss need /dev/net/tun")
    command = ["unshare", "-n", sys.executable, "-m", "tests.netsplode.inject.scene"]
    played = subprocess.run(
        [*command, os.readlink(NAMESPACE), json.dumps(scene)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    runs: list[dict[str, Any]] = json.loads(played.stdout)
    return runs


def assert_reset(runs: list[dict[str, Any]], sent: int) -> None:
    for run in runs:
        assert run["outcomes"] == {"local": "reset", "remote": "reset"}
        assert all("ConnectionResetError" in saw for saw in run["saw"]), run
        assert run["sent"] < sent


def test_it_refuses_to_run_outside_a_private_namespace() -> None:
    command = [sys.executable, "-m", "tests.netsplode.inject.scene", os.readlink(NAMESPACE), "{}"]
    tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "refused" in tried.stderr


@pytest.mark.parametrize("driver", ["linux", "scapy"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("traffic", ["idle", "answers", "paced", "flat", "duplex"])
def test_both_ends_are_reset_on_the_loopback_interface(
    traffic: str, family: int, driver: str
) -> None:
    assert_reset(play(traffic=traffic, family=family, driver=driver), sent=20_000)


@pytest.mark.parametrize("at", ["a", "b", "router"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("traffic", ["idle", "answers", "duplex"])
def test_both_ends_are_reset_across_a_router_from_anywhere(
    traffic: str, family: int, at: str
) -> None:
    assert_reset(play(traffic=traffic, family=family, path="veth", at=at), sent=20_000)


@pytest.mark.parametrize("at", ["a", "b", "router"])
def test_scapy_resets_both_ends_across_a_router_from_anywhere(at: str) -> None:
    assert_reset(play(traffic="answers", path="veth", at=at, driver="scapy"), sent=20_000)


@pytest.mark.parametrize("at", ["a", "b"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("traffic", ["idle", "paced"])
def test_both_ends_are_reset_in_spite_of_delay_and_loss(traffic: str, family: int, at: str) -> None:
    runs = play(traffic=traffic, family=family, at=at, path="slow", delay=0.05, loss=0.05, runs=2)
    assert_reset(runs, sent=20_000)


@pytest.mark.parametrize("driver", ["linux", "scapy"])
@pytest.mark.parametrize(("end", "index"), [("local", 0), ("remote", 1)])
def test_one_end_can_be_reset_alone(end: str, index: int, driver: str) -> None:
    """The other one is then told nothing on an idle connection; its wait ends by the scene's time limit."""
    (run,) = play(ends=end, driver=driver, runs=1, patience=0.5)
    assert run["outcomes"] == {end: "reset"}
    assert run["saw"][index] == ["ConnectionResetError"]
    assert run["saw"][1 - index] == ["TimeoutError"]


def test_an_injection_can_be_awaited_in_trio() -> None:
    assert_reset(play(traffic="answers", loop="trio"), sent=20_000)


WITHOUT = """
from netsplode.errors import MissingCapability
from netsplode.inject import inject_reset
try:
    inject_reset(("127.0.0.1", 9), ("127.0.0.1", 10), driver=DRIVER)
except MissingCapability as error:
    print(sorted(error.missing), bool(error.hint))
"""


@pytest.mark.parametrize("driver", ["linux", "scapy"])
def test_without_the_capability_the_error_names_it(driver: str) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("the command setpriv is needed")
    without = "unshare -n setpriv --bounding-set -net_raw --inh-caps -net_raw"
    done = subprocess.run(
        [*without.split(), sys.executable, "-c", WITHOUT.replace("DRIVER", repr(driver))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
    )
    assert done.stdout == "['CAP_NET_RAW'] True\n", done.stderr
