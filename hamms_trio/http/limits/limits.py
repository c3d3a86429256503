"""The limits for one client."""

from __future__ import annotations

from dataclasses import dataclass

CONTENT_AT_ONCE = 64 * 1024  # octets of a body that a carrier reads at once
# Limits for answering pipelined requests before other clients have their turn.
EXCHANGES_IN_ONE_GO = 64
HTTP_TURN_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """The limits of the well-behaved server: sizes in octets, times in seconds."""

    head: int = 16 * 1024  # with the empty line; nginx accepts 32 KiB, Apache 8 KiB per line
    target: int = 2048
    content: int = 512 * 1024  # of a request, decoded; a route may set another limit
    content_total: int = 64 * 1024 * 1024  # of all requests together (see `request_bodies`)
    requests: int = 1000  # per connection, like nginx's keepalive_requests; 0 for no limit
    connections: int = 2048
    connections_wait: bool = False  # True: further connections wait in the backlog, not refused

    handshake_seconds: float = 10.0  # for the TLS handshake
    idle: float = 10.0  # without an octet of the next request
    head_seconds: float = 10.0  # from a head's first octet to its last; Apache's is 20 to 40
    content_seconds: float = 30.0  # from the head to the end of the body
    # From a request's last octet until the answer of a route that waits begins (nginx's proxy_read_timeout);
    # and of silence in a streamed body, for a client that has closed its side and may have left.
    answer_seconds: float = 60.0
    send_seconds: float = 30.0  # without progress, because the client does not read
    # After our FIN, from one read to the next or to the client's FIN; in all at most `content_seconds`.
    linger_seconds: float = 2.0

    # Octets of buffered requests, and of answers that the client has not read.
    waiting_input: int = 64 * 1024
    waiting_output: int = 64 * 1024
    waiting_output_total: int = 64 * 1024 * 1024  # for all clients together (see `backlog`)
