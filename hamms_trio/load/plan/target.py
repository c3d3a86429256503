"""The target of a load, and whether the load may go there.

The name is looked up once. All its addresses are checked, and clients connect to an address that was checked,
so a name that means something else a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trio

from hamms_trio.errors import LoadError
from hamms_trio.wire.masking import mask

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[\w.~%!$&'()*+,;=:-]+", re.ASCII)
_ZONE = re.compile(r"%[^]]*(?=])")
_TARGET = re.compile(r"[\x21-\x7e]*")

# Family and address, in the form that `socket.connect` takes.
SocketAddress = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL in the parts that a client needs."""

    text: str  # for reports: secrets are masked
    scheme: str
    host: str
    port: int
    authority: str  # for the Host field
    target: str  # the request target, in origin form


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """A URL, the address that clients connect to, and the TLS context of an https URL."""

    url: Url
    address: SocketAddress
    tls: ssl.SSLContext | None = None


def parse_url(text: str) -> Url:
    """Split a URL into parts.

    Raises:
        LoadError: the text is no URL, or the generator can't request it.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        # The error quotes a part of the URL, which may be a part of a password.
        reason = "" if "@" in text else f": {error}"
        raise LoadError(f"{mask(text)!r} is not a URL{reason}") from None
    if "@" in parts.netloc:
        raise LoadError("the URL contains a user name: give --header 'Authorization: ...' instead")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise LoadError(f"{mask(text)!r} is not a URL such as http://127.0.0.1:8080/path")
    host = parts.hostname
    if ":" in host:  # some clients percent-encode the % before a zone (RFC 6874 §2)
        host = host.replace("%25", "%", 1)
    if not _HOST.fullmatch(host):
        raise LoadError(f"the host {host!r} has characters that are not allowed in a host name")
    if port == 0:
        raise LoadError("no server listens on port 0: give another port")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _TARGET.fullmatch(target) or not text.isprintable():
        raise LoadError(f"the URL's path {mask(target)!r} has to be percent-encoded")
    # A zone has a meaning on this machine only (RFC 6874 §1).
    authority = _ZONE.sub("", parts.netloc)
    return Url(
        mask(text), parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], authority, target
    )


async def resolve(url: Url, *, anywhere: bool = False) -> list[SocketAddress]:
    """Look up every address of the URL's host.

    Args:
        url: of the target.
        anywhere: True to allow addresses that are not loopback.

    Raises:
        LoadError: the host has no address, or one that is not allowed.
    """
    try:
        found = await trio.socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise LoadError(f"the host {url.host!r} has no address: {problem}") from None
    addresses: list[SocketAddress] = []
    for family, _, _, _, where in found:
        address: SocketAddress = (family, where)  # type: ignore[assignment] # those of TCP are (host, port, ...)
        if address not in addresses:
            addresses.append(address)
    if not anywhere:
        _refuse_strangers(url, addresses)
    return addresses


def _refuse_strangers(url: Url, addresses: list[SocketAddress]) -> None:
    for _, where in addresses:
        if not _is_loopback(where[0]):
            meaning = "" if where[0] == url.host else f" ({url.host!r} means {where[0]})"
            raise LoadError(
                f"{where[0]} is not a loopback address{meaning}: load is for servers of your own; "
                "give --i-own-the-target if this is one"
            )


def _is_loopback(address: str) -> bool:
    """Return True if packets to the address stay on this machine, ::ffff:127.0.0.1 included."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_loopback


async def choose(addresses: list[SocketAddress], timeout: float) -> SocketAddress:
    """Find the first address that accepts a connection, or else take the first of all.

    A single address is not tried, so that the server sees no connection without a request.
    """
    for family, where in addresses if len(addresses) > 1 else ():
        with trio.move_on_after(timeout), trio.socket.socket(family) as sock:
            try:
                await sock.connect(where)
            except OSError:
                continue
            return family, where
    return addresses[0]


def client_tls(*, ca: Path | None = None, insecure: bool = False) -> ssl.SSLContext:
    """Make a client's TLS context.

    Args:
        ca: certificates in PEM to trust, instead of the system's.
        insecure: True to trust any server.

    Raises:
        LoadError: the file can't be read, or has no certificate in it.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # ssl.SSLError is one
        problem = (
            "the file has no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        )
        raise LoadError(f"can't trust {str(ca)!r}: {problem}") from None
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
