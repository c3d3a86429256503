"""The facts of one cell: the client's calls, its answers, and the ledger's records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hamms_trio.check.client import Answer, Call, Stopped, Visit
from hamms_trio.check.grading.sent import SentAnswer, read_sent
from hamms_trio.modes import FailureMode
from hamms_trio.net.observer import Ending
from hamms_trio.recording.ledger import ConnectionRecord, RequestRecord

# A FIN without close_notify ends nothing (RFC 8446 §6.1).
_ENDS_WITHOUT_NOTICE = ("tls-truncation",)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that a grade rests on.

    Attributes:
        has_timeout: True if the client was given a timeout.
        late: seconds after which a report of a failure is late.
        tries: how often the client tried one call by itself.
        waits: seconds that it pauses between these attempts.
        control_rss: the client's memory in the control run; None if unknown.
        control_cpu: its processor time there, in seconds; None if unknown.
        is_abandoned: True if the server has ended every connection, so that the client has nothing to wait for.
        elsewhere: the requests that reached the other origin.
        fired: True if the fault was played on this client.
        is_stream: True if the text of an event stream is compared.
        shape: of a client of one API's streams; "" otherwise.
        file: the content of the file that no client may deliver.
    """

    mode: FailureMode
    nonce: str
    calls: Sequence[Call]
    visit: Visit
    has_timeout: bool
    timeout: float
    late: float
    control_rss: int | None
    control_cpu: float | None = None
    connections: Sequence[ConnectionRecord]
    requests: Sequence[RequestRecord]
    tries: int = 1
    waits: float = 0.0
    elsewhere: Sequence[RequestRecord] = ()
    fired: bool = True
    is_abandoned: bool = False
    file: bytes = b""
    is_stream: bool = False
    shape: str = ""

    @property
    def slug(self) -> str:
        return self.mode.slug

    @property
    def attempts(self) -> int:
        """The number of requests that were read, or of accepted connections if none was read."""
        return len(self.requests) or len(self.connections)

    def attempts_by(self, method: str) -> int:
        """Return the number of requests with this method."""
        return sum(request.method == method for request in self.requests)

    def is_known_by_key(self, method: str) -> bool:
        """Return True if one Idempotency-Key makes all requests with this method one to the server."""
        keys = {each.idempotency_key for each in self.requests if each.method == method}
        return len(keys) == 1 and None not in keys

    @property
    def answers(self) -> tuple[Answer, ...]:
        return self.visit.answers

    @property
    def is_capped(self) -> bool:
        """True if the client still ran at the cap."""
        return self.visit.stopped is Stopped.CAP

    def sent_to(self, number: int) -> SentAnswer:
        """Return the response that answers the call of this number, as far as it was sent."""
        if not self.requests:
            octets = self.connections[-1].answer if self.connections else b""
            return read_sent(octets, "GET", is_ended=self._ended(-1))
        at = 0 if number == 0 and len(self.calls) > 1 else -1
        request = self.requests[at]
        is_ended = request.connection.ended is Ending.FIN and self.slug not in _ENDS_WITHOUT_NOTICE
        return read_sent(
            request.answer or request.connection.answer, request.method, is_ended=is_ended
        )

    @property
    def wire(self) -> bytes:
        """The first octets of the last answer."""
        if self.requests:
            request = self.requests[-1]
            return request.connection.answer or request.answer
        return self.connections[-1].answer if self.connections else b""

    def _ended(self, at: int) -> bool:
        return bool(self.connections) and self.connections[at].ended is Ending.FIN
