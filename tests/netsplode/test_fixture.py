"""The fixture `netsploder`, in a pytest of its own: alone, with asyncio, with trio, and with xdist."""

from __future__ import annotations

import pytest

from tests.inner import OF_LOOPS, OURS, run_inner
from tests.netsplode.scenes import ROOT, on_linux

pytestmark = on_linux

MODULE = """
import asyncio
import socket

import psycopg
import pytest
import trio

from tests.netsplode.postgresql import postgresql
from tests.netsplode.scenes import Sight, assert_open, assert_reset, connected, far_end


@pytest.fixture(scope="module")
def database():
    with connected() as ends:
        yield ends


@pytest.fixture
def opened_before():
    with connected() as ends:
        yield ends


@pytest.fixture
def opened_later(netsploder):
    with connected() as ends:
        yield ends


@pytest.mark.parametrize("again", range(3))
def test_plain(database, netsploder, again):
    with connected() as ends:
        assert len(netsploder.reset_tcp_connections()) == 1
        assert_reset(ends.client)
    assert_open(database)


def test_fixtures_that_come_after_it_are_the_test_s_own(opened_later, netsploder):
    assert len(netsploder.reset_client_tcp_connections()) == 1
    assert_reset(opened_later.server)


@pytest.mark.asyncio
async def test_asyncio(database, netsploder):
    with far_end() as far:
        reader, writer = await asyncio.open_connection(*far.address)
        assert await reader.readexactly(5) == b"hello"
        assert len(netsploder.reset_client_tcp_connections()) == 1
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert await asyncio.wrap_future(far.seen) is Sight.RESET
        writer.transport.abort()
    assert_open(database)


@pytest.mark.trio
async def test_trio(database, netsploder):
    with far_end() as far:
        async with await trio.open_tcp_stream(*far.address) as stream:
            assert await stream.receive_some(5) == b"hello"
            assert len(netsploder.reset_client_tcp_connections()) == 1
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        assert await trio.to_thread.run_sync(far.seen.result) is Sight.RESET
    assert_open(database)


def test_a_client_in_c(database, netsploder):
    with postgresql() as (far, conninfo), psycopg.connect(conninfo) as connection:
        assert len(netsploder.reset_client_tcp_connections()) == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert_open(database)


def test_matching_connections_are_reset(database, netsploder):
    with connected() as reset, connected() as spared:
        netsploder.reset_tcp_connections(match=reset.listener.getsockname()[1])
        assert_reset(reset.client)
        assert_open(spared)


def test_include_existing_resets_earlier_connections(opened_before, netsploder):
    port = opened_before.listener.getsockname()[1]
    assert netsploder.reset_tcp_connections(match=port) == []
    assert len(netsploder.reset_tcp_connections(match=port, include_existing=True)) == 1
    assert_reset(opened_before.client)
"""
TESTS = 9


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # The inner pytest needs the modules of this suite, but not its settings.
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        f"pythonpath = {ROOT}"
    )
    return run_inner(pytester, *arguments, plugins=(*OURS, *OF_LOOPS))


@pytest.mark.parametrize("workers", [None, 2], ids=["alone", "xdist"])
def test_the_fixture_resets_the_connections_of_its_test_only(
    pytester: pytest.Pytester, workers: int | None
) -> None:
    pytester.makepyfile(test_one=MODULE, test_other=MODULE)
    run(pytester, *(["-p", "xdist", "-n", str(workers)] if workers else [])).assert_outcomes(
        passed=2 * TESTS
    )


def test_pytest_lists_the_fixture_with_its_docstring(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    run(pytester, "--fixtures").stdout.fnmatch_lines(
        ["netsploder*", "*Reset the TCP connections that this test opens*"]
    )


def test_the_plugin_imports_nothing_heavy_until_the_fixture_is_used(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        HEAVY = {"trio", "asyncio", "scapy", "ssl", "ctypes", "click", "netsplode.tracker"}

        def test_light():
            assert "netsplode.pytest_plugin" in sys.modules
            assert HEAVY.isdisjoint(sys.modules)

        def test_used(netsploder):
            assert "netsplode.tracker" in sys.modules
            assert {"trio", "asyncio", "scapy", "ssl", "click"}.isdisjoint(sys.modules)
        """
    )
    pytester.makeini("[pytest]")  # other plugins import these modules themselves
    run_inner(pytester).assert_outcomes(passed=2)
