"""The records of the ledger: connections and requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

from hamms_trio.net.observer import Ending
from hamms_trio.net.record_layer import Agreed
from hamms_trio.wire import RequestHead, is_interim
from hamms_trio.wire.tls.alerts import alert_name

ANSWER_OCTETS = 256  # of each answer that are kept, unless a ledger keeps more
BODY_OCTETS = 64 * 1024  # of each body that are kept

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
DEFAULT_KEY = "default"
_EMPTY_SHA256 = sha256().hexdigest()
if TYPE_CHECKING:
    from hashlib import _Hash as _Digest

    from hamms_trio.events import Argument


@dataclass(frozen=True, slots=True)
class Meeting:
    """The failure mode that a client meets, with its arguments; equal requests share one.

    Attributes:
        slug: the mode's, or "" for none.
        arguments: the mode's parameters, given or by default.
        ignored: names in the query that are no parameters of the mode.
        key: the key by which the request is counted.
        nonce: the nonce that an argument gives, or None.
    """

    slug: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    key: str = DEFAULT_KEY
    nonce: str | None = None


class TlsRecord:
    """TLS on one connection. It fills in while the connection lives.

    Attributes:
        server_name: the host in SNI, or None.
        offered: the protocols that the client offers by ALPN.
        agreed: the outcome of the handshake; None as long as it is not complete, or if it has failed.
        failure: the reason for which the handshake has failed: OpenSSL's, ``TIMEOUT`` or ``RESET``; else None.
        alerts: the codes of the alerts that the client has sent (RFC 8446 §6).
        close_notify: True if the client has sent close_notify, False if it has closed without; None before.
    """

    __slots__ = ("agreed", "alerts", "close_notify", "failure", "offered", "server_name")

    def __init__(self, server_name: str | None, offered: tuple[str, ...]) -> None:
        self.server_name = server_name
        self.offered = offered
        self.agreed: Agreed | None = None
        self.failure: str | None = None
        self.alerts: list[int] = []
        self.close_notify: bool | None = None

    def __repr__(self) -> str:
        agreed = self.agreed
        how = "no handshake" if agreed is None else f"{agreed.version} {agreed.cipher}"
        alerts = "".join(f", alert {alert_name(code)}" for code in self.alerts)
        return f"<TlsRecord {self.server_name or 'no name'}, {how}{alerts}>"


class ConnectionRecord:
    """One connection. It fills in while the connection lives.

    Attributes:
        number: its place among the server's connections, from 1 on.
        door: the name of the door through which it came.
        slug: the failure mode it met; the last one, if its requests met several; "" before the first.
        client: the client's address and port.
        opened: when it was accepted.
        octets_received, octets_sent: by the server.
        answer: the first octets that were sent outside of any request.
        left: how the client left, or None while it is still there.
        left_after: seconds from ``opened`` until it left, or None.
        ended: how the server ended it, or None.
        ended_first: True if the server ended it while the client was still there.
        closed: True once the server has closed its socket.
        nonce: the nonce of a failure mode that acts before a request, or None.
        struck: True if a fault was played on it.
        keeps_alive: True if the client's kernel sends TCP keep-alives; None if no failure mode has looked, or the
            client is on another machine.
        tls: what is known of TLS on it; None if the client does not speak TLS.
    """

    __slots__ = (
        "answer",
        "client",
        "closed",
        "door",
        "ended",
        "ended_first",
        "keeps_alive",
        "left",
        "left_after",
        "nonce",
        "number",
        "octets_received",
        "octets_sent",
        "opened",
        "slug",
        "struck",
        "tls",
    )

    def __init__(self, number: int, door: str, slug: str, client: tuple[str, int]) -> None:
        self.number = number
        self.door = door
        self.slug = slug
        self.client = client
        self.opened = monotonic()
        self.octets_received = 0
        self.octets_sent = 0
        self.answer = b""
        self.left: Ending | None = None
        self.left_after: float | None = None
        self.ended: Ending | None = None
        self.ended_first = False
        self.closed = False
        self.nonce: str | None = None
        self.struck = False
        self.keeps_alive: bool | None = None
        self.tls: TlsRecord | None = None

    def __repr__(self) -> str:
        left = self.left.value if self.left else "still there"
        return (
            f"<ConnectionRecord {self.number} {self.slug or self.door} from "
            f"{self.client[0]}:{self.client[1]}, {self.octets_received} octets in, "
            f"{self.octets_sent} out, client {left}>"
        )


class RequestRecord:
    """One request, whether the failure mode looked at it or not.

    Attributes:
        connection: the connection it came on.
        head: its method, target and header section (`hamms_trio.wire.RequestHead`).
        at: when its head was complete.
        meeting: the failure mode that it met, and the mode's arguments.
        struck: True if the mode played its fault.
        body: the first octets of its content, as far as that was read and is still kept.
        body_octets: of its content, as far as that was read.
        octets_sent: in answer.
        answer: the first octets of the answer.
    """

    __slots__ = (
        "_digest",
        "answer",
        "at",
        "body",
        "body_octets",
        "connection",
        "given_nonce",
        "head",
        "meeting",
        "octets_sent",
        "struck",
    )

    def __init__(self, connection: ConnectionRecord, head: RequestHead, meeting: Meeting) -> None:
        self.connection = connection
        self.head = head
        self.at = monotonic()
        self.meeting = meeting
        self.struck = False
        self.given_nonce: str | None = None  # by the server
        self.body = b""
        self.body_octets = 0
        self.octets_sent = 0
        self.answer = b""
        self._digest: _Digest | None = None

    def note_body(self, data: bytes) -> int:
        """Enter more of the content, and return how many octets of it were kept."""
        if self._digest is None:
            self._digest = sha256()
        self._digest.update(data)
        self.body_octets += len(data)
        kept = data[: BODY_OCTETS - len(self.body)]
        self.body += kept
        return len(kept)

    @property
    def body_sha256(self) -> str:
        """The SHA-256 of its content, as far as that was read, in hexadecimal."""
        return _EMPTY_SHA256 if self._digest is None else self._digest.hexdigest()

    @property
    def nonce(self) -> str | None:
        """The nonce of its exchange: from its query, its field X-Hamms-Nonce, or the server; or None."""
        return self.given_nonce or self.meeting.nonce or self.head.nonce

    @property
    def octets(self) -> int:
        """The number of its octets, as far as they were read."""
        return len(self.head.octets) + self.body_octets

    @property
    def slug(self) -> str:
        """The failure mode that it met, or "" if it met none."""
        return self.meeting.slug

    @property
    def arguments(self) -> Mapping[str, Argument]:
        """The mode's parameters for this request, given or by default."""
        return self.meeting.arguments

    @property
    def ignored_parameters(self) -> tuple[str, ...]:
        """Names in its query that are no parameters of the mode."""
        return self.meeting.ignored

    @property
    def key(self) -> str:
        """The key by which it was counted."""
        return self.meeting.key

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def target(self) -> str:
        return self.head.target

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The header section, name and value, as it was sent."""
        return self.head.fields

    @property
    def idempotency_key(self) -> str | None:
        """The field Idempotency-Key, by which a server knows a request that is sent again."""
        return self.head.get("idempotency-key")

    @property
    def status(self) -> int | None:
        """The final status that was answered, or None if no such thing was sent."""
        at, answer = 0, self.answer
        while match := _STATUS_LINE.match(answer, at):
            status = int(match[1])
            end = answer.find(b"\r\n\r\n", at)
            if not is_interim(status) or end < 0:
                return status
            at = end + 4
        return None

    def __repr__(self) -> str:
        slug = self.slug or self.connection.door
        return f"<RequestRecord {slug} {self.method} {self.target} answered {self.status}>"


class Requests(list[RequestRecord]):
    """Requests in the order in which they came."""

    @property
    def spacing(self) -> list[float]:
        """Seconds between each request and the one before it."""
        return [later.at - sooner.at for sooner, later in pairwise(self)]


def extended(
    answer: bytes, data: bytes | memoryview, octets: int, limit: int = ANSWER_OCTETS
) -> bytes:
    """Return the first ``limit`` octets of an answer after ``octets`` more of ``data`` were sent."""
    if not answer:
        return bytes(data[: min(octets, limit)])
    missing = limit - len(answer)
    return answer + data[: min(octets, missing)] if missing > 0 else answer
