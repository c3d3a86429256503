"""Addresses: the place where each failure mode of one server is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from hamms_trio.errors import ParameterError, UnknownMode
from hamms_trio.lab.doors import Door, Doors
from hamms_trio.lab.shared.labels import PREFIX
from hamms_trio.lab.shared.universal import NAME as PATH_DOOR
from hamms_trio.net.listening.port_kind import Reach
from hamms_trio.recording.names import check_parameters

_ANY = {
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
    "": "localhost",
}  # where a client finds "every address"
_LOOPBACK = ("127.0.0.1", "::1")


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
        """Host and port of a door, by its name, or by the slug or an alias of its failure mode.

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

    def url(self, name: str, /, path: str = "/", **parameters: object) -> str:
        """Return the URL of a failure mode, from ``path`` with its query and fragment and the parameters.

        A mode that has no port of its own is found through the path door.

        Raises:
            UnknownMode: there is no such mode, or it is not served, or it needs a port and has none.
            ParameterError: the mode has no such parameter, or does not take this value.
        """
        if name in self.ports and name not in self._doors:  # a shared door
            check_parameters(name, parameters, ())
            return self._url(name, path, {})
        door = self._doors.find_served(name)
        if door.name in self.ports:
            return url_of(door, *self.address(door.name), path, parameters)
        if reason := door.mode.needs_port:
            raise UnknownMode(f"{name} needs a port of its own ({reason}): open() gives it one")
        door.mode.checked(parameters)
        _exempt_names_of(path, door)
        return self._url(PATH_DOOR, f"{PREFIX}{name}{_absolute(path)}", parameters)

    def _url(self, name: str, path: str, parameters: Mapping[str, object]) -> str:
        return joined_url(*self.address(name), path, parameters)


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
        host = "localhost"  # the client has to choose between both
    return joined_url(host, port, path, parameters)


def joined_url(host: str, port: int, path: str, parameters: Mapping[str, object]) -> str:
    """Join host, port and ``path``, and append the parameters to the query of ``path``."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _, _, place, query, fragment = urlsplit(f"http://{authority}{_absolute(path)}")
    given = urlencode({name: str(value) for name, value in parameters.items()})
    joined = "&".join(filter(None, (query, given)))
    return urlunsplit(("http", authority, place, joined, fragment))


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _exempt_names_of(path: str, door: Door) -> None:
    """Let the names in this path's query pass, although one may look like a misspelt parameter."""
    names: Iterable[tuple[str, str]] = parse_qsl(urlsplit(path).query, keep_blank_values=True)
    for name, _ in names:
        door.exempt[door.mode.slug, name] = True
