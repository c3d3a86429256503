"""``python -m bench.peers.fastpysgi_answer [CERTIFICATE KEY]``: fastpysgi with a WSGI application, its fastest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import fastpysgi

from bench.children import LOOPBACK, free_port
from bench.peers.answer import GREETING, RECEIVED, TYPE


def application(environment: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """Answer as the smallest WSGI application does."""
    content = environment["wsgi.input"]
    body = GREETING if environment["REQUEST_METHOD"] == "GET" else RECEIVED + content.read()
    start("200 OK", [("Content-Type", TYPE), ("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    if sys.argv[1:]:
        fastpysgi.server.tls_list = [tuple(sys.argv[1:])]
    port = free_port()
    print(port, flush=True)
    fastpysgi.run(application, LOOPBACK, port)
