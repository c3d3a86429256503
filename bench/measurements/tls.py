"""TLS: what it takes to meet a client."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.children import load, peer, workbench
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, interleave
from hamms_trio.certificates import throwaway_certificates

PARALLEL = 8
SECONDS = 2.0


def tls(effort: Effort) -> list[Figure]:
    """Full TLS 1.3 handshakes with one certificate (ECDSA, P-256), each on a connection of its own."""
    with ExitStack() as stack:
        made = stack.enter_context(throwaway_certificates())
        shown = (str(made.certificate), str(made.key))
        options = ("--enable-tls", "--https-port", "0", "--no-redirect-http")
        files = ("--cert-file", shown[0], "--key-file", shown[1])
        servers = {
            OURS: stack.enter_context(workbench(*options, *files)),
            "trio.SSLStream": stack.enter_context(peer("trio_ssl_stream", *shown)),
            "uvloop": stack.enter_context(peer("uvloop_tls", *shown)),
        }
        samples = {
            name: partial(
                load,
                "handshake",
                address=server.address(""),
                pid=server.pid,
                parallel=PARALLEL,
                seconds=effort.seconds(SECONDS),
            )
            for name, server in servers.items()
        }
        title = f"CPU to accept, shake hands and close, {PARALLEL} clients at a time"
        figure = Figure(title, "us", (Below("trio.SSLStream", 1 / 0.85), Below("uvloop", 1 / 1.15)))
        return interleave(effort.rounds, samples, {"cpu_us": figure})
