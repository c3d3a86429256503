"""The translation of bus events into log events, which also name the door and the mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hamms_trio import events
from hamms_trio.http.accounting.publishing import WELL_BEHAVED
from hamms_trio.lab.shared.universal import BESIDE_DOOR
from hamms_trio.recording.ledger import Ledger
from hamms_trio.wire.masking import mask
from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.live.recorder import (
    PAGE_FIELD,
    UNNARRATED_PREFIX,
    UNRECORDED,
    UNRECORDED_PREFIXES,
)
from hamms_trio.workbench.live.redact import redact_fields, redact_query
from hamms_trio.workbench.live.selection import About
from hamms_trio.workbench.routing.documents import Document

MOST_JOINED = 1_000  # events in one batch; octets and pauses beyond the limit count as lost
MAX_SCENES = 100_000  # whose state is kept
_TYPES: dict[type, str] = {
    events.Opened: "connection.opened",
    events.HelloReceived: "connection.tls_hello",
    events.HandshakeDone: "connection.tls_done",
    events.HandshakeFailed: "connection.tls_failed",
    events.AlertReceived: "connection.tls_alert",
    events.Received: "connection.received",
    events.HeadReceived: "connection.request",
    events.BodyReceived: "connection.content",
    events.Met: "connection.met",
    events.Struck: "connection.struck",
    events.Played: "connection.played",
    events.Sent: "connection.sent",
    events.Slept: "connection.slept",
    events.Answered: "connection.answered",
    events.Left: "connection.left",
    events.Reset: "connection.reset",
    events.Ended: "connection.ended",
    events.Closed: "connection.closed",
}
# A stream has thousands of these, and each says nothing but an amount.
_AMOUNTS: dict[type, str] = {
    events.Received: "octets",
    events.BodyReceived: "octets",
    events.Sent: "octets",
    events.Slept: "seconds",
}
EVENTS_LOST = "connection.lost"
_OF_WORKBENCH = (WELL_BEHAVED, BESIDE_DOOR)  # doors at which the page's own connections come, too


@dataclass
class _Scene:
    """The known state of a connection.

    Attributes:
        held: the opening and the handshake of a well-behaved server's connection, until something
            happens that is worth showing.
        is_lent: True while a failure mode plays on a well-behaved server's connection.
        is_mute: True while the request is one of the page's own.
    """

    door: str
    mode: str = ""
    client: str = ""
    held: list[events.Event] = field(default_factory=list)
    is_lent: bool = False
    is_mute: bool = False

    @property
    def shows_octets(self) -> bool:
        """True unless the octets may belong to the event stream itself, where each event would cause another."""
        return self.is_lent or self.door != WELL_BEHAVED


class Narrator:
    """The writer of connection events into the log.

    Requests that the page makes for itself are left out, as in the history. A connection of the well-behaved server
    is shown once it has carried another request.

    Args:
        offset: the seconds from the clock of the events to the epoch.
    """

    def __init__(self, ledger: Ledger, log: EventLog, offset: float) -> None:
        self._ledger = ledger
        self._log = log
        self._offset = offset
        self._scenes: dict[int, _Scene] = {}
        self._by_type: dict[type, Callable[[Any, _Scene], bool]] = {
            events.Opened: self._on_opened,
            events.HelloReceived: self._on_handshake,
            events.HandshakeDone: self._on_handshake,
            events.AlertReceived: self._on_handshake,
            events.HandshakeFailed: self._on_handshake_failed,
            events.HeadReceived: self._on_head,
            events.Met: self._on_met,
            events.Answered: self._on_answered,
            events.Closed: self._on_closed,
        }

    def forget(self) -> None:
        """Drop the state of every connection, because nobody watches any more."""
        self._scenes.clear()

    def narrate(self, batch: Iterable[events.Event | events.Lost]) -> None:
        """Write a batch of events into the log."""
        joined, lost = join(batch)
        for event, times in joined:
            self._tell(event, times)
        if lost:
            self._log.publish(EVENTS_LOST, {"number": lost})

    def _tell(self, event: events.Event, times: int) -> None:
        """Write an event that stands for ``times`` of its kind, unless it is hidden."""
        scene = self._scenes.get(event.connection) or self._found(event)
        if scene is None:
            return
        kind = type(event)
        note = self._by_type.get(kind)
        if note is not None:
            shown = note(event, scene)
        else:
            is_fine = kind in _AMOUNTS and not scene.shows_octets
            shown = not (scene.held or scene.is_mute or is_fine)
        if shown:
            for held in scene.held:
                self._publish(held, scene, 1)
            scene.held.clear()
            self._publish(event, scene, times)

    def _on_opened(self, event: events.Opened, scene: _Scene) -> bool:
        known = event.connection in self._scenes
        if known:  # a failure mode plays on a connection that was shown, or is held
            scene.is_lent = True
            return False
        if event.door in _OF_WORKBENCH:
            scene.held.append(event)
        if len(self._scenes) < MAX_SCENES:
            self._scenes[event.connection] = scene
        return not scene.held

    def _on_handshake(self, event: events.Event, scene: _Scene) -> bool:
        if scene.held:
            scene.held.append(event)
        return not scene.held

    def _on_handshake_failed(self, event: events.HandshakeFailed, scene: _Scene) -> bool:
        return True

    def _on_head(self, event: events.HeadReceived, scene: _Scene) -> bool:
        scene.is_mute = is_of_page(event.fields)
        return not scene.is_mute

    def _on_met(self, event: events.Met, scene: _Scene) -> bool:
        scene.mode = event.mode
        return not scene.is_mute

    def _on_answered(self, event: events.Answered, scene: _Scene) -> bool:
        scene.is_lent = scene.is_mute = False
        path = event.target.partition("?")[0]
        is_silent = path in UNRECORDED or path.startswith((*UNRECORDED_PREFIXES, UNNARRATED_PREFIX))
        return not is_silent and not is_of_page(event.fields)

    def _on_closed(self, event: events.Closed, scene: _Scene) -> bool:
        self._scenes.pop(event.connection, None)
        return not scene.held

    def _found(self, event: events.Event) -> _Scene | None:
        """Return what is known of a connection that is new, or older than the first watcher."""
        if isinstance(event, events.Opened):
            return _Scene(event.door, client=_address(event.client))
        record = self._ledger.open_connection(event.connection)
        if record is None:
            return None
        scene = _Scene(record.door, record.slug, _address(record.client))
        if record.door in _OF_WORKBENCH:
            opened = events.Opened(record.number, record.opened, record.door, record.client)
            scene.held.append(opened)
        self._scenes[event.connection] = scene
        return scene

    def _publish(self, event: events.Event, scene: _Scene, times: int) -> None:
        at = event.at + self._offset
        payload: Document = {
            "connection": event.connection,
            "at": round(at, 6),
            "door": scene.door,
            "mode": scene.mode,
            "client": scene.client,
            **_details(event),
        }
        if times > 1:
            payload["times"] = times
        trace_id = event.request_id if isinstance(event, events.Answered) else ""
        about = About(event.connection, scene.door, scene.mode)
        self._log.publish(_TYPES[type(event)], payload, trace_id, about=about, at=at)


def join(
    batch: Iterable[events.Event | events.Lost],
) -> tuple[list[tuple[events.Event, int]], int]:
    """Merge the octets and pauses of each connection up to its next event of another kind.

    Returns:
        Events, each with the number of those that it stands for; and the number of those that are lost.
    """
    joined: list[tuple[events.Event, int]] = []
    places: dict[int, dict[type, int]] = {}  # of the last event of a kind, by connection
    lost = 0
    for event in batch:
        if isinstance(event, events.Lost):
            lost += event.number
            continue
        kind = type(event)
        amount = _AMOUNTS.get(kind)
        if amount is None:
            places.pop(event.connection, None)
            joined.append((event, 1))
            continue
        known = places.setdefault(event.connection, {})
        place = known.get(kind)
        if place is not None:
            first, times = joined[place]
            joined[place] = (_sum(first, event, amount), times + 1)
        elif len(joined) < MOST_JOINED:
            known[kind] = len(joined)
            joined.append((event, 1))
        else:
            lost += 1
    return joined, lost


def is_of_page(fields: Iterable[tuple[str, str]]) -> bool:
    """Return True if the fields show that the page made the request for itself."""
    given = {name.lower(): value for name, value in fields}
    return PAGE_FIELD in given and given.get("sec-fetch-site") == "same-origin"


def _address(client: tuple[str, int]) -> str:
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sum(one: events.Event, other: events.Event, amount: str) -> events.Event:
    total = getattr(one, amount) + getattr(other, amount)
    return type(one)(one.connection, one.at, total)  # type: ignore[call-arg] # those with one amount


def _details(event: events.Event) -> Document:
    """Return the members of a payload that only this kind of event has, without credentials."""
    members = msgspec.structs.asdict(event)
    for name in ("connection", "at", "door", "client"):
        members.pop(name, None)
    if "fields" in members:
        members["fields"] = redact_fields(members["fields"])
    if "target" in members:
        path, mark, query = str(members["target"]).partition("?")
        members["target"] = f"{mask(path)}{mark}{redact_query(query)}"
    return members
