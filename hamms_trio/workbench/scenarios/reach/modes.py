"""Failure modes as chaos: each step meets its mode at a port of its own, through a real client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, create_default_context
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import trio

from hamms_trio.errors import ParameterError, PortUnavailable, UnknownMode
from hamms_trio.lab.addresses import url_of
from hamms_trio.lab.doors import AnyDoor, Door, Doors
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import Listener, open_listeners
from hamms_trio.lab.shared.other_door import OtherDoor
from hamms_trio.modes.arguments import Resolver
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.model.parameters import Value
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.nursery import ungrouped
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording
from hamms_trio.workbench.scenarios.steps.sending import Loss, ResponseLost, SendStep

if TYPE_CHECKING:
    from hamms_trio.workbench.scenarios.reach.client import StepClient

LOOPBACK = "127.0.0.1"
_NO_CERTIFICATES = SSLContext(PROTOCOL_TLS_CLIENT)
_CLIENT = "hamms_trio.workbench.scenarios.reach.client"


@dataclass(frozen=True, eq=False)
class StepDoor(Door):
    """A door whose arguments come from the step; the query belongs to the request."""

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Play the mode on one connection until it ends."""
        resolver = Resolver(self.mode, self.given, exempt=self.exempt)
        return self.mode.driver.drive(peer, lambda _request: resolver(None))


def step_door(doors: Doors, fail: str) -> StepDoor:
    """Find the failure mode that a step names.

    Args:
        fail: a slug, or a slug with a query.

    Raises:
        ValueError: there is no such mode, or an argument can't be used.
    """
    slug, _, query = fail.partition("?")
    try:
        door = doors.find(slug)
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
        given: dict[str, Value] = {**door.given, **door.mode.checked(dict(pairs))}
    except (UnknownMode, ParameterError) as error:
        raise ValueError(str(error)) from None
    return StepDoor(door.name, door.mode, given, exempt=doors.exempt)


@asynccontextmanager
async def open_step_client(
    base_url: str, trust: SSLContext = _NO_CERTIFICATES
) -> AsyncIterator[StepClient]:
    """Open a client while the ``async with`` block runs; it trusts no certificate unless ``trust`` does."""
    # The import of httpx takes a tenth of a second, so it runs in a thread.
    client_module = await trio.to_thread.run_sync(import_module, _CLIENT)
    async with client_module.open_client(base_url, trust) as client:
        yield client


@asynccontextmanager
async def open_mode(doors: Doors, fail: str, seed: int) -> AsyncIterator[SendStep]:
    """Serve a failure mode with its own state, for one step, while the ``async with`` block runs.

    Raises:
        Lost: the mode is not there any more, or this system lacks the kind of port that it needs.
    """
    try:
        door = step_door(doors, fail)
        needed: list[AnyDoor] = [door, OtherDoor()] if door.mode.crosses else [door]
        listeners = open_listeners(needed, host=LOOPBACK)
    except (ValueError, PortUnavailable) as error:
        raise ResponseLost(Loss.UNREACHABLE, str(error)) from None
    is_secure = door.scheme == "https"
    # A host name, because a client sends no address in its ClientHello (RFC 6066 §3).
    base_url = url_of(
        door, "localhost" if is_secure else LOOPBACK, listeners[0].port, "", {}
    ).rstrip("/")
    environment = Environment(seed=seed)
    environment.ports = {listener.door.name: listener.port for listener in listeners}
    try:
        trust = (
            await trio.to_thread.run_sync(_trust, environment) if is_secure else _NO_CERTIFICATES
        )
        with ungrouped():
            async with trio.open_nursery() as nursery:
                await nursery.start(_host(listeners, doors, environment).run)
                async with open_step_client(base_url, trust) as client:
                    yield client.send
                nursery.cancel_scope.cancel()
    finally:
        for listener in listeners:
            listener.close()


def _trust(environment: Environment) -> SSLContext:
    """Return a context that trusts the mode's root; blocks, because the root may have to be made."""
    return create_default_context(cadata=environment.contexts.mint.authority.pem.decode())


def _host(listeners: list[Listener], doors: Doors, environment: Environment) -> Host:
    names = doors.names.with_doors(
        {listener.door.name: listener.door.slug or None for listener in listeners}
    )
    return Host(listeners, environment, Recording(Ledger(names)))
