"""Failure modes as answers of mocks: the mode takes over the connection for one exchange.

The connection ends after that exchange, because many modes leave a connection unusable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import trio

from hamms_trio.errors import ParameterError, RequestError, UnknownMode
from hamms_trio.lab.connection import ModeConnection
from hamms_trio.lab.doors import AnyDoor, Door, Doors
from hamms_trio.lab.host import Host
from hamms_trio.lab.script.document import transcript_of
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.modes import known_modes
from hamms_trio.modes.arguments import Resolver
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.accepted import Handover
from hamms_trio.net.listening.port_kind import OPEN
from hamms_trio.net.nursery import ungrouped
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording
from hamms_trio.workbench.scenarios.reach.modes import step_door


def _ignore(_connection: ModeConnection) -> None:
    """Do nothing."""


PLAYED_AT_ONCE = 1  # a mode that sends megabytes keeps a processor busy for some 50 ms
REMEMBERED_TRANSCRIPTS = 500  # transcripts


class Failures:
    """The failure modes that can answer in place of a mock, a target or a route.

    Args:
        host: plays on the connections.
        doors: finds the modes by name.
        recording: of the host.
        beside: the door that answers at the paths of modes and of the control API; None for no such paths.

    Attributes:
        doors, recording: see above.
    """

    def __init__(
        self, host: Host, doors: Doors, recording: Recording, *, beside: AnyDoor | None = None
    ) -> None:
        self.recording = recording
        self._beside = beside
        self._host = host
        self.doors = doors
        self._once: dict[str, OnceDoor] = {}
        self._labels = Labels(doors)
        self._transcripts: dict[str, bytes] = {}
        self._playing = trio.CapacityLimiter(PLAYED_AT_ONCE)

    async def transcript(self, label: str) -> bytes:
        """Return as JSON what crosses the wire when a client meets the mode of this label.

        Raises:
            NoSuchMode, ParameterError: see `Labels.door`.
        """
        known = self._transcripts.get(label)
        if known is None:
            played = await trio.to_thread.run_sync(
                transcript_of, self._labels, label, limiter=self._playing
            )
            known = msgspec.json.encode(played)
            if len(self._transcripts) >= REMEMBERED_TRANSCRIPTS:
                self._transcripts.clear()
            self._transcripts[label] = known
        return known

    def check(self, fail: str) -> None:
        """Refuse a failure mode that can't be an answer (see `once_door`)."""
        once_door(self.doors, fail)

    def check_chaos(self, fail: str) -> None:
        """Refuse a failure mode that no step can meet (see `step_door`)."""
        step_door(self.doors, fail)

    def owner(
        self, fail: str, on_adopted: Callable[[ModeConnection], None] = _ignore
    ) -> Callable[[Handover], None]:
        """Return the function that hands a connection to a failure mode.

        Args:
            on_adopted: called with that connection, once the mode plays on it.

        Raises:
            ValueError: the mode can't be an answer, such as one of a package that is not installed any more.
        """
        door = self._once.get(fail)
        if door is None:
            door = self._once[fail] = once_door(self.doors, fail)
        return partial(self._take, door, on_adopted)

    def beside(self) -> Callable[[Handover], None] | None:
        """Return the function that hands a connection to the lab's own paths; None if they are not served."""
        return None if self._beside is None else partial(self._take, self._beside, _ignore)

    def forget(self) -> None:
        """Clear the cached doors, because the mocks or targets have changed."""
        self._once.clear()

    def _take(
        self, door: AnyDoor, on_adopted: Callable[[ModeConnection], None], handover: Handover
    ) -> None:
        try:
            on_adopted(self._host.adopt(door, handover))
        except OSError:  # the kernel has no memory for one more registration
            handover.sock.close()
            handover.on_end()


def once_door(doors: Doors, fail: str) -> OnceDoor:
    """Find the failure mode that a mock names.

    Args:
        fail: a slug, or a slug with a query.

    Raises:
        ValueError: there is no such mode, it needs a port of its own, or an argument can't be used.
    """
    slug, _, query = fail.partition("?")
    try:
        door = doors.find(slug)
        if reason := door.mode.needs_port:
            raise ValueError(f"{slug} needs a port of its own: {reason}")
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
        return OnceDoor(door, door.mode.checked(dict(pairs)))
    except (UnknownMode, ParameterError) as error:
        raise ValueError(str(error)) from None


class OnceDoor:
    """A door whose failure mode answers one request that has arrived already."""

    offset = None
    listens = True
    port_kind = OPEN
    summary = "The answer of a mock."

    def __init__(self, door: Door, given: dict[str, Any]) -> None:
        self.name = door.name
        self.slug = door.slug
        self._resolver = Resolver(door.mode, {**door.given, **given})

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Answer once."""
        return self._play(peer)

    async def _play(self, peer: Peer) -> None:
        request = None
        try:
            request = await peer.http.receive_head()
            # Only the mock gives arguments; the query belongs to the client.
            encounter = self._resolver(None)
            if peer.meet(encounter, request):
                await encounter.act(peer, request, **encounter.arguments)
            else:
                await answer_healthily(peer, request)
        except RequestError as error:
            await peer.http.refuse(error, request)
        await peer.finish()


@asynccontextmanager
async def open_failures(*, seed: int) -> AsyncIterator[Failures]:
    """Host failure modes for a workbench without a lab, for the time of an ``async with`` block."""
    doors = Doors(known_modes())
    recording = Recording(Ledger(doors.names))
    host = Host([], Environment(seed=seed), recording)
    with ungrouped():
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
            yield Failures(host, doors, recording)
            nursery.cancel_scope.cancel()
