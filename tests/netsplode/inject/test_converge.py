"""The converging injector, without a network."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from netsplode.inject.converge import Converger, Outcome
from netsplode.inject.driver import Injected, Injection
from netsplode.inject.forged import OUR_WINDOW, is_ours
from netsplode.inject.segment import MODULUS, Endpoint, Flags, Segment
from tests.netsplode.inject.simulated import A, B, Peer, World

BOTH = (A, B)


def make(wanted: Collection[Endpoint] = BOTH, timeout: float = 5.0, **knowing: Any) -> Converger:
    choose = Random(1).randrange
    return Converger(A, B, wanted=wanted, now=0.0, timeout=timeout, choose=choose, **knowing)


def from_a(seq: int, ack: int, flags: int = Flags.ACK, length: int = 0) -> Segment:
    return Segment(A, B, seq, ack, flags, 500, length)


def from_b(seq: int, ack: int, flags: int = Flags.ACK, length: int = 0) -> Segment:
    return Segment(B, A, seq, ack, flags, 500, length)


def resets(segments: list[Segment]) -> set[tuple[Endpoint, int]]:
    return {(s.destination, s.seq) for s in segments if s.flags == Flags.RST}


def probed(segments: list[Segment]) -> set[Endpoint]:
    return {s.destination for s in segments if s.flags != Flags.RST}


def test_the_first_probes_lie_far_outside_the_window() -> None:
    out = make().on_time(0.0)
    assert [(s.source, s.destination, s.flags, s.length) for s in out] == [
        (B, A, Flags.ACK, 1),
        (A, B, Flags.ACK, 1),
    ]
    assert all(s.window == OUR_WINDOW for s in out)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([from_a(10, 500)], {(A, 500), (B, 10)}, id="an answer"),
        pytest.param([from_a(10, 500, length=90)], {(A, 500), (B, 100)}, id="data"),
        pytest.param([from_a(10, 500, Flags.ACK | Flags.FIN)], {(A, 500), (B, 11)}, id="a FIN"),
        pytest.param(
            [from_a(10, 500), from_a(110, 600), from_a(60, 550)],
            {(A, 600), (B, 110)},
            id="the newest of many",
        ),
        pytest.param(
            [from_a(MODULUS - 10, MODULUS - 1, length=20), from_a(MODULUS - 10, 3)],
            {(A, 3), (B, 10)},
            id="across the wrap",
        ),
        pytest.param(
            [from_a(10, 500, length=90), from_b(500, 40)],
            {(A, 500), (B, 100), (B, 40)},
            id="what was sent and what has arrived",
        ),
        pytest.param([from_a(10, 500, Flags.SYN)], set(), id="a SYN"),
        pytest.param([Segment(A, A, 1, 1, Flags.ACK, 1)], set(), id="another connection"),
        pytest.param([Segment(A, B, 1, 1, Flags.ACK, OUR_WINDOW, 1)], set(), id="ours"),
        pytest.param([], set(), id="nothing"),
    ],
)
def test_a_seen_segment_gives_exact_resets(
    seen: list[Segment], expected: set[tuple[Endpoint, int]]
) -> None:
    converger = make()
    converger.on_time(0.0)
    for segment in seen:
        converger.on_segment(segment, 0.0001)
    assert resets(converger.on_time(0.0001)) == expected


def test_a_reset_is_followed_by_a_probe_at_once() -> None:
    converger = make()
    converger.on_time(0.0)
    converger.on_segment(from_a(10, 500), 0.0002)
    out = converger.on_time(0.0002)
    assert [(s.destination, s.seq, s.ack, s.flags, s.length) for s in out[2:]] == [
        (A, 498, 10, Flags.ACK, 1),  # an octet that it has already; a RST in answer resets B
        (B, 9, 500, Flags.PSH | Flags.ACK, 0),  # a keep-alive, because B has sent no ACK
    ]


def test_a_packet_seen_twice_is_answered_once() -> None:
    converger = make()
    converger.on_time(0.0)
    for now in (0.0001, 0.00012):
        converger.on_segment(from_a(10, 500), now)
    assert resets(converger.on_time(0.00012))
    converger.on_segment(from_a(10, 500), 0.0002)
    assert not resets(converger.on_time(0.0002))
    converger.on_segment(from_a(10, 500), 0.01)
    assert resets(converger.on_time(0.01)) == {(A, 500), (B, 10)}


def test_a_reset_in_answer_is_the_proof() -> None:
    converger = make()
    converger.on_time(0.0)
    converger.on_segment(from_a(0, 0, Flags.RST), 0.001)
    assert converger.outcomes == {A: Outcome.RESET, B: Outcome.UNCONFIRMED}
    assert not converger.done
    assert probed(converger.on_time(0.001)) == {B}
    converger.on_segment(from_b(0, 0, Flags.RST | Flags.ACK), 0.002)
    assert converger.done
    assert converger.on_time(1.0) == []
    assert converger.outcomes == {A: Outcome.RESET, B: Outcome.RESET}


def test_a_reset_from_a_firewall_proves_nothing() -> None:
    converger = make([B])
    (probe,) = converger.on_time(0.0)
    converger.on_segment(from_b(probe.ack, 0, Flags.RST), 0.0001)
    assert not converger.done
    (probe,) = converger.on_time(0.0001)
    assert probe.flags == Flags.SYN
    converger.on_segment(from_b(0, probe.end, Flags.RST | Flags.ACK), 0.0002)
    assert converger.outcomes == {B: Outcome.RESET}


def test_only_the_wanted_end_is_probed_and_reset() -> None:
    converger = make([B])
    out = converger.on_time(0.0)
    converger.on_segment(from_b(500, 10), 0.001)
    converger.on_segment(from_a(10, 500, length=5), 0.001)
    out += converger.on_time(0.001)
    assert {s.destination for s in out} == {B}
    assert all(s.ack != 500 for s in out)  # a RST in answer would reset A
    converger.on_segment(from_b(0, 0, Flags.RST), 0.002)
    assert converger.done
    assert converger.outcomes == {B: Outcome.RESET}


def test_an_expected_number_is_reset_before_any_probe() -> None:
    converger = make(expected={A: 500, B: 10})
    out = converger.on_time(0.0)
    assert [(s.destination, s.flags) for s in out] == [
        (A, Flags.RST),
        (B, Flags.RST),
        (A, Flags.PSH | Flags.ACK),
        (B, Flags.PSH | Flags.ACK),
    ]
    assert resets(out) == {(A, 500), (B, 10)}
    assert out[2].ack == 10  # so that a RST in answer resets B
    assert converger.was_there


def test_seen_segments_correct_an_expected_number() -> None:
    converger = make(expected={A: 500})
    converger.on_segment(from_a(10, 600), 0.0)
    assert resets(converger.on_time(0.0)) == {(A, 500), (A, 600), (B, 10)}


def test_the_end_without_an_expected_number_is_probed() -> None:
    out = make(expected={A: 500}).on_time(0.0)
    assert resets(out) == {(A, 500)}
    assert probed(out) == {A, B}


def test_without_probing_only_seen_segments_cause_resets() -> None:
    converger = make(probing=False)
    assert converger.on_time(0.0) == []
    assert converger.next_time == converger.deadline
    converger.on_segment(from_a(10, 500), 1.0)
    out = converger.on_time(1.0)
    assert resets(out) == {(A, 500), (B, 10)}
    assert not probed(out)
    assert converger.next_time == converger.deadline


def test_without_probing_an_expected_number_is_reset_at_once() -> None:
    out = make(probing=False, expected={A: 500, B: 10}).on_time(0.0)
    assert resets(out) == {(A, 500), (B, 10)}
    assert not probed(out)


def test_an_end_noted_as_gone_receives_nothing() -> None:
    converger = make()
    converger.note_gone(A)
    assert converger.pending == {B}
    assert {s.destination for s in converger.on_time(0.0)} == {B}
    converger.note_gone(B)
    assert converger.done
    assert set(converger.outcomes.values()) == {Outcome.RESET}
    assert not converger.was_there


@pytest.mark.parametrize(
    ("seen", "was_there"),
    [
        pytest.param([from_a(0, 0, Flags.RST), from_b(0, 0, Flags.RST)], False, id="both gone"),
        pytest.param([from_a(0, 0, Flags.RST), from_b(500, 10)], True, id="half of it there"),
        pytest.param([from_b(500, 10, length=90)], True, id="data"),
        pytest.param([from_b(7, 8, Flags.SYN | Flags.ACK)], False, id="a listener's answer"),
        pytest.param([Segment(A, B, 1, 1, Flags.ACK, OUR_WINDOW, 1)], False, id="ours"),
        pytest.param([], False, id="silence"),
    ],
)
def test_only_an_ack_is_evidence_of_a_connection(seen: list[Segment], was_there: bool) -> None:
    converger = make()
    converger.on_time(0.0)
    for segment in seen:
        converger.on_segment(segment, 0.001)
    assert converger.was_there is was_there


def test_every_second_probe_is_a_syn_after_three_unanswered() -> None:
    converger = make([B])
    flags: list[int] = []
    while len(flags) < 9:
        flags += [s.flags for s in converger.on_time(converger.next_time)]
    assert flags == [Flags.ACK] * 3 + [Flags.SYN, Flags.ACK] * 3


def test_unanswered_probes_become_rare_and_end_at_the_deadline() -> None:
    converger = make(timeout=60.0)
    times = []
    while not converger.done:
        times.append(converger.next_time)
        converger.on_time(converger.next_time)
    assert len(times) < 620
    assert converger.next_time == 60.0
    assert set(converger.outcomes.values()) == {Outcome.UNCONFIRMED}


@pytest.mark.parametrize("flags", [Flags.SYN | Flags.ACK, Flags.ACK])
def test_a_listener_answering_our_syn_proves_the_end_is_gone(flags: int) -> None:
    converger = make([B])
    sent: list[Segment] = []
    while not sent or sent[-1].flags != Flags.SYN:
        sent += converger.on_time(converger.next_time)
    stale = from_b(7, sent[-1].seq, flags)
    converger.on_segment(stale, 0.1)
    assert not converger.done
    converger.on_time(converger.next_time)
    converger.on_segment(from_b(7, sent[-1].end, flags), 0.1)
    assert converger.outcomes == {B: Outcome.RESET}


def test_a_later_connection_between_the_same_ends_is_spared() -> None:
    converger = make()
    converger.on_time(0.0)
    converger.on_segment(from_a(10, 500), 0.001)
    assert resets(converger.on_time(0.001))
    converger.on_segment(from_a(9000, 0, Flags.SYN), 0.002)
    converger.on_segment(from_b(7000, 9001, Flags.SYN | Flags.ACK), 0.002)
    assert converger.done
    assert converger.on_time(0.002) == []


@pytest.mark.parametrize(
    ("flags", "window", "length", "ours"),
    [
        (Flags.RST, OUR_WINDOW, 0, True),
        (Flags.SYN, OUR_WINDOW, 0, True),
        (Flags.ACK, OUR_WINDOW, 1, True),
        (Flags.ACK, OUR_WINDOW, 0, False),
        (Flags.RST | Flags.ACK, OUR_WINDOW, 0, False),
        (Flags.ACK, OUR_WINDOW + 1, 1, False),
        (Flags.RST, 0, 0, False),
    ],
)
def test_forged_segments_are_recognised_by_window_and_shape(
    flags: int, window: int, length: int, ours: bool
) -> None:
    assert is_ours(Segment(A, B, 1, 2, flags, window, length)) is ours


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        pytest.param(A, A, [A], id="one end twice"),
        pytest.param(A, Endpoint(bytes(16), 1), [A], id="two families"),
        pytest.param(A, B, [], id="no end wanted"),
        pytest.param(A, B, [Endpoint(A.address, 81)], id="a third end wanted"),
    ],
)
def test_ends_that_are_no_connection_are_refused(
    first: Endpoint, second: Endpoint, wanted: list[Endpoint]
) -> None:
    with pytest.raises(ValueError, match="ends"):
        Converger(first, second, wanted=wanted, now=0.0, timeout=1.0)


# ---- against simulated ends -----------------------------------------------------------------------


def injection_into(world: World, *, timeout: float = 5.0, **options: Any) -> Injection:
    random = world.random.randrange
    options = {"wanted": BOTH, **options}
    converger = Converger(A, B, now=world.time, timeout=timeout, choose=random, **options)
    return Injection(converger, world, local=A, remote=B, clock=world.clock)


def converge(world: World, **options: Any) -> Injected:
    with injection_into(world, **options) as injection:
        return injection.run()


def world_of(
    a: dict[str, Any] | None = None, b: dict[str, Any] | None = None, **more: Any
) -> World:
    """Make A at sequence number 1000 and B just before the wrap, with further attributes."""
    near_wrap = MODULUS - 3000
    return World(Peer(A, 1000, near_wrap, **a or {}), Peer(B, near_wrap, 1000, **b or {}), **more)


@pytest.mark.parametrize(
    ("world", "within"),
    [
        pytest.param(world_of(), 0.001, id="idle"),
        pytest.param(world_of({"interval": 0.001}), 0.001, id="a segment each millisecond"),
        pytest.param(world_of({"interval": 1e-5}, {"interval": 1e-5}), 0.01, id="both flat out"),
        pytest.param(
            world_of({"interval": 0.001}, {"interval": 0.001}, near=0.025, far=0.025, loss=0.05),
            5.0,
            id="50 ms and 5 % loss, busy",
        ),
        pytest.param(world_of(near=0.05, loss=0.2), 5.0, id="20 % loss, idle"),
        pytest.param(world_of(b={"ignores_data_probes": True}), 0.2, id="data probes dropped"),
        pytest.param(
            world_of({"rejects_far_probes": True}, {"rejects_far_probes": True}),
            0.001,
            id="far probes answered by a firewall",
        ),
        pytest.param(
            world_of(b={"ignores_data_probes": True, "listens": True}),
            0.2,
            id="listener takes over",
        ),
        pytest.param(
            world_of({"challenges": 0}, {"challenges": 0}), 0.001, id="no challenge ACKs at all"
        ),
        pytest.param(world_of({"alive": False}), 0.001, id="one end gone already"),
    ],
)
def test_both_ends_converge_to_a_reset(world: World, within: float) -> None:
    result = converge(world)
    assert result.confirmed
    assert not world.a.alive
    assert not world.b.alive
    assert result.elapsed < within


def test_only_the_end_behind_a_filter_is_unconfirmed() -> None:
    world = world_of({"interval": 0.01}, {"ignores_all_injected": True})
    result = converge(world, timeout=1.0)
    assert result.ends == {"local": Outcome.RESET, "remote": Outcome.UNCONFIRMED}
    assert result.elapsed == pytest.approx(1.0)
    assert not world.a.alive


def test_the_end_that_is_not_wanted_stays() -> None:
    world = world_of({"interval": 0.001})
    assert converge(world, wanted=[B]).ends == {"remote": Outcome.RESET}
    assert not world.b.alive
    assert all(s.destination == B for s in world.injected)


def test_a_missing_connection_gives_proof_without_evidence() -> None:
    result = converge(world_of({"alive": False}, {"alive": False}))
    assert result.confirmed
    assert not result.was_there


@pytest.mark.parametrize("right", [True, False])
def test_an_outdated_expected_number_still_converges(right: bool) -> None:
    world = world_of(near=0.01, far=0.01)
    known = {A: world.a.rcv_nxt, B: world.b.rcv_nxt + (0 if right else 5000)}
    result = converge(world, expected=known)
    assert result.confirmed
    assert result.elapsed < (0.025 if right else 0.1)
    assert not world.a.alive
    assert not world.b.alive


def test_without_probing_busy_ends_are_reset() -> None:
    world = world_of({"interval": 0.01}, {"interval": 0.007})
    result = converge(world, timeout=1.0, probing=False)
    world.settle()
    assert not world.a.alive
    assert not world.b.alive
    assert result.was_there
    assert result.probes == 0


def test_an_injection_runs_until_its_last_end_is_gone() -> None:
    world = world_of(b={"ignores_all_injected": True})
    with injection_into(world) as injection:
        assert injection.pending == {"local", "remote"}
        while "local" in injection.pending:
            injection.step()
            injection.wait()
        assert not injection.done
        injection.note_gone("remote")
        assert injection.done
        assert injection.result.confirmed
        assert injection.result.elapsed == world.time - 100.0
        assert not world.closed
    assert world.closed


@st.composite
def worlds(draw: st.DrawFn) -> World:
    seqs, intervals = st.integers(0, MODULUS - 1), st.none() | st.floats(2e-3, 0.02)
    delays = st.floats(1e-5, 0.05)
    at = draw(seqs), draw(seqs)

    def peer(name: Endpoint, sends: int, expects: int) -> Peer:
        rejects = draw(st.integers(0, 4)) == 0
        return Peer(
            name,
            sends,
            expects,
            window=draw(st.sampled_from([1000, 65536, 1 << 30])),
            interval=draw(intervals),
            length=draw(st.integers(1, 1400)),
            challenges=draw(st.integers(0, 5)) if not rejects else 1 << 30,
            ignores_all_injected=draw(st.integers(0, 9)) == 0,
            listens=draw(st.booleans()),
            rejects_far_probes=rejects,
            alive=draw(st.integers(0, 9)) > 0,
        )

    loss, random = draw(st.floats(0, 0.2)), Random(draw(st.integers(0, 1000)))
    ends = peer(A, *at), peer(B, *at[::-1])
    return World(*ends, near=draw(delays), far=draw(delays), loss=loss, random=random)


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from([(A,), (B,), BOTH]))
@example(world_of(loss=1.0), BOTH)
def test_random_worlds_end_in_time_with_true_outcomes(
    world: World, wanted: tuple[Endpoint, ...]
) -> None:
    reachable = [p for p in (world.a, world.b) if not p.ignores_all_injected and world.loss < 1]
    result = converge(world, wanted=wanted, timeout=6.0)
    assert result.elapsed <= 6.0 + 1e-6
    assert {(s.source, s.destination) for s in world.injected} <= {(A, B), (B, A)}
    assert len(world.injected) < 60_000
    for name, peer in (("local", world.a), ("remote", world.b)):
        if result.ends.get(name) is Outcome.RESET:
            assert not peer.alive
        elif peer in reachable and peer.name in wanted:
            raise AssertionError(f"{peer} did not converge")
