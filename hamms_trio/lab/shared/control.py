"""Calls of the control API, as a shared door passes them on without knowing the API's resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hamms_trio.errors import ContentTooLarge
from hamms_trio.lab.shared.proxy import authority_of
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import Field, RequestHead

API_PREFIX = "/_hamms/"
MAX_CALL_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class ControlCall:
    """One request to the API, through any server.

    Attributes:
        path: the part after ``/_hamms/``.
        authority: the host and port that the request is for.
        origin, fetch_site: the fields Origin and Sec-Fetch-Site, which identify the page that sends a request.
    """

    method: str
    path: str
    authority: str | None
    origin: str | None = None
    fetch_site: str | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """The answer to a call."""

    status: int
    fields: tuple[Field, ...]
    body: bytes


Api = Callable[[ControlCall], ControlAnswer]


def encounter_with(api: Api) -> Encounter:
    """Return the encounter that answers calls."""

    async def answer_call(peer: Peer, request: RequestHead) -> None:
        answer = api(
            ControlCall(
                request.method,
                request.path[len(API_PREFIX) :],
                authority_of(request),
                request.get("origin"),
                request.get("sec-fetch-site"),
                await _content(peer),
            )
        )
        await peer.http.respond(request, answer.status, *answer.fields, body=answer.body)

    return Encounter("_hamms", answer_call, {}, decides=True)


async def _content(peer: Peer) -> bytes:
    content = bytearray()
    while piece := await peer.http.receive_content():
        content += piece
        if len(content) > MAX_CALL_OCTETS:
            raise ContentTooLarge(f"the body exceeds {MAX_CALL_OCTETS} octets")
    return bytes(content)
