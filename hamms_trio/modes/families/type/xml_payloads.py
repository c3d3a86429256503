"""XML whose entities expand without end, or lead elsewhere (RFC 7303 §10)."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.families.type.answer import answer
from hamms_trio.modes.model.expectation import must_stay_bounded
from hamms_trio.modes.model.parameters import Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

XML = b"Content-Type: application/xml"
DECLARATION = '<?xml version="1.0"?>\n'
ESCAPED = str.maketrans({"&": "&amp;", '"': "&quot;", "<": "&lt;"})
ENTITY = "/entity"  # the path at which the external entity is found

Levels = Annotated[int, Range("levels, each ten times the one before", 1, 20)]


@on_request(
    client=must_stay_bounded(
        "RFC 7303 §10", owes="A call that parses XML fails, or does not expand the entities."
    )
)
async def xml_bomb(peer: Peer, request: RequestHead, *, levels: Levels = 9) -> None:
    """Send a small XML document whose entities expand to a billion words ("billion laughs")."""
    entities = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels + 1)]
    declared = "\n".join(['<!ENTITY e0 "hamms">', *entities])
    document = f"{DECLARATION}<!DOCTYPE bomb [\n{declared}\n]>\n<bomb>&e{levels};</bomb>\n"
    await answer(peer, request, XML, body=document.encode())


@on_request(
    client=must_stay_bounded("RFC 7303 §10", owes="The ledger shows no request for `/entity`."),
    decides=True,
)
async def xml_xxe(peer: Peer, request: RequestHead) -> None:
    """Send XML with an external entity that is found at this same door, under ``/entity``.

    A client must not fetch it; the fault counts as played, and the ledger has the request, if one does.
    """
    if peer.http.path == ENTITY:
        peer.strike()
        await answer(peer, request, b"Content-Type: text/plain", body=b"a secret\n")
        return
    place = (f"http://{request.get('host') or 'localhost'}{peer.http.link(ENTITY)}").translate(
        ESCAPED
    )
    entity = f'<!ENTITY e SYSTEM "{place}">'
    document = f"{DECLARATION}<!DOCTYPE message [{entity}]>\n<message>&e;</message>\n"
    await answer(peer, request, XML, body=document.encode("utf-8", "replace"))
