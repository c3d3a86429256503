"""``python -m bench.peers.uvicorn_answer [CERTIFICATE KEY]``: uvicorn on uvloop with httptools, without its log."""

from __future__ import annotations

import sys

import uvicorn

from bench.peers.answer import application
from bench.peers.listening import listen

if __name__ == "__main__":
    certificate, key = sys.argv[1:] or (None, None)
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        access_log=False,
        timeout_keep_alive=60,  # `idle` keeps thousands of connections longer than the default of 5
        log_level="warning",
        lifespan="off",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    uvicorn.Server(config).run(sockets=[listen()])
