"""The universal door: every failure mode that acts on requests, on one port, and the control API.

The door also accepts TLS, where SNI can choose a mode of TLS.

The first of these that a request has chooses its mode:

1. a path beneath ``/_hamms/``: the control API;
2. the proxy form, absolute target or CONNECT: ``SLUG.hamms``;
3. the Host field, then SNI: ``SLUG.hamms.localhost``;
4. the field ``X-Hamms-Mode: SLUG?parameter=value``;
5. the path: ``/mode/SLUG/ANYTHING``, or ``/m/`` for short;
6. a fault that was armed for it.

All other requests get a healthy canary, and ``GET /`` gets the list of the modes.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

from hamms_trio.lab.armed.armed_door import meets_unasked
from hamms_trio.lab.armed.arming import Arming
from hamms_trio.lab.doors import Doors
from hamms_trio.lab.secure.sni import play_by_sni
from hamms_trio.lab.shared.control import API_PREFIX, Api, encounter_with
from hamms_trio.lab.shared.labels import MODE_PREFIX, MODE_PREFIXES, Labels
from hamms_trio.lab.shared.listing import list_modes
from hamms_trio.lab.shared.proxy import is_for_proxy, label_of, proxied
from hamms_trio.modes.drivers import HTTP1
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import OPEN
from hamms_trio.wire import RequestHead, scan_for

PATH_DOOR = "path"
BESIDE_DOOR = "workbench-modes"  # the same door, at paths of the workbench's port
PATH_OFFSET = 99
_LISTINGS = {"/", "", *MODE_PREFIXES, *(prefix[:-1] for prefix in MODE_PREFIXES)}
_HOST_MARK = ".hamms"
_MODE_FIELD_MARK = b"\nx-hamms-mode:"
_MODE_FIELD = scan_for("x-hamms-mode")


class UniversalDoor:
    """The door where each request chooses its failure mode.

    Args:
        labels: the modes by label.
        arming: the faults for requests that choose none.
        api: the control API, if there is one.
        name: the door's name in the ledger.
    """

    slug = ""
    offset = PATH_OFFSET
    listens = True
    port_kind = OPEN
    summary = f"Every mode that acts on requests, at {MODE_PREFIX}SLUG/ANYTHING."

    def __init__(
        self,
        doors: Doors,
        labels: Labels,
        arming: Arming,
        api: Api | None = None,
        *,
        name: str = PATH_DOOR,
    ) -> None:
        self.name = name
        self._labels = labels
        self._arming = arming
        listing = partial(list_modes, modes=doors.served.values())
        self._listing = Encounter(name, listing, {}, decides=True)
        self._control = None if api is None else encounter_with(api)

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends, in plain HTTP or over TLS."""
        return self._play(peer)

    def play_over_tls(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection over TLS; SNI may choose the mode (see `lab.secure.sni`)."""
        return play_by_sni(peer, self._labels, self._choose_by_sni)

    async def _play(self, peer: Peer) -> None:
        if await peer.tls.is_spoken():
            await self.play_over_tls(peer)
        else:
            await HTTP1.drive(peer, self._choose)

    def _choose_by_sni(self, server_name: str | None, request: RequestHead | None) -> Encounter:
        assert request is not None  # http1 asks about requests
        label = label_of(server_name or "")
        return self.choose_mode(request, label) or self._choose_rest(request, server_name)

    def _choose(self, request: RequestHead | None) -> Encounter:
        """Return the encounter that the request asks for.

        Raises:
            NoSuchMode: the request names no mode that is served.
            NeedsPort: the mode does not act on requests.
            ParameterError: an argument can't be used.
            NotOurs: the request is for another host.
        """
        assert request is not None  # http1 asks about requests
        return self.choose_mode(request) or self._choose_rest(request)

    def choose_mode(
        self, request: RequestHead, label_of_sni: str | None = None
    ) -> Encounter | None:
        """Return the encounter of a request that names a mode or the control API; None if it names neither."""
        path = request.path
        if path.startswith(API_PREFIX) and self._control is not None:
            return self._control
        if request.target[0] != "/" and is_for_proxy(request):
            return proxied(request, self._labels)
        host = request.host
        if host is not None and _HOST_MARK in host.lower() and (label := label_of(host)):
            return self._labels.resolver(label)(request)
        if label_of_sni is not None:
            return self._labels.resolver(label_of_sni)(request)
        if _MODE_FIELD_MARK in request.octets.lower():
            selected = request.combined(_MODE_FIELD).get("x-hamms-mode")
            if selected is not None:
                return self._labels.selected(selected)(request)
        return self._labels.by_path(request)

    def _choose_rest(self, request: RequestHead, server_name: str | None = None) -> Encounter:
        if request.path in _LISTINGS and request.method in ("GET", "HEAD"):
            return self._listing
        return meets_unasked(self._arming, request, server_name)
