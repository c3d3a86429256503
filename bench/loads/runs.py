"""Clients that run one scenario at the same time, again and again."""

from __future__ import annotations

import json
import time
from threading import Thread

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice
from bench.loads.talking import ask

STEPS = 50
OK = 200


def runs(*, address: Address, connections: int, seconds: float, steady: Notice) -> dict[str, float]:
    """Create a scenario of 50 local steps, and run it over each of the connections."""
    step = {
        "method": "GET",
        "path": "/",
        "expect": {"body_contains": ["Hello"]},
        "chaos": {"enabled": True, "mode": "status_flip", "probability": 0.5},
    }
    scenario = {"id": "bench", "name": "bench", "steps": [step] * STEPS}
    ask(address)("POST", "/api/scenarios", json.dumps(scenario).encode())
    steady()
    until = time.monotonic() + seconds
    counts = [0] * connections

    def run(place: int) -> None:
        talk = ask(address)
        while time.monotonic() < until:
            status, _ = talk("POST", "/api/scenarios/bench/run", b"{}")
            counts[place] += status == OK

    runners = [Thread(target=run, args=(place,), daemon=True) for place in range(connections)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    if not all(counts):
        raise Unmeasurable("a client has finished no run")
    return {"runs": sum(counts)}
