"""``python -m bench.peers.uvicorn_answer``: uvicorn on uvloop with httptools, logging nothing."""

from __future__ import annotations

import uvicorn

from bench.peers.answer import application
from bench.peers.listening import listen

if __name__ == "__main__":
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        access_log=False,
        timeout_keep_alive=60,  # as ours; thousands of connections are kept at a time
        log_level="warning",
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[listen()])
