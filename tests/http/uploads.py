"""Routes that take content, and clients that send it."""

from __future__ import annotations

import trio

from hamms_trio.http import Request, Response, Router, ServerLimits, text
from tests.http.conversations import post
from tests.http.server import Serving, wait_until

EACH = 100_000
LIMIT = 4 * EACH
LIMITS = ServerLimits(content_total=LIMIT)
HALF = b"x" * (EACH // 2)
CHUNK = b"%x\r\n%b\r\n" % (len(HALF), HALF)
LENGTH = f"Content-Length: {EACH}"
CHUNKED = "Transfer-Encoding: chunked"
EXPECT = "Expect: 100-continue"


def taking_content() -> Router:
    """Make routes: a function, a coroutine that reads all, one that reads pieces, one with a larger limit."""
    router = Router()

    @router.post("/whole")
    def whole(request: Request) -> Response:
        return text(str(len(request.content)))

    @router.post("/read")
    async def read(request: Request) -> Response:
        return text(str(len(await request.read())))

    @router.post("/pieces")
    async def pieces(request: Request) -> Response:
        return text(str(sum([len(piece) async for piece in request.pieces()])))

    @router.post("/huge", max_content=10 * LIMIT)
    def huge(request: Request) -> Response:
        return text(str(len(request.content)))

    return router


async def until(server: Serving, octets: int) -> None:
    """Wait until there is room for so many octets, neither more nor less."""
    await wait_until(lambda: server.service.body_budget.octets == octets)


async def half_sent(server: Serving, path: str, length: str = LENGTH) -> trio.SocketStream:
    """Open a client that has sent half of its content and was admitted."""
    client = await server.connect()
    half = HALF if length == LENGTH else CHUNK
    before = server.service.body_budget.octets
    await client.send_all(post(path, length, content=half))
    await until(server, before + (EACH if length == LENGTH else len(HALF)))
    return client
