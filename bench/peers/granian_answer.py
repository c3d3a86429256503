"""``python -m bench.peers.granian_answer [CERTIFICATE KEY]``: granian with its own interface, RSGI.

granian runs the application in a process of its own, whose CPU `bench.machine.cpu_seconds` adds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from bench.children import LOOPBACK, free_port
from bench.peers.answer import GREETING, RECEIVED, TYPE

FIELDS = [("content-type", TYPE)]


async def application(scope: Any, protocol: Any) -> None:  # RSGI's types come without a stub
    """Answer as the smallest RSGI application does."""
    body = GREETING if scope.method == "GET" else RECEIVED + await protocol()
    protocol.response_bytes(200, FIELDS, body)


if __name__ == "__main__":
    certificate, key = map(Path, sys.argv[1:]) if sys.argv[1:] else (None, None)
    port = free_port()
    print(port, flush=True)
    Granian(
        "bench.peers.granian_answer:application",
        LOOPBACK,
        port,
        interface=Interfaces.RSGI,
        log_enabled=False,
        ssl_cert=certificate,
        ssl_key=key,
    ).serve()
