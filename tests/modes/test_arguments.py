"""The arguments of an encounter: from defaults, door and query; near misses and unknown names."""

from __future__ import annotations

import pytest

from hamms_trio.errors import MalformedRequest, ParameterError
from hamms_trio.modes.arguments import Resolver, is_near_miss
from hamms_trio.modes.model.environment import State
from hamms_trio.wire import RequestHead
from hamms_trio.wire.http1.request import parse_head
from tests.modes.test_declare import odd_greeting, odd_thing

DEFAULTS = {"size": 7, "every": 0.5, "name": "a", "seed": None}


def get(target: str) -> RequestHead:
    return parse_head(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ("/", {}),
        ("/a/b?", {}),
        ("/?size=8", {"size": 8}),
        ("/?size=8&size=9", {"size": 9}),
        ("/?every=2&name=b+c%20%C3%A9&seed=-3", {"every": 2.0, "name": "b c é", "seed": -3}),
        ("/?name=", {"name": ""}),
        ("/?Size=8&other=x", {}),
        ("http://a.test?size=8", {"size": 8}),
    ],
)
def test_arguments_come_from_the_query(target: str, given: dict[str, object]) -> None:
    resolver = Resolver(odd_thing, {})
    for _ in range(2):  # parsed, then a cache hit
        assert resolver(get(target)).arguments == DEFAULTS | given


def test_the_query_overrides_the_door_and_the_door_the_default() -> None:
    resolver = Resolver(odd_thing, {"size": 1, "name": "door"})
    assert resolver(get("/?size=2")).arguments == DEFAULTS | {"size": 2, "name": "door"}


def test_a_raw_mode_gets_the_arguments_of_its_door() -> None:
    assert Resolver(odd_greeting, {"size": 2})(None).arguments == {"size": 2}


@pytest.mark.parametrize("query", ["size=", "size=x", "size=-1", "size=1.0", "every=nan", "seed="])
def test_a_bad_argument_is_refused_each_time(query: str) -> None:
    resolver = Resolver(odd_thing, {})
    for _ in range(2):
        with pytest.raises(ParameterError, match=query.partition("=")[0]):
            resolver(get(f"/?{query}"))


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(MalformedRequest, match="100"):
        Resolver(odd_thing, {})(get("/?" + "&".join(["a=b"] * 101)))


def test_unknown_names_in_the_query_are_ignored_and_recorded() -> None:
    encounter = Resolver(odd_thing, {})(get("/?page=2&size=8&q=x"))
    assert encounter.arguments["size"] == 8
    assert encounter.ignored == ("page", "q")


@pytest.mark.parametrize("query", ["evry=1", "eveyr=1", "everyy=1", "evero=1", "evey=1"])
def test_a_near_miss_is_refused_and_names_the_parameter(query: str) -> None:
    with pytest.raises(ParameterError, match="did you mean 'every'"):
        Resolver(odd_thing, {})(get(f"/?{query}"))


def test_a_name_close_to_a_short_parameter_is_ignored() -> None:
    assert Resolver(odd_thing, {})(get("/?sizes=1&nam=2")).ignored == ("sizes", "nam")


def test_an_exempt_near_miss_is_ignored() -> None:
    exempt: State[bool] = State()
    resolver = Resolver(odd_thing, {}, exempt=exempt)
    with pytest.raises(ParameterError):
        resolver(get("/?evry=1"))
    exempt["odd-thing", "evry"] = True
    assert resolver(get("/?evry=1")).ignored == ("evry",)


@pytest.mark.parametrize(
    ("name", "parameter", "near"),
    [
        ("failrat", "failrate", True),
        ("failrates", "failrate", True),
        ("xfailrate", "failrate", True),
        ("faiLrate", "failrate", True),
        ("failraet", "failrate", True),
        ("staus", "status", True),
        ("sttaus", "status", True),
        ("failrate", "failrate", False),
        ("fail", "failrate", False),
        ("failrat", "failratex", False),
        ("stusta", "status", False),
        ("tatus", "status", True),
        ("atsus", "status", False),
        ("ke", "key", False),
        ("", "status", False),
    ],
)
def test_a_near_miss_is_one_insertion_deletion_substitution_or_swap(
    name: str, parameter: str, near: bool
) -> None:
    assert is_near_miss(name, parameter) is near


def test_the_cache_of_arguments_is_bounded() -> None:
    resolver = Resolver(odd_thing, {})
    first = resolver(get("/?size=1"))
    assert resolver(get("/?size=1")) is first
    for number in range(300):
        assert resolver(get(f"/?size={number}")).arguments["size"] == number
    assert resolver(get("/?size=1")) is not first


def test_two_resolvers_do_not_share_a_cache() -> None:
    assert Resolver(odd_thing, {})(get("/?size=2")).arguments["size"] == 2
    assert Resolver(odd_greeting, {})(get("/?size=2")).slug == "odd-greeting"
