"""Find the TCP connection inside the object that a developer holds.

Why this is hard: people hold a response, a reader or a file more often than a socket, and each library
nests its socket in its own way. No library is imported for this. `unwrap` follows the attributes by which
the well-known ones nest, and takes the first descriptor that it meets.
"""

from __future__ import annotations

import io
import os
import socket
import stat
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from types import FrameType
from typing import Any

from netsplode.errors import UnsupportedConnection

_MOST_OBJECTS = 64  # to look at; a mock has every attribute, and each leads to another mock
# The attributes by which libraries nest a connection. Not all have a public name for it.
_NESTING = (
    "sock",  # http.client, urllib3, redis-py, smtplib, paramiko
    "_sock",  # socket.SocketIO, redis-py
    "raw",  # io.BufferedReader, requests.Response
    "buffer",  # io.TextIOWrapper
    "fp",  # http.client.HTTPResponse, urllib's responses
    "_fp",  # urllib3.HTTPResponse
    "_writer",  # redis-py's asyncio half
    "transport",  # asyncio.StreamWriter, aiohttp.Connection, asyncio and Twisted protocols
    "_transport",  # asyncio.StreamReader
    "connection",  # aiohttp.ClientResponse, urllib3.HTTPResponse, socketserver's handlers
    "_protocol",  # aiohttp.StreamReader
)
# The same for libraries that would not notice that their socket was closed.
_NESTING_FOREIGN = (
    "socket",  # tornado's IOStream, Twisted's transports, websockets' sync connection, psycopg's PGconn
    "pgconn",  # psycopg
)
_SIMPLE = (str, bytes, bytearray, bool, float, tuple, list, dict, set, type(None))


class Holder(Enum):
    """The object that has to close the socket, if it comes to that."""

    SOCKET = "a socket.socket"
    DESCRIPTOR = "a descriptor"
    ASYNCIO = "an asyncio transport"
    TRIO = "a trio socket"
    OTHER = "an object that closes its socket in its own way"


def unwrap(target: object) -> tuple[Any, Holder]:
    """Find the socket or descriptor inside an object, and the holder that has to close it.

    Raises:
        UnsupportedConnection: there is none.
    """
    if type(target) is int:
        return target, Holder.DESCRIPTOR
    found = _search(target, None, {})
    if found is not None:
        return found
    described = f"{type(target).__module__}.{type(target).__qualname__}"
    raise UnsupportedConnection(
        f"{described} holds no TCP connection, or none any more: give a socket, a descriptor, a stream, a "
        "transport, a response whose body is not read to its end, a file of a socket, an object that "
        "wraps one of these, or an address, as ('127.0.0.1', 5432) or '127.0.0.1:5432'"
    )


def _search(
    found: Any, holder: Holder | None, seen: dict[int, object]
) -> tuple[Any, Holder] | None:
    """Search depth-first; ``seen`` keeps every object alive, so that no id is used twice."""
    if isinstance(found, socket.socket):
        return found, holder or Holder.SOCKET
    if isinstance(found, (*_SIMPLE, type)) or id(found) in seen or len(seen) >= _MOST_OBJECTS:
        return None
    seen[id(found)] = found
    if type(found) is int:
        return (found, holder) if holder is Holder.OTHER else None  # a PGconn's descriptor
    if _is_trio_socket(found):
        return found, Holder.TRIO
    if _is_asyncio(found):
        inner = found.get_extra_info("socket")
        if _fileno(inner) is None:
            return None
        return _Transport(inner, getattr(found, "transport", found)), Holder.ASYNCIO
    if _is_like_a_socket(found):
        return found, Holder.OTHER
    for inner, is_foreign in _nested(found):
        result = _search(inner, Holder.OTHER if is_foreign else holder, seen)
        if result is not None:
            return result
    return (found, Holder.OTHER) if _has_socket_descriptor(found) else None


class _Transport:
    """An asyncio transport, with the descriptor of its socket and its loop.

    A transport of uvloop does not name its loop, so the loop is known on its own thread only.
    """

    def __init__(self, sock: Any, transport: Any) -> None:
        asyncio: Any = sys.modules["asyncio.events"]
        self._socket = sock
        self.transport = transport
        self.loop: Any = getattr(transport, "_loop", None) or asyncio._get_running_loop()

    def fileno(self) -> int:
        return int(self._socket.fileno())


def _is_asyncio(found: object) -> bool:
    return hasattr(found, "get_extra_info") and (
        hasattr(found, "is_closing") and hasattr(getattr(found, "transport", found), "abort")
    )


def _is_trio_socket(found: object) -> bool:
    trio: Any = sys.modules.get("trio")  # importing trio would cost more than the reset
    return trio is not None and isinstance(found, trio.socket.SocketType)


def _nested(found: Any) -> Iterator[tuple[object, bool]]:
    """Yield the objects that ``found`` may wrap, and True for those that are closed their own way."""
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        if isinstance(found, trio.SSLStream):
            yield found.transport_stream, False
        if isinstance(found, trio.SocketStream):
            yield found.socket, False
        if isinstance(found, trio.StapledStream):
            yield found.send_stream, False
    anyio: Any = sys.modules.get("anyio.abc")
    if anyio is not None and hasattr(found, "extra_attributes"):
        yield found.extra(anyio.SocketAttribute.raw_socket, None), True
    if hasattr(found, "get_extra_info"):  # httpcore's network streams
        yield found.get_extra_info("socket"), False
    extensions = _attribute(found, "extensions")
    if isinstance(extensions, Mapping):  # httpx.Response
        yield extensions.get("network_stream"), False
    for name in _NESTING:
        yield _attribute(found, name), False
    for name in _NESTING_FOREIGN:
        yield _attribute(found, name), True
    if isinstance(found, io.BufferedRWPair):  # makefile("rwb")
        yield _raw_of(found), False


def _raw_of(pair: io.BufferedRWPair) -> object:
    """Find the raw file of a pair, which has no attribute for it, but calls its methods."""
    found: list[object] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        caller = frame.f_locals.get("self")
        if event == "call" and isinstance(caller, io.RawIOBase):
            found.append(caller)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        pair.readable()
    except ValueError:  # the pair is closed
        return None
    finally:
        sys.setprofile(before)
    return found[0] if found else None


def _attribute(found: Any, name: str) -> object:
    try:
        return getattr(found, name, None)
    except Exception:  # noqa: BLE001 - the property of another library may raise anything
        return None


def _is_like_a_socket(found: Any) -> bool:
    """Return True for objects such as asyncio's TransportSocket."""
    return hasattr(found, "getsockname") and _fileno(found) is not None


def _has_socket_descriptor(found: Any) -> bool:
    number = _fileno(found)
    try:
        return number is not None and stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


def _fileno(found: Any) -> int | None:
    try:
        number = found.fileno()
    except Exception:  # noqa: BLE001 - the method of another library may raise anything
        return None
    return number if type(number) is int else None
