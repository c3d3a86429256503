"""Responses that are valid, but late."""

from __future__ import annotations

import json

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.expectation import must_time_out
from hamms_trio.modes.parameters import Seconds
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead


@on_request(client=must_time_out("RFC 9112 §9.5"))
async def pace_byte(peer: Peer, request: RequestHead, *, interval: Seconds = 5.0) -> None:
    """Send a valid response (204) one octet every ``interval`` seconds, the first after ``interval``.

    Each octet restarts a timeout that counts from read to read, so one longer than ``interval``
    never fires: a client has to bound the whole exchange.
    """
    message = peer.http.message(request, 204)
    for at in range(len(message)):
        await peer.sleep(interval)
        await peer.send(message[at : at + 1])


@on_request(client=must_time_out("RFC 9112 §9.5"))
async def pace_first_byte(peer: Peer, request: RequestHead, *, sleep: Seconds = 5.0) -> None:
    """Wait before the first octet, then answer 200 with the request's headers as JSON."""
    await peer.sleep(sleep)
    fields: dict[str, str] = {}
    for name, value in request.fields:  # lines of one field are one list (RFC 9110 §5.3)
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    body = json.dumps(fields).encode()
    await peer.http.respond(request, 200, ("Content-Type", "application/json"), body=body)
