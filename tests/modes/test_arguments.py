"""The arguments of an encounter: defaults, the door's, the query's; near misses; names of the client's own."""

from __future__ import annotations

import pytest

from hamms_trio.errors import MalformedRequest, ParameterError
from hamms_trio.modes.arguments import Resolver, is_near_miss
from hamms_trio.modes.environment import State
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
    for _ in range(2):  # read, then remembered
        assert resolver(get(target)).arguments == DEFAULTS | given


def test_the_query_overrides_the_door_and_the_door_the_default() -> None:
    resolver = Resolver(odd_thing, {"size": 1, "name": "door"})
    assert resolver(get("/?size=2")).arguments == DEFAULTS | {"size": 2, "name": "door"}


def test_a_raw_mode_has_the_arguments_of_its_door() -> None:
    assert Resolver(odd_greeting, {"size": 2})(None).arguments == {"size": 2}


@pytest.mark.parametrize("query", ["size=", "size=x", "size=-1", "size=1.0", "every=nan", "seed="])
def test_a_wrong_argument_is_refused_however_often_it_comes(query: str) -> None:
    resolver = Resolver(odd_thing, {})
    for _ in range(2):
        with pytest.raises(ParameterError, match=query.partition("=")[0]):
            resolver(get(f"/?{query}"))


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(MalformedRequest, match="100"):
        Resolver(odd_thing, {})(get("/?" + "&".join(["a=b"] * 101)))


def test_a_client_s_own_parameters_are_ignored_and_listed() -> None:
    encounter = Resolver(odd_thing, {})(get("/?page=2&size=8&q=x"))
    assert encounter.arguments["size"] == 8
    assert encounter.ignored == ("page", "q")


@pytest.mark.parametrize("query", ["evry=1", "eveyr=1", "everyy=1", "evero=1", "evey=1"])
def test_a_near_miss_is_refused_and_names_the_parameter(query: str) -> None:
    with pytest.raises(ParameterError, match="did you mean 'every'"):
        Resolver(odd_thing, {})(get(f"/?{query}"))


def test_a_name_near_a_short_parameter_is_the_client_s_own() -> None:
    assert Resolver(odd_thing, {})(get("/?sizes=1&nam=2")).ignored == ("sizes", "nam")


def test_an_exempt_name_passes_although_it_is_near() -> None:
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
def test_near_is_one_letter_more_less_or_other_or_two_exchanged(
    name: str, parameter: str, near: bool
) -> None:
    assert is_near_miss(name, parameter) is near


def test_arguments_are_remembered_within_bounds() -> None:
    resolver = Resolver(odd_thing, {})
    first = resolver(get("/?size=1"))
    assert resolver(get("/?size=1")) is first
    for number in range(300):
        assert resolver(get(f"/?size={number}")).arguments["size"] == number
    assert resolver(get("/?size=1")) is not first


def test_two_resolvers_do_not_share_what_they_remember() -> None:
    assert Resolver(odd_thing, {})(get("/?size=2")).arguments["size"] == 2
    assert Resolver(odd_greeting, {})(get("/?size=2")).slug == "odd-greeting"
