"""The kind of port that a door needs: whether connections are accepted, and how much the kernel buffers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# SO_SNDBUF of accepted connections. Without a limit, each client that never reads a large body costs megabytes of
# kernel memory. The kernel doubles this number.
LARGE_BODY_SEND_BUFFER = 128 * 1024


class Reach(Enum):
    """The answer that a client's SYN gets."""

    OPEN = "a connection"
    REFUSED = "RST"
    BLACKHOLE = "nothing, ever"
    IPV4_ONLY = "a connection by IPv4, and nothing by IPv6"


@dataclass(frozen=True, slots=True)
class PortKind:
    """The properties of the port that a failure mode needs.

    Attributes:
        reach: the answer that a client's SYN gets.
        send_buffer: SO_SNDBUF of each accepted connection; None for the system's own, which grows.
        receive_buffer: SO_RCVBUF likewise; the smaller it is, the sooner a client's send blocks.
        refuses: seconds on the server's clock for which the port is closed before it opens.
    """

    reach: Reach = Reach.OPEN
    send_buffer: int | None = LARGE_BODY_SEND_BUFFER
    receive_buffer: int | None = None
    refuses: float = 0.0


OPEN = PortKind()
