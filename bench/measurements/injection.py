"""Resets of connections that other processes hold: whether and when both ends are down."""

from __future__ import annotations

import os

from bench.effort import Effort
from bench.errors import Unmeasurable
from bench.resets.namespace import entering, play
from bench.resets.ways import tcpkill
from bench.trials import Always, Trials

TRIES, PEERS_TRIES = 100, 10
GIVEN_UP_SECONDS = 3.0
STAGE_SECONDS = 300.0
DOWN_MS = 5.0

TRAFFIC = {
    "idle": "idle",
    "paced": "10 MB/s",
    "flat": "flat out",
    "duplex": "flat out both ways",
}
LABELS = {
    "tcpkill -9": "tcpkill -9, its start included",
    "scapy, sniff once": "scapy, sniffing once",
}
DELAY_SECONDS, LOSS = 0.05, 0.05
DELAYED_SECONDS = 5.0


def injection(effort: Effort) -> list[Trials]:
    """Reset connections of other processes by address: on loopback, across a router, with delay and loss."""
    entering()
    here = [_on_loopback(effort, traffic) for traffic in TRAFFIC]
    return [*here, _across_router(effort), _with_delay_and_loss(effort)]


def _on_loopback(effort: Effort, traffic: str) -> Trials:
    trials = _trials(f"other processes' connection, {TRAFFIC[traffic]}")
    ways = _tries(effort, "rst", "auto")
    peers = _peers(effort, trials)
    _enter(trials, "IPv4", {**ways, **peers}, effort, DOWN_MS, traffic=traffic)
    _enter(trials, "IPv6", ways, effort, DOWN_MS, traffic=traffic, family=6)
    return trials


def _peers(effort: Effort, trials: Trials) -> dict[str, int]:
    """Return fewer tries for peers, which take seconds; they run by IPv4, the only one that tcpkill supports."""
    tries = effort.count(PEERS_TRIES)
    peers = {"scapy, sniff once": tries}
    try:
        tcpkill()
    except Unmeasurable as error:
        trials.unmeasured.append(str(error))
        return peers
    return {"tcpkill -9": tries, **peers}


def _across_router(effort: Effort) -> Trials:
    trials = _trials("connection across a router, over two veth pairs")
    for family in (4, 6):
        for traffic in ("idle", "flat"):
            name = f"IPv{family}, {TRAFFIC[traffic]}"
            place = {"family": family, "traffic": traffic, "path": "veth"}
            _enter(trials, name, _tries(effort, "rst", "auto"), effort, DOWN_MS, **place)
    ways = _tries(effort, "rst, forwarded")
    _enter(trials, "at the router, idle", ways, effort, DOWN_MS, path="veth", at="router")
    return trials


def _with_delay_and_loss(effort: Effort) -> Trials:
    what = f"{1000 * DELAY_SECONDS:g} ms of delay each way and {100 * LOSS:g} % loss"
    trials = _trials(f"connection with {what}")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        trials.unmeasured.append("delay and loss need read and write access to /dev/net/tun")
        return trials
    ways = _tries(effort, "rst, verified", "auto, verified")
    for traffic in ("idle", "paced"):
        place = {"traffic": traffic, "path": "slow", "delay": DELAY_SECONDS, "loss": LOSS}
        _enter(trials, TRAFFIC[traffic], ways, effort, None, limit=DELAYED_SECONDS, **place)
    return trials


def _trials(what: str) -> Trials:
    return Trials(f"{what}: until both its ends are down", "ms", "both down")


def _tries(effort: Effort, *ways: str) -> dict[str, int]:
    return dict.fromkeys(ways, effort.count(TRIES))


def _enter(
    trials: Trials,
    name: str,
    tries: dict[str, int],
    effort: Effort,
    below: float | None,
    **arguments: object,
) -> None:
    """Play the scene, and enter the tries of each way; our ways have a target."""
    limit = effort.seconds(GIVEN_UP_SECONDS)
    try:
        took = play("foreign", STAGE_SECONDS, tries=tries, **{"limit": limit, **arguments})
    except Unmeasurable as error:
        trials.unmeasured.append(f"{name}: {error}")
        return
    for way, tried in took.items():
        target = None if way in LABELS else Always(below)
        trials.add(f"{name}: {LABELS.get(way, way)}", tried, target)
