"""The ledger: when each client connected, what it sent, what was sent to it, and how it left.

The observers of connections call the ledger, which reduces their calls to records. The ledger is bounded: it evicts
the oldest closed connections and requests first, and the oldest bodies. Times are `time.monotonic` seconds.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from time import monotonic

import trio

from hamms_trio.net.observer import Ending as Ending
from hamms_trio.recording.names import Names
from hamms_trio.recording.records import (
    ANSWER_OCTETS,
    ConnectionRecord as ConnectionRecord,
    Meeting,
    RequestRecord as RequestRecord,
    Requests as Requests,
    extended,
)
from hamms_trio.wire import RequestHead
from hamms_trio.wire.masking import mask

logger = logging.getLogger(__name__)

MAX_CONNECTION_RECORDS = 10_000  # that have ended; those still open are always known
MAX_REQUEST_RECORDS = 10_000
MAX_KEPT_OCTETS = 32 * 1024 * 1024  # of the heads of all requests together, and of their bodies
MAX_FIRED = 10_000  # pairs of a mode and a key
WAIT_SECONDS = 5.0


class Ledger:
    """The ledger of one running server. Read it on the server's own trio thread.

    Attributes:
        answer_octets: how many octets of each answer are kept.
    """

    answer_octets = ANSWER_OCTETS

    def __init__(self, names: Names) -> None:
        self._names = names
        self._open: dict[int, ConnectionRecord] = {}
        self._closed: deque[ConnectionRecord] = deque(maxlen=MAX_CONNECTION_RECORDS)
        self._requests: deque[RequestRecord] = deque()
        self._with_body: deque[RequestRecord] = deque()
        self._head_octets = 0
        self._body_octets = 0
        self._count = 0
        self._fired: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._waiting: set[trio.Event] = set()
        self.is_awaited = False  # True if anybody waits for a change
        self._logs = logger.isEnabledFor(logging.DEBUG)

    # Reading

    def connections(self, name: str | None = None) -> list[ConnectionRecord]:
        """Return the connections of one failure mode or door, or of all, in order of arrival.

        Raises:
            UnknownMode: no mode or door has this name.
        """
        known = [*self._closed, *self._open.values()]
        known.sort(key=lambda record: record.number)
        return list(filter(self._of(name), known))

    def open_connections(self, name: str | None = None) -> list[ConnectionRecord]:
        """Return the connections that neither the client has left nor the server has closed.

        Raises:
            UnknownMode: no mode or door has this name.
        """
        belongs = self._of(name)
        return [r for r in self._open.values() if r.left is None and belongs(r)]

    def requests(self, name: str | None = None, /, **parameters: object) -> Requests:
        """Return the requests to one failure mode or door, or to all, that had these parameters.

        Raises:
            UnknownMode: no mode or door has this name.
            ParameterError: the mode has no such parameter.
        """
        if name is not None:
            self._names.check_parameters(name, parameters)
        belongs = self._of(name)
        wanted = parameters.items()
        return Requests(r for r in self._requests if belongs(r) and wanted <= r.arguments.items())

    def fired(self, name: str, *, key: str | None = None) -> bool:
        """Return True if the failure mode's fault has struck, for this ``key`` or any.

        Raises:
            UnknownMode: no mode has this name.
        """
        slug = self._names.slug(name) or self._names.doors[name]
        return any(s == slug and key in (None, k) for s, k in self._fired)

    def open_connection(self, number: int) -> ConnectionRecord | None:
        """Return the connection with this number; None if it is closed, or was not entered."""
        return self._open.get(number)

    def of_nonce(self, nonce: str) -> tuple[list[ConnectionRecord], Requests]:
        """Return the requests with this nonce, and the connections that carried them or have it themselves."""
        requests = Requests(record for record in self._requests if record.nonce == nonce)
        carried = {record.connection.number for record in requests}
        known = self.connections()
        return [r for r in known if r.number in carried or r.nonce == nonce], requests

    async def wait_until(
        self, condition: Callable[[Ledger], bool], *, timeout: float = WAIT_SECONDS
    ) -> None:
        """Wait until ``condition`` holds of this ledger; it is called again after each change.

        Raises:
            TimeoutError: ``condition`` was false for ``timeout`` seconds; the message lists the records.
        """
        with trio.move_on_after(timeout):
            while not condition(self):
                await self._changes()
            return
        if not condition(self):
            known = "\n".join(map(repr, [*self.connections(), *self.requests()])) or "nothing"
            raise TimeoutError(
                f"the condition was false for {timeout:g} seconds; the ledger has:\n{known}"
            )

    def forget(self, nonce: str) -> None:
        """Forget the requests with this nonce, and the connections that ended and carried nothing else."""
        connections, requests = self.of_nonce(nonce)
        gone = set(map(id, requests))
        self._requests = deque(record for record in self._requests if id(record) not in gone)
        self._with_body = deque(record for record in self._with_body if id(record) not in gone)
        self._head_octets -= sum(len(record.head.octets) for record in requests)
        self._body_octets -= sum(len(record.body) for record in requests)
        numbers = {record.number for record in connections}
        numbers -= {record.connection.number for record in self._requests}
        kept = (record for record in self._closed if record.number not in numbers)
        self._closed = deque(kept, maxlen=MAX_CONNECTION_RECORDS)
        for record in connections:  # those that are still open
            if record.nonce == nonce:
                record.nonce, record.struck = None, False

    def clear(self) -> None:
        """Remove everything except connections that are still open."""
        self._closed.clear()
        self._requests.clear()
        self._with_body.clear()
        self._fired.clear()
        self._head_octets = self._body_octets = 0

    def _of(self, name: str | None) -> Callable[[ConnectionRecord | RequestRecord], bool]:
        """Return a filter for the records of a mode, through any door, or of one door."""
        if name is None:
            return lambda record: True
        slug = self._names.slug(name)
        if slug is not None:
            return lambda record: record.slug == slug
        return lambda record: _connection_of(record).door == name

    async def _changes(self) -> None:
        changed = trio.Event()
        self._waiting.add(changed)
        self.is_awaited = True
        try:
            await changed.wait()
        finally:
            self._waiting.discard(changed)
            self.is_awaited = bool(self._waiting)

    # Reducing: the recorder's calls

    def new_number(self) -> int:
        """Return the number of one more connection, here or at a server that shares the numbers."""
        self._count = number = self._count + 1
        return number

    def open(
        self, door: str, slug: str, client: tuple[str, int], number: int | None = None
    ) -> ConnectionRecord:
        """Enter an accepted connection, which may have a number already."""
        number = number or self.new_number()
        record = self._open[number] = ConnectionRecord(number, door, slug, client)
        if self._logs:
            _log(record, "connected", client=f"{client[0]}:{client[1]}")
        if self.is_awaited:
            self.changed()
        return record

    def add_request(
        self, connection: ConnectionRecord, head: RequestHead, meeting: Meeting
    ) -> RequestRecord:
        """Enter a request whose head is complete."""
        record = RequestRecord(connection, head, meeting)
        requests = self._requests
        requests.append(record)
        if self._logs:
            _log(connection, "request", method=head.method, target=mask(head.target))
        self._head_octets += len(head.octets)
        while len(requests) > MAX_REQUEST_RECORDS or self._head_octets > MAX_KEPT_OCTETS:
            self._head_octets -= len(requests.popleft().head.octets)
        if self.is_awaited:
            self.changed()
        return record

    def add_body(self, record: RequestRecord, data: bytes) -> None:
        """Enter some of a request's content; the oldest bodies make room for it."""
        if not record.body_octets:
            self._with_body.append(record)
        self._body_octets += record.note_body(data)
        while self._body_octets > MAX_KEPT_OCTETS or len(self._with_body) > MAX_REQUEST_RECORDS:
            oldest = self._with_body.popleft()
            self._body_octets -= len(oldest.body)
            oldest.body = b""

    def add_sent(
        self,
        connection: ConnectionRecord,
        request: RequestRecord | None,
        data: bytes | memoryview,
        octets: int,
    ) -> None:
        """Enter that the kernel took the first ``octets`` of ``data``."""
        connection.octets_sent += octets
        self._add_answer(connection, request, data, octets)

    def add_content(
        self,
        connection: ConnectionRecord,
        request: RequestRecord | None,
        data: bytes | memoryview,
    ) -> None:
        """Enter content that was sent within TLS, whose records are counted by themselves."""
        self._add_answer(connection, request, data, len(data))

    def _add_answer(
        self,
        connection: ConnectionRecord,
        request: RequestRecord | None,
        data: bytes | memoryview,
        octets: int,
    ) -> None:
        if request is None:
            connection.answer = extended(connection.answer, data, octets, self.answer_octets)
        else:
            request.octets_sent += octets
            if not request.answer and octets == len(data) <= ANSWER_OCTETS:
                request.answer = bytes(data)
            else:
                request.answer = extended(request.answer, data, octets, self.answer_octets)
        if self.is_awaited:
            self.changed()

    def add_strike(self, request: RequestRecord | None, slug: str, key: str) -> None:
        """Enter that a fault was played."""
        if request is not None:
            request.struck = True
        if (slug, key) not in self._fired:
            self._fired[slug, key] = None
            if len(self._fired) > MAX_FIRED:
                self._fired.popitem(last=False)
        if self.is_awaited:
            self.changed()

    def leave(self, record: ConnectionRecord, how: Ending) -> None:
        """Enter how the client left."""
        record.left = how
        record.left_after = monotonic() - record.opened
        self.changed()

    def close(self, record: ConnectionRecord) -> None:
        """Note that the server has closed the connection's socket."""
        if self._open.pop(record.number, None) is not None:
            record.closed = True
            if record.ended is None:
                record.ended = Ending.FIN
            self._closed.append(record)
            if self._logs:
                _log_closed(record)
            if self.is_awaited:
                self.changed()

    def changed(self) -> None:
        """Wake the tasks in `wait_until`."""
        for event in self._waiting:
            event.set()


def _connection_of(record: ConnectionRecord | RequestRecord) -> ConnectionRecord:
    return record.connection if isinstance(record, RequestRecord) else record


def _log(record: ConnectionRecord, event: str, **fields: object) -> None:
    """Write one log line; the fields are in the record as well, for programs."""
    where: Mapping[str, object] = {"connection": record.number, "mode": record.slug or record.door}
    fields = {**where, "event": event, **fields}
    line = " ".join(f"{name}={value}" for name, value in fields.items())
    logger.debug("%s", line, extra={"fields": fields})


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
