"""The composition root: a running server, and what its users may ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import trio

from hamms_trio.errors import ParameterError, UnknownMode
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import Listener, open_listeners
from hamms_trio.modes import CATALOGUE, FailureMode
from hamms_trio.modes.environment import Lab, Limits
from hamms_trio.net.nursery import ungrouped
from hamms_trio.recording.ledger import Ledger

BEGINNING_PORT = 5500
SPEEDS = (0.001, 1_000_000)
_ANY = {
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
    "": "localhost",
}  # where a client finds "every address"


class Addresses:
    """Where each failure mode of one server is found.

    Attributes:
        ports: the port of each failure mode, by slug.
    """

    def __init__(self, host: str, ports: Mapping[str, int]) -> None:
        self._host = _ANY.get(host, host)
        self.ports = ports

    def address(self, slug: str) -> tuple[str, int]:
        """Host and port of a failure mode.

        Raises:
            UnknownMode: there is no such mode, or it is not served.
        """
        if slug not in self.ports:
            raise UnknownMode(_describe_unknown(slug, self.ports))
        return self._host, self.ports[slug]

    def url(self, slug: str, path: str = "/", /, **parameters: object) -> str:
        """The URL of a failure mode, its parameters in the query.

        Raises:
            UnknownMode: there is no such mode, or it is not served.
            ParameterError: the mode has no such parameter, or does not take this value.
        """
        host, port = self.address(slug)
        mode = CATALOGUE[slug]
        texts = {name: str(value) for name, value in parameters.items()}
        known = [parameter.name for parameter in mode.parameters]
        for name in texts:
            if name not in known:
                takes = ", ".join(known) or "none"
                raise ParameterError(f"{slug} has no parameter {name!r}; it takes {takes}")
        mode.arguments(texts)
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        path = path if path.startswith("/") else f"/{path}"
        query = f"?{urlencode(texts)}" if texts else ""
        return f"http://{authority}{path}{query}"


class Hamms(Addresses):
    """A running server, for code on the same trio loop.

    Attributes:
        ledger: what each client did.
    """

    def __init__(self, host: str, listeners: Iterable[Listener], running: Host, lab: Lab) -> None:
        super().__init__(host, {entry.mode.slug: entry.port for entry in listeners})
        self.ledger: Ledger = running.ledger
        self._running = running
        self._lab = lab

    def start_afresh(self) -> None:
        """Drop every connection and forget what the modes and the ledger remember; the ports stay."""
        self._running.drop_connections()
        self._lab.forget()
        self.ledger.clear()


async def serve(
    *,
    host: str = "127.0.0.1",
    beginning_port: int = BEGINNING_PORT,
    only: Iterable[str] = (),
    seed: int = 0,
    speed: float = 1.0,
    limits: Limits | None = None,
    task_status: trio.TaskStatus[Hamms] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve failure modes until cancelled, each on its own port; for ``nursery.start``.

    Args:
        host: an address of this machine, or a name; a name's every address is listened on.
        beginning_port: each mode listens on this plus its offset; with 0 on free ports.
        only: slugs of the modes to serve, instead of all.
        seed: decides every random choice.
        speed: how many seconds pass for a failure mode in one real second.
        limits: how long the modes that read HTTP wait for a client.
        task_status: receives a `Hamms` once every port accepts.

    Raises:
        PortUnavailable: a port can't be listened on; none is left open.
        UnknownMode: ``only`` names a mode that does not exist.
        ValueError: ``beginning_port`` or ``speed`` is out of range.
    """
    opened = open_hamms(
        host=host,
        beginning_port=beginning_port,
        only=only,
        seed=seed,
        speed=speed,
        limits=limits,
    )
    async with opened as hamms:
        task_status.started(hamms)
        await trio.sleep_forever()


@asynccontextmanager
async def open_hamms(
    *,
    host: str = "127.0.0.1",
    beginning_port: int = BEGINNING_PORT,
    only: Iterable[str] = (),
    seed: int = 0,
    speed: float = 1.0,
    limits: Limits | None = None,
) -> AsyncIterator[Hamms]:
    """Serve failure modes while the ``async with`` block runs (see `serve`)."""
    lab = Lab(seed=seed, speed=_checked_speed(speed), limits=limits)
    modes = select_modes(only)
    listeners = open_listeners(
        modes, host=host, beginning_port=_checked_port(beginning_port, modes)
    )
    try:
        with ungrouped():
            async with trio.open_nursery() as nursery:
                running = Host(listeners, lab, Ledger(CATALOGUE))
                await nursery.start(running.run)
                yield Hamms(host, listeners, running, lab)
                nursery.cancel_scope.cancel()
    finally:
        for listener in listeners:
            listener.close()


def select_modes(only: Iterable[str] = ()) -> list[FailureMode]:
    """The failure modes with these slugs, or all, in port order.

    Raises:
        UnknownMode: a slug that does not exist.
    """
    wanted = {only} if isinstance(only, str) else set(only)
    for slug in wanted - CATALOGUE.keys():
        raise UnknownMode(_describe_unknown(slug, CATALOGUE))
    return [mode for slug, mode in CATALOGUE.items() if not wanted or slug in wanted]


def _checked_port(beginning_port: int, modes: list[FailureMode]) -> int:
    if not isinstance(beginning_port, int):
        raise TypeError(f"beginning_port={beginning_port!r} can't be used: give an int")
    highest = 65535 - max(mode.offset for mode in modes)
    if not 0 <= beginning_port <= highest:
        raise ValueError(
            f"beginning_port={beginning_port} can't be used: give 0 for free ports, or 1 to {highest}"
        )
    return beginning_port


def _checked_speed(speed: float) -> float:
    slowest, fastest = SPEEDS
    if not slowest <= speed <= fastest:
        raise ValueError(f"speed={speed} can't be used: give a number from {slowest} to {fastest}")
    return speed


def _describe_unknown(slug: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    slugs = list(known)
    if slug in CATALOGUE:
        return f"the failure mode {slug!r} is not served here; served are {', '.join(slugs)}"
    close = get_close_matches(slug, slugs, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "hamms-trio modes lists them"
    return f"there is no failure mode {slug!r}: {hint}"
