"""Resets of connections between hosts, with proof; each in network namespaces of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.netsplode.inject.stage import Stage, obstacle

pytestmark = pytest.mark.privileged

BOTH_RESET = {"local": "reset", "remote": "reset"}
SAW_RESET = ["ConnectionResetError", "ConnectionResetError"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)
    with Stage("crossing") as stage:
        yield stage


def veth(family: int = 4) -> dict[str, Any]:
    return {"path": "veth", "family": family}


@pytest.mark.parametrize("way", ["plain", "trio", "asyncio"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("technique", ["auto", "rst"])
def test_an_end_on_another_host_is_reset_with_proof(
    stage: Stage, technique: str, family: int, way: str
) -> None:
    options = {"technique": technique, "verify": True}
    (run,) = stage.play(place=veth(family), way=way, options=options)
    assert run == {
        "technique": "abort" if technique == "auto" else technique,
        **BOTH_RESET,
        "saw": SAW_RESET,
        "kept": 0,
    }


@pytest.mark.parametrize(
    ("technique", "local", "saw"),
    [
        ("destroy", "aborted", ["ConnectionAbortedError", "ConnectionResetError"]),
        ("keepalive", "reset", SAW_RESET),
        ("scapy", "reset", SAW_RESET),
    ],
)
def test_every_technique_is_verified_across_hosts(
    stage: Stage, technique: str, local: str, saw: list[str]
) -> None:
    (run,) = stage.play(place=veth(), options={"technique": technique})
    assert run == {
        "technique": technique,
        "local": local,
        "remote": "reset",
        "saw": saw,
        "kept": 0,
    }


def test_without_verify_an_end_on_another_host_is_unconfirmed(stage: Stage) -> None:
    (run,) = stage.play(place=veth(), options={"verify": False})
    assert (run["local"], run["remote"], run["saw"]) == ("reset", "unconfirmed", SAW_RESET)


@pytest.mark.parametrize("technique", ["auto", "rst"])
def test_lost_resets_are_repeated(stage: Stage, technique: str) -> None:
    place = {"path": "slow", "delay": 0.002, "loss": 0.5}
    for run in stage.play(place=place, runs=10, options={"technique": technique}):
        assert (run["remote"], run["saw"]) == ("reset", SAW_RESET)


@pytest.mark.parametrize("family", [4, 6])
def test_a_router_resets_only_with_forwarded_true(stage: Stage, family: int) -> None:
    crossing: dict[str, Any] = {"place": veth(family), "at": "router", "by": "addresses"}
    (run,) = stage.play(**crossing, options={"forwarded": True})
    assert run == {"technique": "rst", **BOTH_RESET, "saw": SAW_RESET, "kept": 0}
    (run,) = stage.play(**crossing)
    assert run["error"] == "ConnectionNotFound"
    assert "forwarded=True" in run["message"]
    assert run["saw"] == ["TimeoutError", "b''"]  # the second one, since the first was closed
    (run,) = stage.play(**crossing, options={"forwarded": True, "technique": "abort"})
    assert run["error"] == "TechniqueUnavailable"


@pytest.mark.parametrize("by", ["socket", "addresses"])
@pytest.mark.parametrize("path", ["link", "self"])
@pytest.mark.parametrize("technique", ["auto", "rst", "destroy"])
def test_link_local_addresses_are_reset_on_their_link(
    stage: Stage, technique: str, path: str, by: str
) -> None:
    (run,) = stage.play(place={"path": path}, by=by, options={"technique": technique})
    assert run["remote"] == "reset", run
    assert run["saw"][1] == "ConnectionResetError"


@pytest.mark.parametrize("verdict", ["drop", "accept"])
def test_the_kernel_list_proves_the_end_behind_a_firewall(stage: Stage, verdict: str) -> None:
    place = {"path": "loopback", "firewall": "input", "verdict": verdict}
    (run,) = stage.play(place=place, options={"technique": "rst"})
    assert run == {"technique": "rst", **BOTH_RESET, "saw": SAW_RESET, "kept": 0}
