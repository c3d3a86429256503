"""The environment that failure modes share: chance, state and clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from hamms_trio.modes.model.environment import STATE_ENTRIES, Environment, State, chance
from hamms_trio.version import VERSION

# A histogram of 10 000 chances in tenths of [0, 1). A seed replays a run only while these counts hold.
TENTHS = {
    0: [1035, 1009, 978, 985, 956, 951, 997, 1012, 1088, 989],
    1: [1006, 965, 1005, 1009, 999, 999, 1008, 995, 989, 1025],
    7: [1014, 1005, 961, 979, 1049, 999, 988, 1042, 993, 970],
    -1: [974, 1005, 1024, 986, 981, 998, 1006, 1001, 1029, 996],
}


@pytest.mark.parametrize(("seed", "expected"), TENTHS.items())
def test_chance_is_spread_evenly(seed: int, expected: list[int]) -> None:
    counts = [0] * 10
    for index in range(10_000):
        counts[int(chance(seed, "tcp-drop-random", "key", index) * 10)] += 1
    assert counts == expected
    chi_squared = sum((count - 1000) ** 2 / 1000 for count in counts)
    assert chi_squared < 21.67  # the 99 % quantile for nine degrees of freedom


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0,), 0.7817924376196929),
        ((0, "a"), 0.96482482893681),
        ((0, "a", 1), 0.16232781420719566),
        ((1, "a", 1), 0.07017989256954915),
    ],
)
def test_chance_is_the_same_in_every_run(arguments: tuple[int], expected: float) -> None:
    assert chance(*arguments) == expected


KEYS = st.lists(st.one_of(st.integers(), st.text(max_size=5), st.none()), max_size=3)


@given(st.integers(), KEYS)
@settings(derandomize=True, deadline=None, database=None)
def test_chance_depends_on_its_arguments_alone(seed: int, key: list[int | str | None]) -> None:
    first = chance(seed, *key)
    chance(seed + 1, *key)
    assert 0 <= first < 1
    assert chance(seed, *key) == first


def test_chance_depends_on_each_argument_and_its_position() -> None:
    different = [
        (0, "a", "b"), (1, "a", "b"), (0, "b", "a"), (0, "a"), (0, "ab"), (0, "a", "b", None),
        (0, ("a", "b")), (0, "a, b"), (0, "1"), (0, 1), (0,), (-1,),
    ]  # fmt: skip
    assert len({chance(*arguments) for arguments in different}) == len(different)  # type: ignore[arg-type]


def test_state_evicts_the_entry_set_longest_ago() -> None:
    state: State[int] = State(limit=3)
    for key in "abc":
        state[key] = ord(key)
    state["a"] = 1
    state["d"] = 2
    assert list(state.items()) == [("c", ord("c")), ("a", 1), ("d", 2)]
    assert state.get("b", -1) == -1
    assert state.get("a", -1) == 1


def test_state_is_bounded() -> None:
    state: State[int] = State()
    for number in range(STATE_ENTRIES * 2):
        state[number] = number
    assert len(state) == STATE_ENTRIES
    assert next(state.items()) == (STATE_ENTRIES, STATE_ENTRIES)


def test_counters_are_per_mode_and_key_until_forget() -> None:
    environment = Environment()
    counts = [
        environment.count("a", 1),
        environment.count("a", 1),
        environment.count("a", 2),
        environment.count("b", 1),
    ]
    assert counts == [1, 2, 1, 1]
    environment.state("c", "x")["key"] = 5
    assert environment.state("c", "x").get("key", 0) == 5
    environment.forget()
    assert environment.state("c", "x").get("key", 0) == 0
    assert environment.count("a", 1) == 1


def test_the_number_of_counters_is_bounded() -> None:
    environment = Environment()
    for key in range(STATE_ENTRIES + 10):
        environment.count("a", key)
    assert len(environment.state("a", "counters")) == STATE_ENTRIES


def test_the_origin_fields_are_refreshed_each_second() -> None:
    now = 784111777.0
    environment = Environment(wall_clock=lambda: now)
    first = environment.origin()
    now += 0.999
    assert environment.origin() is first
    now += 0.001
    second = environment.origin()
    server = f"Server: Hamms/{VERSION}\r\n".encode()
    assert first == server + b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    assert second == server + b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
    now -= 10
    assert environment.origin() == server + b"Date: Sun, 06 Nov 1994 08:49:28 GMT\r\n"
