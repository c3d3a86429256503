"""``python -m bench.peers.engine_routes``: our engine with routes of two kinds; all accounts on."""

from __future__ import annotations

import os

import trio

from bench.peers.answer import BODY
from bench.peers.listening import listen
from hamms_trio.http import Request, Response, Router, ServerLimits, Service
from hamms_trio.http.serving.server import Server
from hamms_trio.http.telling.access_log import AccessLog, LogFormat
from hamms_trio.outlet import Outlet

router = Router()


@router.get("/")
async def answer(_request: Request) -> Response:
    """The same as the peers, by a task."""
    return Response(200, BODY, (("Content-Type", "application/json"),))


@router.get("/items/{number}")
def item(_request: Request) -> Response:
    """The same for any path of a kind, by a plain function."""
    return Response(200, BODY, (("Content-Type", "application/json"),))


if __name__ == "__main__":
    service = Service(router, limits=ServerLimits(requests=0))
    outlet = Outlet(os.open(os.devnull, os.O_WRONLY), "access log")
    service.account.log_to(AccessLog(service, LogFormat.PLAIN, outlet.put).write)
    trio.run(Server(service, [listen()]).run)
