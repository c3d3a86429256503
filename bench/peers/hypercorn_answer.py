"""``python -m bench.peers.hypercorn_answer``: hypercorn's trio worker, without its log."""

from __future__ import annotations

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from bench.peers.answer import application
from bench.peers.listening import BACKLOG, listen

if __name__ == "__main__":
    sock = listen()
    config = Config()
    config.bind = [f"fd://{sock.fileno()}"]
    config.backlog = BACKLOG
    config.accesslog = None
    config.errorlog = None
    trio.run(serve, application, config)
