"""Modifiers: when any mode strikes, and how its octets are paced."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio import HammsServer
from hamms_trio.canary import canary, examine
from hamms_trio.errors import ParameterError
from hamms_trio.modes.model.modifiers import MODIFIERS, Modifiers, modifiers_of
from tests.clients import raw


def struck(modifiers: Modifiers, times: int, seed: int = 0) -> list[int]:
    return [nth for nth in range(1, times + 1) if modifiers.strikes(seed, "some-mode", nth)]


def test_every_request_is_struck_by_default() -> None:
    assert struck(Modifiers(), 5) == [1, 2, 3, 4, 5]


def test_every_third_request_is_struck() -> None:
    assert struck(Modifiers(every=3), 9) == [3, 6, 9]


def test_first_and_skip_bound_the_requests_that_are_struck() -> None:
    assert struck(Modifiers(skip=2, first=3), 9) == [3, 4, 5]
    assert struck(Modifiers(skip=1, every=2), 7) == [3, 5, 7]


def test_a_share_strikes_the_same_requests_in_any_run() -> None:
    some = struck(Modifiers(share=0.3), 1000)
    assert 250 < len(some) < 350
    assert some == struck(Modifiers(share=0.3), 1000)
    assert some != struck(Modifiers(share=0.3), 1000, seed=1)
    assert some != struck(Modifiers(share=0.3, seed=1), 1000)
    assert struck(Modifiers(share=0.3, seed=1), 1000) == struck(Modifiers(share=0.3), 1000, seed=1)


def test_each_key_has_decisions_of_its_own() -> None:
    assert struck(Modifiers(share=0.5, key="a"), 99) != struck(Modifiers(share=0.5, key="b"), 99)


@given(st.integers(0, 5000), st.integers(0, 700), st.floats(0, 1e6))
def test_the_pieces_add_up_to_the_octets(octets: int, size: int, rate: float) -> None:
    pieces = list(Modifiers(slice=size, rate=rate).pieces(octets))
    assert [begin for begin, _ in pieces[1:]] == [end for _, end in pieces[:-1]]
    assert sum(end - begin for begin, end in pieces) == octets
    assert not size or all(end - begin <= size for begin, end in pieces)


def test_a_rate_and_a_delay_add_up() -> None:
    paced = Modifiers(rate=100.0, delay=0.5)
    assert paced.pause(0, "some-mode", 1, 1, 50) == pytest.approx(1.0)
    assert not Modifiers().is_paced


def test_jitter_stays_within_its_bounds() -> None:
    paced = Modifiers(delay=1.0, jitter=0.25)
    pauses = {paced.pause(0, "some-mode", 1, piece, 10) for piece in range(100)}
    assert len(pauses) > 90
    assert all(0.75 <= pause <= 1.25 for pause in pauses)


def test_a_nonce_that_a_canary_can_not_carry_is_refused() -> None:
    with pytest.raises(ParameterError, match="nonce"):
        modifiers_of({"nonce": "two words"})


def test_every_modifier_describes_its_values() -> None:
    assert {modifier.name for modifier in MODIFIERS} >= {"share", "every", "first", "skip", "key"}
    assert all(modifier.takes for modifier in MODIFIERS)


def test_a_spared_request_gets_a_whole_canary(hamms: HammsServer) -> None:
    url = hamms.url("frame-cl-short-fin", skip=1, nonce="spared", key="spared")
    healthy = raw.get(url)
    assert healthy.status == 200
    assert examine(healthy.body, nonce="spared").is_exact
    assert healthy.fields["x-hamms-nonce"] == "spared"
    assert raw.get(url).body != canary("spared")
