"""``python -m bench.peers.socketify_answer [CERTIFICATE KEY]``: socketify with its own interface."""

from __future__ import annotations

import sys
from typing import Any

from socketify import App, AppListenOptions, AppOptions

from bench.children import LOOPBACK
from bench.peers.answer import GREETING, RECEIVED, TYPE


def greet(response: Any, _request: Any) -> None:  # socketify is untyped
    response.write_header("Content-Type", TYPE)
    response.end(GREETING)


def echo(response: Any, _request: Any) -> None:
    pieces = [RECEIVED]

    def collect(response: Any, chunk: bytes | None, is_end: bool) -> None:
        pieces.append(chunk or b"")
        if is_end:
            response.write_header("Content-Type", TYPE)
            response.end(b"".join(pieces))

    response.on_data(collect)


if __name__ == "__main__":
    certificate, key = sys.argv[1:] or (None, None)
    options = AppOptions(key_file_name=key, cert_file_name=certificate) if key else None
    server = App(options)
    server.get("/*", greet)
    server.post("/*", echo)
    server.listen(
        AppListenOptions(port=0, host=LOOPBACK), lambda config: print(config.port, flush=True)
    )
    server.run()
