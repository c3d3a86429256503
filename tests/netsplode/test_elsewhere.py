"""Connections of other processes, by their addresses; the tracker; the command line; waiting."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

import netsplode
import netsplode.aio
import netsplode.trio
from netsplode.cli import main
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="this needs Linux's sock_diag")

SAFETY_NET = 20.0  # seconds; nothing here waits that long unless it fails
Ends = tuple[socket.socket, socket.socket, socket.socket]

CHILD = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.settimeout(20)
try:
    sock.recv(1)
    print("end")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A listener, and the client's and the server's end of a connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname(), timeout=SAFETY_NET) as client:
            server, _ = listener.accept()
            server.settimeout(SAFETY_NET)
            with server:
                yield listener, client, server


def assert_reset(sock: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        sock.recv(1)


def assert_listens(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2], timeout=SAFETY_NET):
        listener.accept()[0].close()


@pytest.mark.parametrize("technique", ["auto", "abort"])
def test_a_connection_of_another_process_is_reset_at_both_ends(technique: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-c", CHILD, str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            server, client = listener.accept()
            with server:
                server.settimeout(SAFETY_NET)
                result = netsplode.reset_connection(
                    client, ("127.0.0.1", port), technique=technique
                )
                assert result.is_confirmed
                assert_reset(server)
            assert child.communicate(timeout=SAFETY_NET)[0] == "ConnectionResetError\n"
        assert_listens(listener)


def test_one_address_will_do_when_one_connection_has_it(ends: Ends) -> None:
    listener, client, server = ends
    netsplode.reset_connection(f"127.0.0.1:{listener.getsockname()[1]}")
    assert_reset(client)
    assert_reset(server)
    assert_listens(listener)


def test_several_matches_are_listed_and_none_is_reset(ends: Ends) -> None:
    listener, client, server = ends
    with socket.create_connection(listener.getsockname()):
        with pytest.raises(netsplode.AmbiguousConnection) as raised:
            netsplode.reset_connection(listener.getsockname())
        assert len(raised.value.candidates) == 2
    client.sendall(b"x")
    assert server.recv(1) == b"x"


def test_a_listener_without_connections_is_not_found_and_survives() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        for remote in (None, ("127.0.0.1", 1)):
            with pytest.raises(netsplode.ConnectionNotFound):
                netsplode.reset_connection(address, remote)
        with Diag() as diag:
            assert diag.get(address, ("127.0.0.1", 1)) is None
        assert_listens(listener)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:", "::1:80", "127.0.0.1:port"])
def test_what_is_no_address_is_told_how_to_write_one(name: str) -> None:
    with pytest.raises(netsplode.UnsupportedConnection, match="is no address"):
        netsplode.reset_connection(name)


@pytest.mark.privileged
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="destroying sockets needs root"
)
def test_destroying_a_connection_spares_its_listener() -> None:
    code = f"""
import socket, netsplode
with socket.create_server(("127.0.0.1", 0)) as listener:
    client = socket.create_connection(listener.getsockname(), {SAFETY_NET})
    server, peer = listener.accept()
    result = netsplode.reset_connection(peer, listener.getsockname(), technique="destroy")
    for sock in (client, server):
        try:
            sock.recv(1)
        except OSError as error:
            print(type(error).__name__)
    socket.create_connection(listener.getsockname(), {SAFETY_NET}).close()
    print(*result.ends.values())
"""
    shell = f"ip link set lo up && exec {sys.executable} -W ignore -c '{code}'"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", shell],
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    expected = "ConnectionAbortedError\nConnectionResetError\naborted reset\n"
    assert (done.stdout, done.stderr) == (expected, "")


AS_NOBODY = """
import os, socket, sys
import netsplode
listener = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(listener.getsockname(), 20) as early:  # nobody may not import from here
    netsplode.reset_connection(early.getsockname())
    listener.accept()
os.setgid(65534), os.setuid(65534)
client = socket.create_connection(listener.getsockname(), 20)
server = listener.accept()[0]
print(netsplode.reset_connection(client).ends["remote"].value)
for technique in ("abort", "destroy"):
    try:
        netsplode.reset_connection(sys.argv[1], technique=technique)
    except netsplode.MissingCapability as error:
        print(*error.missing, bool(error.hint))
try:
    netsplode.reset_connection(sys.argv[1])
except netsplode.TechniqueUnavailable as error:
    print(*sorted(error.missing), *(attempt.technique for attempt in error.attempts))
"""


@pytest.mark.privileged
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becoming another user needs root"
)
def test_without_privileges_ones_own_is_reset_and_the_rest_says_what_is_missing(
    ends: Ends,
) -> None:
    _, client, server = ends
    host, port = client.getsockname()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AS_NOBODY, f"{host}:{port}"],
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.splitlines() == [
        "reset",
        "CAP_SYS_PTRACE True",
        "CAP_NET_ADMIN True",
        "CAP_NET_ADMIN CAP_SYS_PTRACE abort destroy close",
    ], done.stderr
    client.sendall(b"x")
    assert server.recv(1) == b"x"


def test_an_opener_is_told_from_an_accepter_whatever_has_passed(ends: Ends) -> None:
    _, client, server = ends
    for exchanged in (b"", b"x" * 1000):
        client.sendall(exchanged)
        server.sendall(exchanged * 3)
        assert (tcp.opened_here(client), tcp.opened_here(server)) == (True, False)
    client.shutdown(socket.SHUT_WR)
    assert (tcp.opened_here(client), tcp.opened_here(server)) == (True, False)


def test_what_was_open_before_is_spared_unless_it_is_asked_for(ends: Ends) -> None:
    listener, client, _ = ends
    with netsplode.create_netsploder() as netsploder:
        with socket.create_connection(listener.getsockname(), timeout=SAFETY_NET) as newer:
            results = netsploder.reset_client_tcp_connections()
            assert [result.remote for result in results] == [listener.getsockname()]
            assert_reset(newer)
        client.sendall(b"still there")
        netsploder.reset_tcp_connections(include_existing=True, match=listener.getsockname()[1])
    assert_reset(client)


def test_a_thousand_connections_are_all_reset() -> None:
    with netsplode.create_netsploder() as netsploder, ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        clients = []
        for _ in range(400):  # 800 descriptors: within the limit that most systems begin with
            client = socket.create_connection(listener.getsockname(), timeout=SAFETY_NET)
            clients.append(stack.enter_context(client))
            stack.enter_context(listener.accept()[0])
        assert len(netsploder.reset_server_tcp_connections()) == 400
        for client in clients:
            assert_reset(client)


def test_a_pending_reset_waits_and_can_be_cancelled(ends: Ends) -> None:
    _, client, server = ends
    pending = netsplode.reset_connection(client, blocking=False, delay=SAFETY_NET)
    assert not pending.wait(0)
    assert pending.cancel()
    with pytest.raises(CancelledError):
        pending.result()
    assert netsplode.reset_connection(client, blocking=False).result(SAFETY_NET).is_confirmed
    assert_reset(server)


async def test_trio_cancels_a_reset_that_waits(ends: Ends) -> None:
    _, client, server = ends
    with trio.move_on_after(0):
        await netsplode.trio.reset_connection(client, delay=SAFETY_NET)
    client.sendall(b"x")
    assert server.recv(1) == b"x"
    assert (await netsplode.trio.reset_connection(client.getsockname(), server.getsockname())).ends
    assert_reset(client)


LOOPS = ["asyncio", "uvloop"]


@pytest.mark.parametrize("technique", ["abort", "close"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_stream_writer_is_reset(loop: str, technique: str) -> None:
    factory = None
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    async def play() -> None:
        seen: asyncio.Queue[type[BaseException] | bytes] = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                seen.put_nowait(await reader.read())
            except OSError as error:
                seen.put_nowait(type(error))
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        async with asyncio.timeout(SAFETY_NET):
            reader, writer = await asyncio.open_connection(*address[:2])
            result = await netsplode.aio.reset_connection(writer, technique=technique)
            assert result.technique == technique
            assert await seen.get() is ConnectionResetError
            if technique == "abort":
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            writer.transport.abort()
        server.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(play())


def test_the_command_line_lists_and_resets(ends: Ends) -> None:
    listener, client, _ = ends
    port = str(listener.getsockname()[1])
    runner = CliRunner()
    listed = runner.invoke(main, ["list", "--port", port, "--json"])
    assert os.getpid() in {row["pid"] for row in json.loads(listed.stdout)}
    assert runner.invoke(main, ["reset", "--port", port, "--dry-run"]).exit_code == 0
    done = runner.invoke(main, ["reset", "--port", port, "--json"])
    assert (done.exit_code, len(json.loads(done.stdout))) == (0, 1)
    assert_reset(client)
    assert runner.invoke(main, ["reset", "--port", port]).exit_code == 1
    assert runner.invoke(main, ["reset"]).exit_code == 2
    assert runner.invoke(main, ["doctor"]).stdout.startswith("yes abort")


def test_the_fixture_resets_what_its_test_opens(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function"
    )
    pytester.makepyfile(
        """
        import socket
        import pytest

        def test_reset(netsploder):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                with socket.create_connection(listener.getsockname(), timeout=20) as client:
                    assert len(netsploder.reset_tcp_connections()) == 1
                    with pytest.raises(ConnectionResetError):
                        client.recv(1)
        """
    )
    plugin = ["-p", "netsplode.pytest_plugin"] if not _is_installed() else []
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *plugin)
    result.assert_outcomes(passed=1)


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(point.name == "netsplode" for point in entry_points(group="pytest11"))
