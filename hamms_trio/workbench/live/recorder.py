"""The recorder of every answer: into the history, the event log and the trends.

The server enters each answer into its account, which passes the entries on in batches. An entry has no content, so
that routes keep the content of a request and of its answer with `AnswerRecorder.keep` until the batch comes.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import msgspec

from hamms_trio.http import GivenAway, Request, Response, Service
from hamms_trio.http.accounting.access_log import ENGINE
from hamms_trio.http.accounting.account import UnloggedAnswer
from hamms_trio.recording.store import HistoryRow, Store
from hamms_trio.wire import RequestHead
from hamms_trio.workbench.accounts.roles import PROTECTED
from hamms_trio.workbench.history.record import RecordedExchange
from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.live.trends import Trends

# Requests that would fill the history with themselves.
UNRECORDED = frozenset(("/_metrics", "/metrics", "/api/playground/state"))
UNRECORDED_PREFIXES = ("/static/", "/playground/", "/_hamms/")
UNNARRATED_PREFIX = "/api/events/"  # reading events is never an event
PAGE_FIELD = "x-hamms-page"  # of the page's own requests, which a browser also marks as same-origin
# Octets of contents that wait for their batch; beyond them the batch is written at once.
OPEN_EXCHANGE_OCTETS = 4 * 1024 * 1024
INTERNAL = ("internal", 0)  # the client of a request that the workbench makes itself

_Key = tuple[bytes, tuple[str, int]]
_Kept = tuple[bytes, Response]


class Completed(msgspec.Struct, gc=False):
    """The payload of the event ``request.completed``."""

    bytes_in: int
    bytes_out: int
    connection_reused: bool
    engine: str
    latency_ms: float
    method: str
    path: str
    route_key: str
    status: int


class AnswerRecorder:
    """The observer of one server's account.

    Args:
        history: False to keep no history, since nobody can read it.
        live_events: False to publish no events.
    """

    def __init__(
        self,
        service: Service,
        store: Store,
        events: EventLog,
        trends: Trends,
        *,
        history: bool = True,
        live_events: bool = True,
    ) -> None:
        self._service = service
        self._store = store
        self._events = events
        self._trends = trends
        self._has_history = history
        self._has_events = live_events
        self._kept: OrderedDict[_Key, deque[_Kept]] = OrderedDict()
        self._octets = 0

    def keep(self, request: Request, content: bytes, response: Response) -> None:
        """Keep the contents of an exchange until it is recorded."""
        if request.client is INTERNAL or not self._has_history:
            return
        key = request.id, request.client
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = deque()
        kept.append((content, response))
        self._octets += len(content) + len(response.content)
        if self._octets > OPEN_EXCHANGE_OCTETS:
            self._service.account.settle()
            while self._octets > OPEN_EXCHANGE_OCTETS:  # contents of exchanges that have not ended
                self._forget_oldest()

    def replace(self, request: Request, content: bytes, response: Response) -> None:
        """Replace the response that the request's route has kept."""
        if request.client is not INTERNAL:
            self._take(request.id, request.client)
            self.keep(request, content, response)

    def write(self, entries: list[UnloggedAnswer]) -> None:
        """Record a batch of answers."""
        if self._has_history or self._has_events:
            offset = self._service.wall_clock_offset()
            for entry in entries:
                self._record(entry, offset)

    def count(self, route_key: str, status: int, counts: list[int], ended: float) -> None:
        """Count answers, by latency, for the trends."""
        at = ended + self._service.wall_clock_offset()
        self._trends.note(route_key, status, counts, at)

    def _record(self, entry: UnloggedAnswer, offset: float) -> None:
        match, client, request_id = entry[2], entry[-3], entry[-1]
        content, response = self._take(request_id, client.client) if self._kept else (b"", None)
        head = match.head
        path = head.path
        if path in UNRECORDED or path.startswith(UNRECORDED_PREFIXES) or is_of_page(head):
            return
        if self._has_history:
            response = response or match.route.fixed
            self._store.note_request(PendingExchange(entry, content, response, offset))
        if self._has_events and not path.startswith(UNNARRATED_PREFIX):
            self._publish(entry, offset)

    def _take(self, request_id: bytes, client: tuple[str, int]) -> tuple[bytes, Response | None]:
        key = request_id, client
        kept = self._kept.get(key)
        if not kept:
            return b"", None
        content, response = kept.popleft()
        if not kept:
            del self._kept[key]
        self._octets -= len(content) + len(response.content)
        return content, response

    def _forget_oldest(self) -> None:
        _, kept = self._kept.popitem(last=False)
        self._octets -= sum(len(content) + len(response.content) for content, response in kept)

    def _publish(self, entry: UnloggedAnswer, offset: float) -> None:
        begun, ended, match, status, octets_in, octets_out, _, number, request_id = entry
        head = match.head
        payload = Completed(
            octets_in,
            octets_out,
            number > 1,
            ENGINE,
            int((ended - begun) * 1_000_000) / 1000,
            head.method,
            head.path,
            match.route.key,
            status,
        )
        self._events.publish("request.completed", payload, request_id.decode(), at=ended + offset)


def is_of_page(head: RequestHead) -> bool:
    """Return True if the page made the request for itself."""
    return head.page_mark is not None and head.get("sec-fetch-site") == "same-origin"


class PendingExchange:
    """An exchange that the store's thread renders, if the history keeps it."""

    __slots__ = ("_content", "_entry", "_offset", "_response")

    def __init__(
        self, entry: UnloggedAnswer, content: bytes, response: Response | None, offset: float
    ) -> None:
        self._entry = entry
        self._content = content
        self._response = response
        self._offset = offset

    def row(self) -> HistoryRow:
        """Render the exchange."""
        begun, ended, match, status, octets_in, octets_out, _, _, request_id = self._entry
        head, response = match.head, self._response
        return RecordedExchange(
            request_id=request_id.decode(),
            method=head.method,
            target=head.target,
            status=status,
            at_ms=int((ended + self._offset) * 1000),
            latency=ended - begun,
            octets_in=octets_in,
            octets_out=octets_out,
            fields=head.fields if head.octets.endswith(b"\r\n\r\n") else (),
            body=self._content,
            http_version=f"HTTP/1.{head.minor_version}",
            answer_fields=response.sent_fields if response is not None else (),
            answer_body=_recorded_body(head.path, response),
            failure_mode=_failure_mode(head.path, response),
        ).row()


def _recorded_body(path: str, response: Response | None) -> bytes | None:
    """Return the content of an answer, or None if no record of it is kept."""
    if path.startswith(PROTECTED) or path == "/openapi.json":
        return None  # an API answer contains records: each one would be larger than the last
    if response is None or not response.is_ours or not isinstance(response.body, bytes):
        return None
    return response.content


def _failure_mode(path: str, response: Response | None) -> str:
    """Return the failure mode that answered, as the mock or the path names it; "" for none."""
    if not isinstance(response, GivenAway):
        return ""
    return (
        path.removeprefix(response.to).partition("/")[0]
        if path.startswith(response.to)
        else response.to
    )
