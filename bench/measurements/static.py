"""The time until a large file has come, beside nginx."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from bench.children import load
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, interleave
from bench.servers import files, has_nginx, nginx
from bench.workloads import open_site

CONNECTIONS = 8
SECONDS = 1.5
DEBIAN = "tcp_nopush on;"  # the setting of Debian's package


def static(effort: Effort) -> list[Figure]:
    """Compare hamms-trio files and nginx with sendfile on a cached file of 1 MiB, access logs on."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_site()).folder
        servers = {OURS: stack.enter_context(files(folder))}
        if has_nginx():
            root = f"root {folder};"
            servers["nginx"] = stack.enter_context(nginx(root))
            servers["nginx, Debian's"] = stack.enter_context(nginx(root, DEBIAN))
        samples = {
            name: partial(
                load,
                "download",
                address=server.address(),
                pid=server.pid,
                connections=CONNECTIONS,
                seconds=effort.seconds(SECONDS),
                target="/mib.bin",
            )
            for name, server in servers.items()
        }
        what = f"a file of 1 MiB, {CONNECTIONS} connections"
        figures = {
            "wall_us": Figure(
                f"time until the next response: {what}", "us", (Below("nginx", 1.0),)
            ),
            "cpu_us": Figure(f"CPU of a response: {what}", "us"),
        }
        return interleave(effort.rounds, samples, figures)
