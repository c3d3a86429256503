"""``python -m bench.peers.engine_routes``: our engine with routes of two kinds, log and metrics on."""

from __future__ import annotations

import os

import trio

from bench.peers.answer import GREETING, TYPE
from bench.peers.listening import listen
from hamms_trio.http import Request, Response, Router, Service
from hamms_trio.http.accounting.access_log import AccessLog, LogFormat
from hamms_trio.http.serving.server import Server
from hamms_trio.line_writer import LineWriter

router = Router()


@router.get("/")
async def answer(_request: Request) -> Response:
    """Answer as the peers do, in a task."""
    return Response(200, GREETING, (("Content-Type", TYPE),))


@router.get("/items/{number}")
def item(_request: Request) -> Response:
    """Answer any path of one kind as the peers do, by a plain function."""
    return Response(200, GREETING, (("Content-Type", TYPE),))


if __name__ == "__main__":
    service = Service(router)
    writer = LineWriter(os.open(os.devnull, os.O_WRONLY), "access log")
    log = AccessLog(service, LogFormat.PLAIN, writer.put)
    service.account.log_to(log.write, log.flush)
    trio.run(Server(service, [listen()]).run)
