"""Injection into real connections, each in a network namespace made for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.netsplode.inject.stage import NAMESPACE, ROOT, SAFETY_NET, Stage, need, obstacle

pytestmark = pytest.mark.privileged

FEW = 30  # segments sent: six if the connection is idle and nothing is lost
SOME = 200  # and if the numbers move on, or the path is long


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture(autouse=True)
def _privileged() -> None:
    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)


def assert_reset(runs: list[dict[str, Any]], sent: int) -> None:
    for run in runs:
        assert run["outcomes"] == {"local": "reset", "remote": "reset"}
        assert all("ConnectionResetError" in saw for saw in run["saw"]), run
        assert run["probes"] + run["resets"] < sent
        assert run["was_there"]


def test_scenes_refuse_to_run_outside_a_private_namespace() -> None:
    command = [sys.executable, "-m", "tests.netsplode.inject.scene", os.readlink(NAMESPACE)]
    tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "refused" in tried.stderr


@pytest.mark.parametrize("driver", ["linux", "scapy"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("traffic", ["idle", "answers", "paced", "flat", "duplex"])
def test_both_ends_are_reset_on_the_loopback_interface(
    stage: Stage, traffic: str, family: int, driver: str
) -> None:
    runs = stage.play(traffic=traffic, family=family, driver=driver)
    assert_reset(runs, sent=FEW if traffic == "idle" else SOME)


@pytest.mark.parametrize("at", ["a", "b", "router"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("traffic", ["idle", "answers", "duplex"])
def test_both_ends_are_reset_across_a_router_from_anywhere(
    stage: Stage, traffic: str, family: int, at: str
) -> None:
    runs = stage.play(traffic=traffic, family=family, path="veth", at=at)
    assert_reset(runs, sent=FEW if traffic == "idle" else SOME)


@pytest.mark.parametrize("at", ["a", "b", "router"])
def test_scapy_resets_both_ends_across_a_router_from_anywhere(stage: Stage, at: str) -> None:
    assert_reset(stage.play(traffic="answers", path="veth", at=at, driver="scapy"), sent=SOME)


@pytest.mark.parametrize("driver", ["linux", "scapy"])
@pytest.mark.parametrize(("path", "at"), [("link", "a"), ("link", "b"), ("self", "a")])
@pytest.mark.parametrize("traffic", ["idle", "answers"])
def test_link_local_addresses_are_reached_on_their_own_interface(
    stage: Stage, traffic: str, path: str, at: str, driver: str
) -> None:
    assert_reset(stage.play(traffic=traffic, path=path, at=at, driver=driver, runs=2), sent=SOME)


@pytest.mark.parametrize(
    ("traffic", "family", "at"),
    [("idle", 4, "a"), ("idle", 6, "b"), ("paced", 6, "a"), ("paced", 4, "b")],
)
def test_both_ends_are_reset_despite_delay_and_loss(
    stage: Stage, traffic: str, family: int, at: str
) -> None:
    scene = {"traffic": traffic, "family": family, "at": at, "runs": 2}
    runs = stage.play(path="slow", delay=0.05, loss=0.05, **scene)
    assert_reset(runs, sent=SOME)


@pytest.mark.parametrize("verdict", ["drop", "reject with tcp reset"])
@pytest.mark.parametrize("traffic", ["idle", "duplex"])
@pytest.mark.parametrize(
    ("hook", "path", "at"),
    [
        ("input", "loopback", "a"),
        ("output", "loopback", "a"),
        ("input", "veth", "b"),
        ("forward", "veth", "a"),
        ("forward", "veth", "b"),
        ("forward", "veth", "router"),
    ],
)
def test_both_ends_are_reset_through_a_stateful_firewall(
    stage: Stage, hook: str, path: str, at: str, traffic: str, verdict: str
) -> None:
    """The firewall drops forged segments outside of a window, or answers them in the name of the end."""
    family = 4 if traffic == "idle" else 6
    scene = {"traffic": traffic, "family": family, "path": path, "at": at, "runs": 2}
    assert_reset(stage.play(firewall=hook, verdict=verdict, **scene), sent=SOME)


def test_segments_that_the_own_firewall_drops_are_counted(stage: Stage) -> None:
    """The firewall drops half of the random probes, which lie outside of the window that it assumes."""
    runs = stage.play(firewall="output", runs=10)
    assert_reset(runs, sent=FEW)
    assert any(run["blocked"] for run in runs)


@pytest.mark.parametrize("driver", ["linux", "scapy"])
@pytest.mark.parametrize(("end", "index"), [("local", 0), ("remote", 1)])
def test_one_end_can_be_reset_alone(stage: Stage, end: str, index: int, driver: str) -> None:
    """On an idle connection the other end then receives nothing."""
    (run,) = stage.play(ends=end, driver=driver, runs=1)
    assert run["outcomes"] == {end: "reset"}
    assert run["saw"][index] == ["ConnectionResetError"]
    assert run["saw"][1 - index] == ["nothing"]


@pytest.mark.parametrize("way", ["in trio", "in asyncio", "by turns"])
@pytest.mark.parametrize("traffic", ["idle", "answers"])
def test_an_injection_runs_in_trio_and_asyncio(stage: Stage, traffic: str, way: str) -> None:
    assert_reset(stage.play(traffic=traffic, way=way), sent=SOME)


@pytest.mark.parametrize("family", [4, 6])
def test_known_sequence_numbers_save_the_first_probes(stage: Stage, family: int) -> None:
    runs = stage.play(known=True, way="in trio", family=family)
    assert_reset(runs, sent=FEW)
    for run in runs:
        assert (run["resets"], run["probes"]) == (2, 2)


@pytest.mark.parametrize("path", ["loopback", "veth", "link"])
@pytest.mark.parametrize(("traffic", "known"), [("answers", False), ("idle", True)])
def test_without_probes_the_kernel_list_is_the_proof(
    stage: Stage, traffic: str, known: bool, path: str
) -> None:
    runs = stage.play(traffic=traffic, path=path, known=known, probing=False, way="by turns")
    assert_reset(runs, sent=FEW)
    assert all(run["probes"] == 0 for run in runs)


@pytest.mark.parametrize("path", ["loopback", "veth"])
def test_a_missing_connection_differs_from_a_reset_one(stage: Stage, path: str) -> None:
    for run in stage.play(traffic="none", path=path):
        assert run["outcomes"] == {"local": "reset", "remote": "reset"}
        assert not run["was_there"]


@pytest.mark.parametrize("driver", ["linux", "scapy"])
def test_a_closed_injection_leaks_nothing(stage: Stage, driver: str) -> None:
    runs = stage.play(driver=driver, runs=5)
    assert all(run["kept"] == runs[0]["kept"] for run in runs)


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
    need("setpriv")
    without = "unshare -n setpriv --bounding-set -net_raw --inh-caps -net_raw"
    done = subprocess.run(
        [
            *without.split(),
            sys.executable,
            "-W",
            "error",
            "-c",
            WITHOUT.replace("DRIVER", repr(driver)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
    )
    assert done.stdout == "['CAP_NET_RAW'] True\n", done.stderr
    assert "ResourceWarning" not in done.stderr


def test_the_scapy_driver_imports_only_parts_of_scapy() -> None:
    script = "import sys, netsplode.inject.scapy_driver; print('scapy.all' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
