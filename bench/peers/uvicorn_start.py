"""``python -m bench.peers.uvicorn_start PORT``: uvicorn, which binds its own port."""

from __future__ import annotations

import sys

import uvicorn

if __name__ == "__main__":
    uvicorn.run(
        "bench.peers.answer:application",
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
        lifespan="off",
    )
