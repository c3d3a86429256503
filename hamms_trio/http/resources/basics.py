"""The routes that every workbench has: a greeting, a stream, and an echo."""

from __future__ import annotations

from collections.abc import AsyncIterator

import trio

from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import Response, text
from hamms_trio.http.routes.router import Router

GREETING = text("Hello World")


def add_basics(router: Router, greeting: Response = GREETING) -> None:
    """Declare /, /stream and /submit."""
    router.fixed("GET", "/", greeting)

    @router.get("/stream")
    def stream(_request: Request) -> Response:
        return Response(200, _chunks())

    @router.post("/submit")
    def submit(request: Request) -> Response:
        return text(f"Received POST body: {request.content.decode(errors='replace')}")


async def _chunks() -> AsyncIterator[bytes]:
    for name in ("one", "two", "three"):
        yield f"chunk-{name}\n".encode()
        await trio.lowlevel.checkpoint()
