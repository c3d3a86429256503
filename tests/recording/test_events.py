"""The events of a server, as subscribers receive them."""

from __future__ import annotations

import msgspec
import pytest
import trio

import hamms_trio
from hamms_trio.events import (
    BodyReceived,
    Closed,
    Ended,
    Event,
    HeadReceived,
    Left,
    Lost,
    Met,
    Opened,
    Played,
    Received,
    Reset,
    Sent,
    Slept,
    Struck,
)
from hamms_trio.recording.bus import Bus, Subscription

POST = b"POST /?sleep=0.001&q=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"


def received(number: int) -> Event:
    return Received(number, 0.0, 1)


async def test_a_subscriber_receives_every_event_in_order() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, only="pace-first-byte") as hamms:
        with hamms.bus.subscribe() as subscription:
            async with await trio.open_tcp_stream(*hamms.address("pace-first-byte")) as stream:
                await stream.send_all(POST)
                answer = b"".join([bytes(octets) async for octets in stream])
            await hamms.ledger.wait_until(lambda ledger: ledger.connections()[0].closed)
            events = [event for event in subscription.take() if isinstance(event, Event)]
    kinds = [
        Opened,
        Received,
        HeadReceived,
        Met,
        Struck,
        Slept,
        Sent,
        Played,
        Ended,
        BodyReceived,
        Left,
        Closed,
    ]
    assert [type(event) for event in events if not is_empty(event)] == kinds
    assert {event.connection for event in events} == {1}
    assert events == sorted(events, key=lambda event: event.at)
    _, arrived, head, met, struck, slept, sent, *_ = events
    assert arrived == Received(1, arrived.at, len(POST))
    fields = (("Host", "a"), ("Content-Length", "3"), ("Connection", "close"))
    assert head == HeadReceived(1, head.at, "POST", "/?sleep=0.001&q=1", fields)
    assert met == Met(1, met.at, "pace-first-byte", {"sleep": 0.001}, ("q",))
    assert struck == Struck(1, struck.at, "pace-first-byte", {"sleep": 0.001}, "default")
    assert slept == Slept(1, slept.at, 0.001)
    assert sent == Sent(1, sent.at, len(answer))


def is_empty(event: Event) -> bool:
    """Return True for the end of the client's octets."""
    return isinstance(event, Received) and not event.octets


async def test_a_reset_is_an_event_of_its_own() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, only="tcp-drop-random") as hamms:
        with hamms.bus.subscribe() as subscription:
            async with await trio.open_tcp_stream(*hamms.address("tcp-drop-random")) as stream:
                await stream.send_all(b"GET /?failrate=1 HTTP/1.1\r\nHost: a\r\n\r\n")
                with pytest.raises(trio.BrokenResourceError):
                    await stream.receive_some()
            async for event in subscription:
                if isinstance(event, Reset):
                    break


async def test_without_subscribers_no_event_is_built() -> None:
    bus = Bus()
    with bus.subscribe(), bus.subscribe():
        assert bus.publisher is not None
    assert bus.publisher is None


async def test_a_slow_subscriber_learns_how_many_events_it_lost() -> None:
    bus = Bus()
    with bus.subscribe(limit=2) as slow, bus.subscribe() as quick:
        for number in range(5):
            bus.publish(received(number))
        assert [await anext(slow) for _ in range(3)] == [received(0), received(1), Lost(3)]
        bus.publish(received(5))
        assert slow.take() == [received(5)]
        assert quick.take() == [received(number) for number in range(6)]


async def test_a_subscriber_that_caught_up_half_way_sees_where_events_are_missing() -> None:
    subscription = Subscription(limit=2)
    for number in range(3):
        subscription.put(received(number))
    assert await anext(subscription) == received(0)
    subscription.put(received(3))
    assert subscription.take() == [received(1), Lost(1), received(3)]


async def test_a_subscriber_waits_for_the_next_event() -> None:
    bus = Bus()
    with bus.subscribe() as subscription:
        async with trio.open_nursery() as nursery:

            async def publish() -> None:
                bus.publish(received(7))

            nursery.start_soon(publish)
            assert await anext(subscription) == received(7)


def test_events_can_be_written_as_json_and_read_again() -> None:
    event = Struck(1, 2.5, "retries", {"tries": 3}, "a")
    encoded = msgspec.json.encode(event)
    assert msgspec.json.decode(encoded, type=Struck | Sent) == event
