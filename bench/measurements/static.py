"""Files: what it takes to send one, and how soon the next can follow."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, Target, interleave
from bench.servers import files, has_nginx, nginx

LARGE, SMALL = 1024 * 1024, 28
LARGE_CONNECTIONS, SMALL_CONNECTIONS = 8, 64
SECONDS = 1.5
# A file that has just been written may change again without its times showing it, so a server that trusts those
# is slower then; and most files that are served are old.
SETTLED_SECONDS = 2.5
DEBIAN = "tcp_nopush on;"  # which is what most users of its package have


def static(effort: Effort) -> list[Figure]:
    """Files that are in memory, by hamms-trio files and by nginx with sendfile, access logs on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "large.bin").write_bytes(os.urandom(LARGE))
        (folder / "small.txt").write_bytes(b"x" * SMALL)
        settled = time.monotonic() + SETTLED_SECONDS
        servers = {OURS: stack.enter_context(files(folder))}
        if has_nginx():
            root = f"root {folder};"
            servers["nginx"] = stack.enter_context(nginx(root))
            servers["nginx, Debian's"] = stack.enter_context(nginx(root, DEBIAN))
        time.sleep(max(0.0, settled - time.monotonic()))
        large = partial(_downloads, effort, servers, "/large.bin", LARGE_CONNECTIONS)
        small = partial(_downloads, effort, servers, "/small.txt", SMALL_CONNECTIONS)
        return [
            *large(f"a file of 1 MiB, {LARGE_CONNECTIONS} connections", (Below("nginx", 1.0),)),
            *small(f"a file of {SMALL} octets, {SMALL_CONNECTIONS} connections", ()),
        ]


def _downloads(
    effort: Effort,
    servers: Mapping[str, Server],
    target: str,
    connections: int,
    what: str,
    targets: tuple[Target, ...],
) -> list[Figure]:
    samples = {
        name: partial(
            load,
            "download",
            address=server.address(""),
            pid=server.pid,
            connections=connections,
            seconds=effort.seconds(SECONDS),
            target=target,
        )
        for name, server in servers.items()
    }
    figures = {
        "wall_us": Figure(f"time until the next response to {what}", "us", targets),
        "cpu_us": Figure(f"CPU of a response with {what}", "us"),
    }
    return interleave(effort.rounds, samples, figures)
