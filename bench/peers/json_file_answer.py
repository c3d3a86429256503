"""``python -m bench.peers.json_file_answer FILE``: a server that keeps its history as the reference does.

The reference rewrites one JSON file for each request: the newest 500 records, indented and with sorted keys, are
written beside the file, which is renamed over it. HTTP is uvicorn's, so that nothing but the history is slow.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from secrets import token_hex

import uvicorn

from bench.peers.answer import GREETING, Message, Receive, Send, application
from bench.peers.listening import listen

KEPT = 500  # the reference's --history-limit


class Recording:
    """The smallest ASGI application, with a history in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._history: deque[dict[str, object]] = deque(maxlen=KEPT)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer, and record the exchange."""
        await application(scope, receive, send)
        if scope["type"] == "http":
            self._history.append(_record(scope))
            self._write()

    def _write(self) -> None:
        state = {"version": 1, "mocks": [], "history": list(self._history)}
        beside = self._file.with_suffix(".tmp")
        beside.write_text(json.dumps(state, indent=2, sort_keys=True), encoding="utf-8")
        os.replace(beside, self._file)


def _record(scope: Message) -> dict[str, object]:
    request_id = token_hex(8)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return {
        "request_id": request_id,
        "trace_id": request_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": 200,
        "latency_ms": 0.1,
        "bytes_in": 100,
        "bytes_out": 100 + len(GREETING),
        "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "replay_input": {
            "method": scope["method"],
            "path": scope["path"],
            "raw_target": scope["path"],
            "http_version": "HTTP/1.1",
            "headers": headers,
            "body": "",
        },
    }


if __name__ == "__main__":
    config = uvicorn.Config(
        Recording(Path(sys.argv[1])),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[listen()])
