"""The driver of modes that act on the clients of a SOCKS5 proxy (RFC 1928)."""

from __future__ import annotations

from hamms_trio.modes.drivers.raw import Raw, serve_healthily
from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peers.peer import Peer

VERSION = 5
NO_AUTHENTICATION = b"\x05\x00"
ADDRESS_OCTETS = {1: 4, 4: 16}  # by the type of the address: IPv4 and IPv6
DOMAIN_NAME = 3  # the type of an address that begins with its own length
PORT_OCTETS = 2


class Socks(Raw):
    """One encounter for each connection; a client that it spares has its tunnel to a healthy server."""

    name = "socks"
    acts = "as soon as a client of a SOCKS proxy connects"

    async def drive(self, peer: Peer, choose: Choose) -> None:
        encounter = choose(None)
        if peer.meet(encounter):
            peer.overhear()
            await encounter.act(peer, **encounter.arguments)
        elif await receive_greeting(peer):
            await peer.send(NO_AUTHENTICATION)
            await receive_order(peer)
            await peer.send(reply(0))
            await serve_healthily(peer)
        await peer.finish()


async def receive_greeting(peer: Peer) -> bool:
    """Read the methods of authentication that a client offers; False if it speaks no SOCKS5."""
    version, methods = await _receive(peer, 2)
    if version != VERSION:
        return False
    await _receive(peer, methods)
    return True


async def receive_order(peer: Peer) -> None:
    """Read the client's order, such as a CONNECT to an address."""
    kind = (await _receive(peer, 4))[3]
    length = (await _receive(peer, 1))[0] if kind == DOMAIN_NAME else ADDRESS_OCTETS.get(kind, 0)
    await _receive(peer, length + PORT_OCTETS)


def reply(code: int) -> bytes:
    """Return the answer to an order, with an address of zeros; 0 stands for success (RFC 1928 §6)."""
    return bytes((VERSION, code, 0, 1)) + bytes(ADDRESS_OCTETS[1] + PORT_OCTETS)


async def _receive(peer: Peer, octets: int) -> bytes:
    """Read so many octets, and leave what has come behind them."""
    data = b""
    while len(data) < octets:
        data += await peer.receive()
    peer.connection.give_back(data[octets:])
    return data[:octets]


SOCKS = Socks()
