"""Addresses: where clients find each failure mode of one server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from hamms_trio.errors import ParameterError, UnknownMode
from hamms_trio.lab.armed.armed_door import ARMED_DOOR
from hamms_trio.lab.doors import TWIN_PREFIX, Door, Doors
from hamms_trio.lab.secure.twins import SNI, secured
from hamms_trio.lab.shared.labels import MODE_PREFIX, label_for
from hamms_trio.lab.shared.proxy import ZONE
from hamms_trio.lab.shared.universal import PATH_DOOR
from hamms_trio.modes.drivers import Tls
from hamms_trio.modes.elsewhere import OTHER_DOOR
from hamms_trio.net.listening.port_kind import Reach
from hamms_trio.recording.names import check_parameters

_ANY = {
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
    "": "localhost",
}  # where a client finds "every address"
_LOOPBACK = ("127.0.0.1", "::1")
SPEAK_BOTH = (
    PATH_DOOR,
    ARMED_DOOR,
    OTHER_DOOR,
)  # shared doors that detect TLS by a client's first octet


class Addresses:
    """The places where the failure modes of one server are found.

    Attributes:
        ports: the port of each door, by its name.
    """

    def __init__(self, host: str, doors: Doors, ports: Mapping[str, int]) -> None:
        self.ports = dict(ports)
        self._host = client_host(host)
        self._doors = doors

    def address(self, name: str) -> tuple[str, int]:
        """Return host and port of a door, by its name, or by the slug or an alias of its failure mode.

        Raises:
            UnknownMode: there is no such mode, or it is not served, or it has no port of its own.
        """
        if name not in self.ports:
            name = self._doors.find_served(name).name
        if name not in self.ports:
            raise UnknownMode(
                f"{name} has no port of its own: url() finds it, or open() gives it one"
            )
        return self._host, self.ports[name]

    def url(
        self, name: str, /, path: str = "/", *, tls: object = False, **parameters: object
    ) -> str:
        """Return the URL of a failure mode: ``path``, with its own query and fragment, and the parameters.

        A mode without a port of its own is reached through the path door; the host of the URL names a mode of TLS
        that has arguments.

        Args:
            tls: true for https: at the door's twin if there is one, and otherwise through the path door.

        Raises:
            UnknownMode: there is no such mode, or it is not served, or it needs a port and has none.
            ParameterError: the mode has no such parameter, or does not take this value.
        """
        if name in self.ports and name not in self._doors:  # a shared door
            check_parameters(name, parameters, ())
            return self._url_of_shared(name, path, tls=bool(tls))
        door = self._doors.find_served(name)
        if isinstance(door.mode.driver, Tls):
            return self._url_of_tls(door, path, parameters)
        twin = TWIN_PREFIX + door.name
        if tls and twin in self.ports:
            secure = secured(door, twin)
            return url_of(secure, self._host, self.ports[twin], path, parameters)
        if door.name in self.ports and not tls:
            return url_of(door, *self.address(door.name), path, parameters)
        if door.mode.needs_port and tls and door.listens:
            return self._url_by_sni(door, path, parameters)
        if reason := door.mode.needs_port:
            raise UnknownMode(f"{name} needs a port of its own ({reason}): open() gives it one")
        door.mode.checked(parameters)
        _exempt_names_of(path, door)
        scheme = "https" if tls else door.scheme
        path = f"{MODE_PREFIX}{name}{_absolute(path)}"
        return joined_url(*self.address(PATH_DOOR), path, parameters, scheme)

    def _url_of_shared(self, name: str, path: str, *, tls: bool) -> str:
        if tls and TWIN_PREFIX + name in self.ports:
            name = TWIN_PREFIX + name
        elif tls and name not in (*SPEAK_BOTH, SNI):
            raise UnknownMode(f"{name} has no twin over TLS: start the server with tls=True")
        is_secure = tls or name == SNI or name.startswith(TWIN_PREFIX)
        return joined_url(*self.address(name), path, {}, "https" if is_secure else "http")

    def _url_of_tls(self, door: Door, path: str, parameters: Mapping[str, object]) -> str:
        if door.name in self.ports and not parameters:
            return url_of(door, *self.address(door.name), path, {})
        return self._url_by_sni(door, path, parameters)

    def _url_by_sni(self, door: Door, path: str, parameters: Mapping[str, object]) -> str:
        given = {**door.given, **door.mode.checked(parameters)}
        label = label_for(door.mode, given)
        port = self.ports.get(SNI, self.ports.get(PATH_DOOR, 0))
        return joined_url(f"{label}.{ZONE}", port, path, {}, "https")


def client_host(host: str) -> str:
    """Return the host by which a client finds a server that listens on ``host``."""
    return _ANY.get(host, host)


def url_of(door: Door, host: str, port: int, path: str, parameters: Mapping[str, object]) -> str:
    """Return the URL of a door that has a port.

    Raises:
        ParameterError: the mode has no such parameter, or does not take this value.
    """
    door.mode.checked(parameters)
    if parameters and door.mode.needs_port:
        names = ", ".join(parameters)
        raise ParameterError(
            f"{door.mode.slug} acts before a request has arrived, so a URL can't carry {names}: "
            f"open({door.mode.slug!r}, ...) gives a door with these arguments"
        )
    _exempt_names_of(path, door)
    if door.port_kind.reach is Reach.IPV4_ONLY and host in _LOOPBACK:
        host = "localhost"  # a name of both addresses, between which the client chooses
    return joined_url(host, port, path, parameters, door.scheme)


def joined_url(
    host: str, port: int, path: str, parameters: Mapping[str, object], scheme: str = "http"
) -> str:
    """Join host, port and ``path``, and append the parameters to the query of ``path``."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _, _, place, query, fragment = urlsplit(f"http://{authority}{_absolute(path)}")
    given = urlencode({name: str(value) for name, value in parameters.items()})
    joined = "&".join(filter(None, (query, given)))
    return urlunsplit((scheme, authority, place, joined, fragment))


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _exempt_names_of(path: str, door: Door) -> None:
    """Exempt the names in this path's query from the search for misspelt parameters."""
    names: Iterable[tuple[str, str]] = parse_qsl(urlsplit(path).query, keep_blank_values=True)
    for name, _ in names:
        door.exempt[door.mode.slug, name] = True
