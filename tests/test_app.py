"""The server on the user's own trio loop."""

from __future__ import annotations

import httpx
import pytest
import trio
import trio.testing

import hamms_trio
from hamms_trio.errors import PortUnavailable, UnknownMode
from tests.ports import free_beginning_port, is_free, taken_port

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=SAFETY_NET, trust_env=False) as client:
        return await client.get(url)


async def test_open_hamms_serves_while_its_block_runs() -> None:
    beginning = free_beginning_port()
    async with hamms_trio.open_hamms(beginning_port=beginning) as hamms:
        assert hamms.url("status", status=503) == f"http://127.0.0.1:{beginning + 9}/?status=503"
        assert (await get(hamms.url("status", status=503))).status_code == 503
        (request,) = hamms.ledger.requests("status")
        assert request.status == 503

    assert all(is_free(port, reuse=True) for port in range(beginning, beginning + 17))


async def test_serve_runs_in_a_nursery() -> None:
    async with trio.open_nursery() as nursery:
        hamms: hamms_trio.Hamms = await nursery.start(
            lambda task_status: hamms_trio.serve(
                beginning_port=0, only=["status", "retries"], task_status=task_status
            )
        )
        assert set(hamms.ports) == {"status", "retries", "armed", "path"}
        assert (await get(hamms.url("retries", tries=1))).status_code == 200
        nursery.cancel_scope.cancel()

    assert is_free(hamms.ports["status"], reuse=True)


async def test_several_labs_share_one_nursery() -> None:
    async with (
        hamms_trio.open_hamms(beginning_port=0) as one,
        hamms_trio.open_hamms(beginning_port=0) as other,
    ):
        assert set(one.ports.values()).isdisjoint(other.ports.values())
        assert (await get(one.url("retries", tries=2))).status_code == 500
        assert (await get(other.url("retries", tries=2))).status_code == 500
        one.start_afresh()
        assert (await get(other.url("retries", tries=2))).status_code == 200
        assert (await get(one.url("retries", tries=2))).status_code == 500


async def test_a_taken_port_raises_port_unavailable_ungrouped() -> None:
    with taken_port(9) as beginning:
        with pytest.raises(PortUnavailable, match="status"):
            async with hamms_trio.open_hamms(beginning_port=beginning):
                pass
        assert is_free(beginning)


async def test_an_unknown_mode_raises_unknown_mode_ungrouped() -> None:
    with pytest.raises(UnknownMode, match="pace-byte"):
        async with hamms_trio.open_hamms(beginning_port=0, only=["pace-bite"]):
            pass
    with pytest.raises(UnknownMode, match="pace-byte"):
        await hamms_trio.serve(beginning_port=0, only=["pace-bite"])


async def test_an_error_in_the_block_propagates_ungrouped() -> None:
    with pytest.raises(ZeroDivisionError):
        async with hamms_trio.open_hamms(beginning_port=0, only=["status"]):
            raise ZeroDivisionError


async def test_a_client_s_error_in_the_block_propagates_ungrouped() -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        async with hamms_trio.open_hamms(beginning_port=0) as hamms:
            await get(hamms.url("frame-cl-short-fin"))


async def test_cancellation_closes_every_port() -> None:
    async with trio.open_nursery() as nursery:
        hamms: hamms_trio.Hamms = await nursery.start(
            lambda task_status: hamms_trio.serve(beginning_port=0, task_status=task_status)
        )
        hung = await trio.open_tcp_stream(*hamms.address("tcp-accept-hang"))
        dripped_on = await trio.open_tcp_stream(*hamms.address("pace-byte"))
        await dripped_on.send_all(b"GET /?interval=60 HTTP/1.1\r\nHost: hamms\r\n\r\n")
        await hamms.ledger.wait_until(
            lambda ledger: len(ledger.connections()) == 2 and len(ledger.requests()) == 1
        )
        nursery.cancel_scope.cancel()

    async with hung, dripped_on:
        for client in (hung, dripped_on):
            with pytest.raises(trio.BrokenResourceError):
                await client.receive_some()
    assert is_free(hamms.ports["tcp-refused"])
    assert all(is_free(port, reuse=True) for port in hamms.ports.values())


async def test_a_deadline_around_the_block_closes_every_port() -> None:
    with trio.move_on_after(0.05) as scope:
        async with hamms_trio.open_hamms(beginning_port=0) as hamms:
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert is_free(hamms.ports["tcp-accept-hang"])


async def test_wait_until_returns_once_the_ledger_changes() -> None:
    async with hamms_trio.open_hamms(beginning_port=0) as hamms, trio.open_nursery() as nursery:
        noticed = trio.Event()

        async def wait() -> None:
            await hamms.ledger.wait_until(lambda ledger: len(ledger.requests("status")) == 2)
            noticed.set()

        nursery.start_soon(wait)
        await get(hamms.url("status"))
        await trio.testing.wait_all_tasks_blocked()
        assert not noticed.is_set()
        await get(hamms.url("status"))
        await noticed.wait()


async def test_speed_accelerates_the_modes_clock() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, speed=10_000) as hamms:
        assert (await get(hamms.url("pace-byte-slow"))).status_code == 204  # an hour otherwise
