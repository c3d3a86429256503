"""How much of everything one client may take."""

from __future__ import annotations

from dataclasses import dataclass

BODY_OCTETS = 64 * 1024  # of content that a carrier reads at once
# Pipelined requests that are answered before the other clients get their turn,
EXCHANGES_IN_ONE_GO = 64
TURN_SECONDS = 0.001  # and for so long, at most one of them longer


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of the well-behaved server: sizes in octets, times in seconds."""

    head: int = 16 * 1024  # with its empty line; nginx takes 32 KiB, Apache 8 KiB a line
    target: int = 2048
    content: int = 512 * 1024  # of a request, decoded; a route may take more or less
    content_total: int = 64 * 1024 * 1024  # of all requests together (see `request_bodies`)
    requests: int = 1000  # on one connection, nginx's keepalive_requests; 0 for no limit
    connections: int = 2048
    connections_wait: bool = False  # for one of those to end, instead of being refused

    handshake_seconds: float = 10.0  # of TLS, after which the connection is closed
    idle: float = 10.0  # without an octet of the next request
    head_seconds: float = 10.0  # from a head's first octet to its last; Apache's is 20 to 40
    content_seconds: float = 30.0  # from the head to the end of the body
    # From a request's last octet until the answer of a route that waits begins (nginx's proxy_read_timeout);
    # and of silence in a streamed body, for a client that has closed its side and may have left.
    answer_seconds: float = 60.0
    send_seconds: float = 30.0  # without room for another octet, because the client does not read
    # After our FIN or what came since, for more of the client's or its FIN; in all not more than `content_seconds`.
    linger_seconds: float = 2.0

    # Octets of requests that wait for their turn, and of answers that the client has not read yet.
    waiting_input: int = 64 * 1024
    waiting_output: int = 64 * 1024
    waiting_output_total: int = 64 * 1024 * 1024  # of all clients together (see `backlog`)
