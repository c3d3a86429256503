"""The CPU of a request to the failure mode that answers with a status."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.children import load
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, interleave
from bench.servers import hamms, peer

CONNECTIONS = 64
SECONDS = 1.5

IDENTICAL = (
    Below("uvicorn", 2.0),
    Below("hypercorn-trio", 25.0),
    Below("twisted+flask", 25.0),
)
DIFFERENT = (Below("uvicorn", 1.4),)


def status(effort: Effort) -> list[Figure]:
    """Measure a small 200 on 64 persistent connections, nine fields in each request."""
    workload = f"CPU of a request to the port status on {CONNECTIONS} persistent connections"
    figures = []
    with ExitStack() as stack:
        servers = {
            OURS: stack.enter_context(hamms()),
            "uvicorn": stack.enter_context(peer("uvicorn_answer")),
            "hypercorn-trio": stack.enter_context(peer("hypercorn_answer")),
            "twisted+flask": stack.enter_context(peer("twisted_flask")),
        }
        for varies, heads, targets in (
            ("", "all heads equal", IDENTICAL),
            ("head", "every head different", DIFFERENT),
        ):
            samples = {
                name: partial(
                    load,
                    "exchange",
                    address=server.address("status"),
                    pid=server.pid,
                    connections=CONNECTIONS,
                    seconds=effort.seconds(SECONDS),
                    target="/?status=200",
                    varies=varies,
                )
                for name, server in servers.items()
            }
            figure = Figure(f"{workload}, {heads}", "us", targets)
            figures += interleave(effort.rounds, samples, {"cpu_us": figure})
    return figures
