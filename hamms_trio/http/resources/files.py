"""Routes that answer with files."""

from __future__ import annotations

from collections.abc import Mapping

import trio

from hamms_trio.files import (
    BodyPart,
    FileAnswer,
    FileTree,
    Root,
    echo,
    read_file,
    user_agent,
    write_file,
)
from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import FileBody, Response, explain, prefers_json
from hamms_trio.http.routes.router import Route, Router
from hamms_trio.http.routes.visitors import check_origin


def as_response(answer: FileAnswer, request: Request) -> Response:
    """Convert an answer to a response; the server closes the answer's file."""
    if isinstance(answer.rendered, Response):
        return answer.rendered
    if answer.content_length is None:
        return Response(answer.status, fields=answer.fields)
    if request.method == "HEAD":  # there is only a length
        return Response(
            answer.status, FileBody(answer, range(answer.content_length)), answer.fields
        )
    octets = [part for part in answer.parts if isinstance(part, bytes)]
    if len(octets) < len(answer.parts):
        return Response(answer.status, FileBody(answer, *map(_piece, answer.parts)), answer.fields)
    answer.rendered = Response(answer.status, b"".join(octets), answer.fields)
    return answer.rendered


# The workbench's explanations of refused files, by status.
_PROBLEMS = {
    400: "the percent-encoding of the path is malformed",
    403: "the path leads out of the served directory, or to an unreadable file",
    404: "there is no such file",
    405: "files are read by GET and HEAD",
    406: "the file has none of the accepted content codings",
    412: "a precondition of the request does not hold",
    416: "no range overlaps the file; Content-Range has the file's length",
    500: "the file can't be written",
    503: "too many files are open; retry later",
}


def as_workbench_response(answer: FileAnswer, request: Request) -> Response:
    """Convert an answer to a response; refusals become the workbench's error document."""
    problem = _PROBLEMS.get(answer.status)
    if problem is None:
        return as_response(answer, request)
    answer.close()
    fields = (field for field in answer.fields if field[0] != "Content-Type")
    return explain(answer.status, problem, *fields)


def _as_wanted(answer: FileAnswer, request: Request) -> Response:
    """Return the same, but refusals as JSON only if the client prefers that."""
    if answer.status in _PROBLEMS and prefers_json(request.get("accept")):
        return as_workbench_response(answer, request)
    return as_response(answer, request)


def add_static(router: Router, tree: FileTree) -> None:
    """Declare the files of a tree, at the tree's prefix."""

    @router.get(f"{tree.prefix}*")
    def static(request: Request) -> Response:
        return as_workbench_response(tree.answer(request.head), request)


class FileRouter(Router):
    """A router that answers every request from one directory, whatever the method."""

    def __init__(self, tree: FileTree) -> None:
        super().__init__()

        def file(request: Request) -> Response:
            return _as_wanted(tree.answer(request.head), request)

        async def page(request: Request) -> Response:
            # Listing a long directory takes long, and other connections need not wait for it.
            answer = await trio.to_thread.run_sync(tree.answer, request.head)
            return _as_wanted(answer, request)

        self._file, self._page = Route("files", file), Route("pages", page)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        return self._page if path.endswith("/") else self._file, {}


def add_challenge(router: Router, root: Root | None) -> None:
    """Declare the routes of the codecrafters.io HTTP server challenge.

    Args:
        router: the router to declare the routes on.
        root: the directory of /files/; None for 404 on every name.
    """

    @router.get("/echo/*")
    def echo_text(request: Request) -> Response:
        return as_workbench_response(echo(request.head, request.parameters["*"]), request)

    @router.get("/user-agent")
    def show_user_agent(request: Request) -> Response:
        return as_response(user_agent(request.head), request)

    @router.get("/files/{name}")
    def read(request: Request) -> Response:
        answer = read_file(root, request.head, request.parameters["name"])
        return as_workbench_response(answer, request)

    @router.post("/files/{name}")
    async def write(request: Request) -> Response:
        check_origin(request.head)
        content, name = await request.read(), request.parameters["name"]
        # Not abandoned when the client leaves, so that a begun write is completed.
        answer = await trio.to_thread.run_sync(write_file, root, request.head, name, content)
        return as_workbench_response(answer, request)


def _piece(part: BodyPart) -> bytes | range:
    return part if isinstance(part, bytes) else range(part.offset, part.offset + part.octets)
