"""The proxy form: the door stands for every host called ``SLUG.hamms``, and for no other.

No connection is ever opened to another server: the other end of a tunnel is the failure mode itself.
"""

from __future__ import annotations

import re

from hamms_trio.errors import NeedsPort, NotOurs
from hamms_trio.lab.doors import Door
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.modes.drivers import over_tls_if_spoken
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

FAMILY = "proxy"  # whose modes act on the request to the proxy itself
ZONE = "hamms.localhost"  # below which each label is a host of ours
_OURS = re.compile(r"([^.:/@]+)\.hamms(?:\.localhost)?\.?(?::[0-9]*)?", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]*)")
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def label_of(authority: str) -> str | None:
    """Return the label in ``LABEL.hamms`` or ``LABEL.hamms.localhost``, in lower case, or None."""
    match = _OURS.fullmatch(authority)
    return match[1].lower() if match else None


def authority_of(request: RequestHead) -> str | None:
    """Return the authority that the request is for: its target's, or its Host field (RFC 9112 §3.3)."""
    absolute = _ABSOLUTE.match(request.target)
    return absolute[1] if absolute else request.host


def is_for_proxy(request: RequestHead) -> bool:
    """Return True if the request has the form of requests to a proxy (RFC 9112 §3.2.2, §3.2.3)."""
    return request.method == "CONNECT" or _ABSOLUTE.match(request.target) is not None


def proxied(request: RequestHead, labels: Labels) -> Encounter:
    """Return the encounter of a request to a proxy.

    Raises:
        NotOurs: the request is for another host than ``SLUG.hamms``.
        NoSuchMode, NeedsPort, ParameterError: see `Labels.door`.
    """
    is_connect = request.method == "CONNECT"
    authority = request.target if is_connect else authority_of(request) or ""
    label = label_of(authority)
    if label is None:
        raise NotOurs(
            f"{authority[:80]!r} is not reached from here: this proxy stands for SLUG.hamms and "
            "SLUG.hamms.localhost, and opens no connection to any other host"
        )
    door = labels.door(label)
    if not is_connect or door.mode.family == FAMILY:
        return labels.resolver(label)(request)
    if not door.listens:
        raise NeedsPort(f"{door.slug} has no tunnel: {door.mode.needs_port}")
    return _tunnel(door)


def _tunnel(door: Door) -> Encounter:
    async def open_tunnel(peer: Peer, request: RequestHead) -> None:
        """Answer that the tunnel is open, and play the mode at its other end."""
        await peer.send(_ESTABLISHED)
        connection = peer.connection
        connection.give_back(peer.http.take_unread())
        peer.finished = True  # what follows is the mode's
        far_end = Peer(connection, peer.environment, peer.find)
        if door.mode.driver.needs_port:
            await door.play(far_end)
        else:
            await over_tls_if_spoken(far_end, door.play)

    return Encounter("tunnel", open_tunnel, {}, decides=True)
