"""SNI: the host that a ClientHello names chooses the failure mode, ``SLUG.hamms.localhost``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hamms_trio.errors import RequestError
from hamms_trio.lab.doors import Door
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.lab.shared.proxy import label_of
from hamms_trio.modes.drivers import HTTP1, Tls, at_tls_port, play_within
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

ChooseBySni = Callable[[str | None, RequestHead | None], Encounter]
"""Returns the encounter of a request; its first argument is the host in SNI, or None."""


async def play_by_sni(peer: Peer, labels: Labels, choose: ChooseBySni) -> None:
    """Play the mode that SNI names: at the ClientHello, or within TLS; without a name, each request chooses.

    A label that names no mode is answered within TLS, where the client can read what is wrong.
    """
    await at_tls_port(peer, _play(peer, labels, choose))


async def _play(peer: Peer, labels: Labels, choose: ChooseBySni) -> None:
    hello = await peer.tls.receive_hello()
    door = _door(labels, label_of(hello.server_name or ""))
    if door is None or not door.mode.driver.needs_port or not door.listens:
        chosen = partial(choose, hello.server_name)
        await play_within(peer, lambda within: HTTP1.drive(within, chosen))
    elif isinstance(door.mode.driver, Tls):
        peer.tls.give_back_hello()
        await door.play(Peer(peer.connection, peer.environment, peer.find))
        peer.finished = True
    else:
        await play_within(peer, door.play)


def _door(labels: Labels, label: str | None) -> Door | None:
    """Return the door of a label; None if it names no mode, or an argument can't be used."""
    try:
        return None if label is None else labels.door(label)
    except RequestError:
        return None
