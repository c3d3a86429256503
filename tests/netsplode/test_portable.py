"""The functions that work without sock_diag and /proc.

In a process of its own, sys.platform names FreeBSD before netsplode is imported. Nothing else differs, so
these tests show that the portable paths work, and not that FreeBSD does.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import trio

from tests.netsplode import alone
from tests.netsplode.scenes import Sight, connected, far_end, handshaken, secrets, sight_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="this plays a POSIX system")


def elsewhere(scene: Callable[[], Any]) -> Any:
    return alone.call(scene, platform="freebsd14")


def seen(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def own_socket() -> dict[str, Any]:
    import netsplode

    with connected() as (ours, peer, _):
        result = netsplode.reset_connection(ours)
        return {
            "technique": result.technique,
            "ends": list(result.ends.values()),
            "peer": sight_of(peer).name,
            "closed": ours.fileno() == -1,
            "imported": sorted({"scapy", "netsplode.kernel.linux"} & set(sys.modules)),
        }


def test_auto_closes_sockets_and_injects_nothing() -> None:
    assert elsewhere(own_socket) == {
        "technique": "close",
        "ends": ["closed", "unconfirmed"],
        "peer": "RESET",
        "closed": True,
        "imported": [],
    }


def closed_in_all_kinds() -> dict[str, str]:
    import netsplode

    def close(target: object) -> None:
        assert netsplode.reset_connection(target, technique="close").technique == "close"

    peers: dict[str, str] = {}
    with connected() as (ours, peer, _), ours.makefile("rb"):
        close(ours)
        peers["with a file made of it"] = sight_of(peer).name
    with connected() as (ours, peer, _):
        close(ours.detach())
        peers["descriptor"] = sight_of(peer).name
    with connected("::1") as (ours, peer, _):
        peer.sendall(b"unread")
        close(ours)
        peers["over IPv6, with unread octets"] = sight_of(peer).name
    with connected() as (ours, peer, _), ExitStack() as stack:
        close(handshaken(ours, peer, stack)[0])
        peers["with TLS"] = sight_of(peer).name
    for tls in (False, True):
        peers[f"asyncio, TLS {tls}"] = asyncio.run(closed_in_asyncio(close, tls)).name
        peers[f"trio, TLS {tls}"] = trio.run(closed_in_trio, close, tls).name
    return peers


async def closed_in_asyncio(close: Callable[[object], None], tls: bool) -> Sight:
    context, name = (secrets().client, "localhost") if tls else (None, None)
    with far_end(tls=tls) as far:
        reader, writer = await asyncio.open_connection(
            *far.address, ssl=context, server_hostname=name
        )
        await reader.readexactly(5)
        close(writer)
        assert await reader.read() == b""
        return await asyncio.wrap_future(far.seen)


async def closed_in_trio(close: Callable[[object], None], tls: bool) -> Sight:
    with far_end(tls=tls) as far:
        stream: trio.abc.Stream = await trio.open_tcp_stream(*far.address)
        if tls:
            stream = trio.SSLStream(stream, secrets().client, server_hostname="localhost")
        assert await stream.receive_some(5) == b"hello"
        close(stream)
        await trio.aclose_forcefully(stream)
        return await trio.to_thread.run_sync(far.seen.result)


def test_close_resets_inside_every_wrapper() -> None:
    assert set(elsewhere(closed_in_all_kinds).values()) == {"RESET"}


def guarded() -> dict[str, str]:
    import netsplode

    found = {}
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as unconnected:
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_UNIX) as unix:
            for name, target in {
                "listener": listener,
                "unconnected": unconnected,
                "udp": udp,
                "unix": unix,
                "address": listener.getsockname(),
            }.items():
                try:
                    netsplode.reset_connection(target, technique="close")
                except netsplode.NetsplodeError as error:
                    found[name] = seen(error)
    try:
        netsplode.find_connections()
    except netsplode.NetsplodeError as error:
        found["find"] = seen(error)
    return found


def test_unsupported_targets_are_refused_without_sock_diag() -> None:
    found = elsewhere(guarded)
    for name, expected in {
        "listener": "UnsupportedConnection: the socket listens",
        "unconnected": "ConnectionNotFound: ",
        "udp": "UnsupportedConnection: the socket is not a TCP socket",
        "unix": "UnsupportedConnection: the socket is not a TCP socket",
        "address": "TechniqueUnavailable: resetting by address needs Linux",
        "find": "TechniqueUnavailable: find_connections needs Linux",
    }.items():
        assert found[name].startswith(expected)


def refused() -> dict[str, str]:
    import netsplode

    found = {}
    with connected() as ends:
        for technique in ("abort", "destroy", "keepalive"):
            with pytest.raises(netsplode.TechniqueUnavailable) as raised:
                netsplode.reset_connection(ends.client, technique=technique)
            found[technique] = raised.value.attempts[0].outcome
    capabilities = {c.name.partition(":")[0]: c for c in netsplode.capabilities()}
    return found | {
        f"{name}, hint": capabilities[name].hint for name in found if not capabilities[name].ok
    }


def test_the_error_and_the_capabilities_say_that_linux_is_needed() -> None:
    found = elsewhere(refused)
    assert len(found) == 6
    for reason in found.values():
        assert reason.startswith("it needs Linux")


def tracked() -> dict[str, Any]:
    import netsplode

    original = socket.socket.__init__
    found: dict[str, Any] = {}
    with connected() as before, netsplode.create_netsploder() as netsploder:
        with connected() as ends, connected("::1") as spared, ExitStack() as stack:
            ours, _ = handshaken(ends.client, ends.server, stack)
            found["sides"] = [
                len(netsploder.reset_client_tcp_connections()),
                len(netsploder.reset_server_tcp_connections()),
            ]
            results = netsploder.reset_tcp_connections(match="127.0.0.1")
            found["techniques"] = sorted({result.technique for result in results})
            found["TLS client"] = ours.fileno()
            found["listens"] = ends.listener.fileno() >= 0
            spared.client.sendall(b"x")
            found["spared"] = spared.server.recv(1).decode()
        before.client.sendall(b"x")
        found["before"] = before.server.recv(1).decode()
    found["patched afterwards"] = socket.socket.__init__ is not original
    return found


def test_the_tracker_finds_later_sockets_of_python() -> None:
    assert elsewhere(tracked) == {
        "sides": [0, 0],  # unknown on that platform
        "techniques": ["close"],
        "TLS client": -1,
        "listens": True,
        "spared": "x",
        "before": "x",
        "patched afterwards": False,
    }


def restored() -> bool:
    import netsplode

    original = socket.socket.__init__
    with pytest.raises(ZeroDivisionError), netsplode.create_netsploder():
        raise ZeroDivisionError
    return socket.socket.__init__ is original


def test_the_tracker_removes_its_patch_after_an_error() -> None:
    assert elsewhere(restored)
