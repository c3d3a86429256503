"""Ports whose fault lies in the kernel, or in accepting connections, and not in an answer."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import never_accepts, never_answers, on_connect, on_request
from hamms_trio.modes.drivers import serve_healthily
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import (
    Level,
    may_retry,
    must_error,
    must_stay_bounded,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, Range, Seconds
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import PortKind, Reach
from hamms_trio.wire import RequestHead

LENGTH = b"Content-Length: %d" % CANARY_OCTETS

Connections = Annotated[int, Range("connections", 1, 10_000)]
Surplus = Annotated[str, Choice("rst", "hang")]


@never_accepts(
    client=must_error(
        "RFC 9293 §3.10.7.1", owes="The error comes at once, and not after a timeout."
    )
)
async def tcp_refused() -> None:
    """Refuse every connection at once.

    The port is bound but nothing listens on it, so the kernel answers a SYN with RST and no other
    program can take the port meanwhile.
    """


@never_answers(client=must_time_out("RFC 9293 §3.8.3"))
async def tcp_syn_blackhole() -> None:
    """Leave every SYN without an answer, like a firewall that drops packets.

    The client's kernel sends it again after 1, 3 and 7 seconds, and gives up after two minutes; only a connect
    timeout of the client's own is shorter. Linux alone can do this without privileges.
    """


@on_request(
    client=must_succeed(
        "RFC 8305 §5",
        level=Level.SHOULD,
        owes="The answer is there well before the second SYN "
        "by IPv6, which leaves after one second.",
    ),
    issues=("curl/curl#19740",),
    port=PortKind(Reach.IPV4_ONLY),
    own_port="its port does not answer by IPv6",
    decides=True,
)
async def tcp_v6_blackhole_v4_ok(peer: Peer, request: RequestHead) -> None:
    """Leave each SYN that comes by IPv6 without an answer, and answer healthily by IPv4 on the same port.

    The client is to try both ("Happy Eyeballs"), the second one about 250 milliseconds after the first. It
    has to connect to ``localhost``, or to another name of both addresses.
    """
    await answer_healthily(peer, request)


@on_connect(client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY))
async def tcp_accept_hang(peer: Peer) -> None:
    """Accept the connection, read whatever comes, and never answer."""
    await peer.wait_gone()


@on_connect(
    client=must_error("RFC 9112 §8; retry only what RFC 9110 §9.2.2 allows", attempts={"POST": 1})
)
async def tcp_accept_close(peer: Peer) -> None:
    """Close the connection (FIN, no octets) as soon as it is accepted."""
    await peer.finish()


@on_connect(client=must_error("RFC 9293 §3.10.7.4, RFC 5961 §3"))
async def tcp_accept_rst(peer: Peer) -> None:
    """Reset the connection as soon as it is accepted.

    The kernel does not count refused SYNs, so use this mode for a port that fails a few times and then comes up:
    ``first=3`` resets the first three connections, and answers the others healthily.
    """
    peer.reset()


@on_connect(
    client=must_error("RFC 9112 §9.6", owes="The error comes at once, and not after a timeout.")
)
async def tcp_half_close_first(peer: Peer) -> None:
    """Close our side (FIN) as soon as the connection is accepted, and keep reading until the client leaves.

    No response can come any more, so the client must not wait for one.
    """
    await peer.half_close()
    await peer.wait_gone()


@on_connect(
    client=must_stay_bounded(
        "RFC 9112 §9.4",
        level=Level.SHOULD,
        owes="The ledger shows no more open connections than the limit of the client's pool.",
    ),
    decides=True,
)
async def tcp_max_conns(peer: Peer, *, n: Connections = 6, how: Surplus = "rst") -> None:
    """Answer on ``n`` connections at a time, and reset each one beyond, or never answer on it.

    A client with a pool is to wait for a connection of its own, or to report an error, and not to open more.
    """
    counters = peer.state("open")
    counters["all"] = nth = counters.get("all", 0) + 1
    try:
        if nth <= n:
            await serve_healthily(peer)
            return
        peer.strike()
        if how == "rst":
            peer.reset()
        else:
            await peer.wait_gone()
    finally:
        counters["all"] = counters.get("all", 1) - 1


@on_request(
    client=may_retry("RFC 9110 §9.2.2", owes="A call that comes after `seconds` succeeds."),
    own_port="it closes its port for a while",
    decides=True,
)
async def tcp_reuse_refuse(
    peer: Peer, request: RequestHead, *, after: Connections = 1, seconds: Seconds = 1.0
) -> None:
    """Answer and close, and after each ``after``-th connection refuse all others for ``seconds`` seconds.

    The port is closed before the answer is sent, so the next connection is refused; then it comes up again. The
    client is to report an error, or to try again, and to recover.
    """
    if peer.count() % after == 0:
        peer.strike()
        peer.close_port(seconds)
    await peer.send(peer.http.raw_head(b"Content-Type: text/plain", b"Connection: close", LENGTH))
    await peer.http.send_canary(CANARY_OCTETS)
    await peer.finish()


@on_request(
    client=may_retry("RFC 9110 §9.2.2", owes="A call that comes after `seconds` succeeds."),
    port=lambda given: PortKind(refuses=float(given["seconds"] or 0)),
    own_port="its port is closed at first",
    decides=True,
)
async def tcp_refused_at_first(peer: Peer, request: RequestHead, *, seconds: Seconds = 1.0) -> None:
    """Refuse every connection for ``seconds`` seconds after the door opens, then answer healthily.

    A server that starts later than its client does the same. The time begins with the start of the server, or with
    ``open()``.
    """
    await answer_healthily(peer, request)
