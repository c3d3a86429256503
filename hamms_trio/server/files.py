"""Routes that answer with files."""

from __future__ import annotations

from collections.abc import Mapping

import trio

from hamms_trio.files import Answer, FileTree, Part, Root, echo, read_file, user_agent, write_file
from hamms_trio.server.request import Request
from hamms_trio.server.response import FileBody, Response
from hamms_trio.server.routing import Route, Router


def as_response(answer: Answer, request: Request) -> Response:
    """An answer as the server sends it, which closes it."""
    if answer.content_length is None:
        return Response(answer.status, fields=answer.fields)
    octets = [part for part in answer.parts if isinstance(part, bytes)]
    if request.method == "HEAD":  # there is only a length
        return Response(
            answer.status, FileBody(answer, range(answer.content_length)), answer.fields
        )
    if len(octets) == len(answer.parts):
        return Response(answer.status, b"".join(octets), answer.fields)
    return Response(answer.status, FileBody(answer, *map(_piece, answer.parts)), answer.fields)


def add_static(router: Router, tree: FileTree) -> None:
    """Declare what lies beneath a directory, at the tree's prefix."""

    @router.get(f"{tree.prefix}*")
    def static(request: Request) -> Response:
        return as_response(tree.answer(request.head), request)


class FileRouter(Router):
    """Has everything answered from beneath a directory, whatever the method."""

    def __init__(self, tree: FileTree) -> None:
        super().__init__()

        def file(request: Request) -> Response:
            return as_response(tree.answer(request.head), request)

        async def page(request: Request) -> Response:
            # Listing takes as long as the directory is long, and the others need not wait for it.
            answer = await trio.to_thread.run_sync(tree.answer, request.head)
            return as_response(answer, request)

        self._file, self._page = Route("files", file), Route("pages", page)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        return self._page if path.endswith("/") else self._file, {}


def add_challenge(router: Router, root: Root | None) -> None:
    """Declare the routes of the codecrafters.io HTTP server challenge.

    Args:
        root: of /files/; without one nothing is found there.
    """

    @router.get("/echo/*")
    def say_again(request: Request) -> Response:
        return as_response(echo(request.head, request.parameters["*"]), request)

    @router.get("/user-agent")
    def say_who(request: Request) -> Response:
        return as_response(user_agent(request.head), request)

    @router.get("/files/{name}")
    def read(request: Request) -> Response:
        return as_response(read_file(root, request.head, request.parameters["name"]), request)

    @router.post("/files/{name}")
    async def write(request: Request) -> Response:
        content, name = await request.read(), request.parameters["name"]
        # Not abandoned when the client leaves: what was begun is finished.
        answer = await trio.to_thread.run_sync(write_file, root, request.head, name, content)
        return as_response(answer, request)


def _piece(part: Part) -> bytes | range:
    return part if isinstance(part, bytes) else range(part.offset, part.offset + part.octets)
