"""What each client did: when it connected, what it sent, what it was answered, and how it left.

The account is bounded: it forgets the oldest closed connections and requests first. Times are
`time.monotonic` seconds.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Mapping
from itertools import pairwise
from time import monotonic

import trio

from hamms_trio.errors import RequestError
from hamms_trio.modes import FailureMode
from hamms_trio.net.observer import Ending as Ending
from hamms_trio.wire import RequestHead, is_interim

logger = logging.getLogger(__name__)

ANSWER_OCTETS = 256  # of each answer that are kept
MAX_CONNECTIONS = 10_000  # that have ended; those still open are always known
MAX_REQUESTS = 10_000
MAX_KEPT_OCTETS = 32 * 1024 * 1024  # of the heads of all requests together

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")


class ConnectionRecord:
    """One connection. It fills in while the connection lives.

    Attributes:
        slug: the failure mode it met.
        client: the client's address and port.
        opened: when it was accepted.
        octets_received, octets_sent: by the server.
        answer: the first octets that were sent outside of any request.
        left: how the client left, or None while it is still there.
        left_after: seconds from ``opened`` until it left, or None.
        ended: how the server ended it, or None.
    """

    __slots__ = (
        "_ledger",
        "answer",
        "client",
        "ended",
        "left",
        "left_after",
        "number",
        "octets_received",
        "octets_sent",
        "opened",
        "request",
        "slug",
    )

    def __init__(self, ledger: Ledger, number: int, slug: str, client: tuple[str, int]) -> None:
        self._ledger = ledger
        self.number = number
        self.slug = slug
        self.client = client
        self.opened = monotonic()
        self.octets_received = 0
        self.octets_sent = 0
        self.answer = b""
        self.left: Ending | None = None
        self.left_after: float | None = None
        self.ended: Ending | None = None
        self.request: RequestRecord | None = None

    def received(self, octets: int) -> None:
        """Enter that so many octets came from the client."""
        self.octets_received += octets

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        """Enter that the first ``octets`` of ``data`` were handed to the kernel."""
        self.octets_sent += octets
        account = self.request
        if account is None:
            self.answer = _extended(self.answer, data, octets)
        else:
            account.octets_sent += octets
            if not account.answer and octets == len(data) <= ANSWER_OCTETS:
                account.answer = bytes(data)
            else:
                account.answer = _extended(account.answer, data, octets)
        if self._ledger.is_awaited:
            self._ledger.changed()

    def note_request(self, head: RequestHead) -> None:
        self.request = RequestRecord(self, head)
        self._ledger.add_request(self.request)

    def note_body(self, octets: int) -> None:
        """Enter that so many octets of the last request's content were read."""
        if self.request is not None:
            self.request.body_octets += octets

    def note_left(self, how: Ending) -> None:
        if self.left is None:
            self.left = how
            self.left_after = monotonic() - self.opened
            self._ledger.changed()

    def note_ended(self, how: Ending) -> None:
        """Enter how the server ended it; the first entry stays."""
        if self.ended is None:
            self.ended = how

    def closed(self) -> None:
        """Enter that nothing more will come of this connection."""
        self._ledger.close(self)

    def __repr__(self) -> str:
        left = self.left.value if self.left else "still there"
        return (
            f"<ConnectionRecord {self.number} {self.slug} from {self.client[0]}:{self.client[1]}, "
            f"{self.octets_received} octets in, {self.octets_sent} out, client {left}>"
        )


class RequestRecord:
    """One request, whether the failure mode looked at it or not.

    Attributes:
        connection: the connection it came on.
        head: its method, target and header section (`hamms_trio.wire.RequestHead`).
        at: when its head was complete.
        body_octets: of its body's content, as far as that was read.
        octets_sent: in answer.
        answer: the first octets of the answer.
    """

    __slots__ = ("answer", "at", "body_octets", "connection", "head", "octets_sent")

    def __init__(self, connection: ConnectionRecord, head: RequestHead) -> None:
        self.connection = connection
        self.head = head
        self.at = monotonic()
        self.body_octets = 0
        self.octets_sent = 0
        self.answer = b""

    @property
    def octets(self) -> int:
        """How many octets it had, as far as they were read."""
        return len(self.head.octets) + self.body_octets

    @property
    def slug(self) -> str:
        return self.connection.slug

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
        return f"<RequestRecord {self.slug} {self.method} {self.target} answered {self.status}>"


class Requests(list[RequestRecord]):
    """Requests in the order in which they came."""

    @property
    def spacing(self) -> list[float]:
        """Seconds between each request and the one before it."""
        return [later.at - sooner.at for sooner, later in pairwise(self)]


class Ledger:
    """The account of one running server. Read it on the server's own trio thread."""

    def __init__(self, modes: Mapping[str, FailureMode]) -> None:
        self._modes = modes
        self._open: dict[int, ConnectionRecord] = {}
        self._closed: deque[ConnectionRecord] = deque(maxlen=MAX_CONNECTIONS)
        self._requests: deque[RequestRecord] = deque()
        self._head_octets = 0
        self._count = 0
        self._waiting: set[trio.Event] = set()
        self.is_awaited = False  # whether anybody has to be told of changes
        self._logs = logger.isEnabledFor(logging.DEBUG)

    # Reading

    def connections(self, slug: str | None = None) -> list[ConnectionRecord]:
        """The connections, of one failure mode or of all, in the order in which they came."""
        known = [*self._closed, *self._open.values()]
        known.sort(key=lambda record: record.number)
        return [record for record in known if slug in (None, record.slug)]

    def open_connections(self, slug: str | None = None) -> list[ConnectionRecord]:
        """Those that the server has not closed yet."""
        return [record for record in self._open.values() if slug in (None, record.slug)]

    def requests(self, slug: str | None = None, /, **parameters: object) -> Requests:
        """The requests to one failure mode, or to all, with these parameters, given or by default."""
        return Requests(
            record
            for record in self._requests
            if slug in (None, record.slug) and self._has(record, parameters)
        )

    async def wait_until(self, condition: Callable[[Ledger], bool]) -> None:
        """Wait until ``condition`` holds of this ledger; it is asked again after each change."""
        while not condition(self):
            changed = trio.Event()
            self._waiting.add(changed)
            self.is_awaited = True
            try:
                await changed.wait()
            finally:
                self._waiting.discard(changed)
                self.is_awaited = bool(self._waiting)

    def clear(self) -> None:
        """Forget everything but the connections that are still open."""
        self._closed.clear()
        self._requests.clear()
        self._head_octets = 0

    def _has(self, record: RequestRecord, parameters: dict[str, object]) -> bool:
        if not parameters:
            return True
        mode = self._modes.get(record.slug)
        try:
            arguments = mode.arguments_of(record.head) if mode else {}
        except RequestError:
            return False
        return all(
            name in arguments and arguments[name] == value for name, value in parameters.items()
        )

    # Writing

    def open(self, slug: str, client: tuple[str, int]) -> ConnectionRecord:
        self._count = number = self._count + 1
        record = self._open[number] = ConnectionRecord(self, number, slug, client)
        if self._logs:
            _log(record, "connected", client=f"{client[0]}:{client[1]}")
        if self.is_awaited:
            self.changed()
        return record

    def close(self, record: ConnectionRecord) -> None:
        if self._open.pop(record.number, None) is not None:
            record.request = None  # which refers to the record in turn
            self._closed.append(record)
            if self._logs:
                _log_closed(record)
            if self.is_awaited:
                self.changed()

    def add_request(self, record: RequestRecord) -> None:
        requests = self._requests
        requests.append(record)
        if self._logs:
            _log(record.connection, "request", method=record.method, target=record.target)
        self._head_octets += len(record.head.octets)
        while len(requests) > MAX_REQUESTS or self._head_octets > MAX_KEPT_OCTETS:
            self._head_octets -= len(requests.popleft().head.octets)
        if self.is_awaited:
            self.changed()

    def changed(self) -> None:
        """Let those who wait look again."""
        for event in self._waiting:
            event.set()


def _extended(answer: bytes, data: bytes | memoryview, octets: int) -> bytes:
    """The first octets of an answer, after so many more of ``data`` were sent."""
    if not answer:
        return bytes(data[: min(octets, ANSWER_OCTETS)])
    missing = ANSWER_OCTETS - len(answer)
    return answer + data[: min(octets, missing)] if missing > 0 else answer


def _log(record: ConnectionRecord, event: str, **fields: object) -> None:
    """One line for people; for programs the same in fields."""
    fields = {"connection": record.number, "mode": record.slug, "event": event, **fields}
    told = " ".join(f"{name}={value}" for name, value in fields.items())
    logger.debug("%s", told, extra={"fields": fields})


def _log_closed(record: ConnectionRecord) -> None:
    _log(
        record,
        "closed",
        octets_received=record.octets_received,
        octets_sent=record.octets_sent,
        client=record.left.value if record.left else "still there",
        server=record.ended.value if record.ended else None,
        seconds=round(monotonic() - record.opened, 6),
    )
