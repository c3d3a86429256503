"""The other origin: another port of the same server, or another name, which reports the secrets that reach it.

A redirect from one origin to another shows which secrets a client carries along (RFC 9110 §15.4).
"""

from __future__ import annotations

import json
import re
from hashlib import sha256

from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

OTHER_DOOR = "other"  # the name of the door
ARRIVAL = "/elsewhere"
# The fields whose values belong to the origin for which they were given.
SECRETS = ("authorization", "cookie", "proxy-authorization", "x-api-key")

_NAMES = {"127.0.0.1": "localhost", "[::1]": "localhost", "localhost": "127.0.0.1"}
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")


async def report_arrival(peer: Peer, request: RequestHead) -> None:
    """Answer with the request as it arrived, as JSON: method, body, and the names of the secrets."""
    octets, digest = await read_content(peer)
    fields = {name.lower() for name, _ in request.fields}
    report = {
        "method": request.method,
        "octets": octets,
        "sha256": digest,
        "secrets": [name for name in SECRETS if name in fields],
        "cookies": cookie_names(request),
    }
    await respond_with_json(peer, request, report)


async def read_content(peer: Peer) -> tuple[int, str]:
    """Read the request's content, and return its length and its SHA-256."""
    octets, digest = 0, sha256()
    while data := await peer.http.receive_content():
        octets += len(data)
        digest.update(data)
    return octets, digest.hexdigest()


async def respond_with_json(peer: Peer, request: RequestHead, content: object) -> None:
    """Answer 200 with JSON that no cache may keep."""
    fields = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    await peer.http.respond(request, 200, *fields, body=json.dumps(content).encode())


def cookie_names(request: RequestHead) -> list[str]:
    """Return the names of the cookies that a request brings, in their order."""
    cookies = (request.get("cookie") or "").replace(", ", "; ").split(";")
    return [cookie.partition("=")[0].strip() for cookie in cookies if cookie.strip()]


def authority(peer: Peer, request: RequestHead, to: str = "port") -> str:
    """Return an authority of this server that is not the request's.

    Args:
        to: ``host`` for the same port by another name, anything else for the other port by the same name.
    """
    match = _HOST.fullmatch(request.get("host") or "")
    name, port = match.groups() if match is not None else ("", None)
    if to != "host":
        return f"{name or '127.0.0.1'}:{peer.environment.ports.get(OTHER_DOOR, 0)}"
    other_name = _NAMES.get(name, "localhost")
    return f"{other_name}:{port}" if port else other_name


def elsewhere(peer: Peer, request: RequestHead, to: str = "port", *, scheme: str = "") -> str:
    """Return the URL of the other origin, with this exchange's nonce (see `authority`).

    Args:
        to: ``scheme`` for the other port, by the other scheme as well.
        scheme: the URL's scheme; "" for the request's.
    """
    path = peer.http.link(ARRIVAL) if to == "host" else ARRIVAL
    if to == "scheme":
        scheme = "http" if peer.scheme == "https" else "https"
    return f"{scheme or peer.scheme}://{authority(peer, request, to)}{path}?nonce={peer.nonce}"


def with_query(peer: Peer, request: RequestHead, path: str) -> str:
    """Return a target at the same door that keeps the request's parameters, and this exchange's nonce."""
    query = request.query_string
    if "nonce" not in request.query:
        query = f"{query}&nonce={peer.nonce}" if query else f"nonce={peer.nonce}"
    return f"{peer.http.link(path)}?{query}"
