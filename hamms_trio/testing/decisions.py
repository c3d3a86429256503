"""The decisions of a failure mode: the requests that it strikes, played in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

from hamms_trio.lab.doors import Door
from hamms_trio.lab.script.player import SCRIPT_PORTS, SECOND, ScriptedConnection
from hamms_trio.lab.script.requests import GET
from hamms_trio.modes import Catalogue
from hamms_trio.modes.model.environment import Environment
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording


def decisions(door: Door, *, seed: int = 0, count: int) -> Iterator[bool]:
    """Play so many requests, each on a connection of its own, and yield True for each that is struck.

    A running server makes the same decisions for the requests of one key in the order in which they come, whichever
    client sends them.
    """
    environment = Environment(seed=seed, wall_clock=lambda: SECOND)
    environment.ports = SCRIPT_PORTS
    recording = Recording(Ledger(Catalogue(door.mode).names))
    for number in range(count):
        observer = recording.opened(door.name, door.slug, ("192.0.2.1", 1024 + number % 64_000))
        ScriptedConnection([GET], observer).play(door, environment)
        yield observer.record.struck
        observer.closed()
