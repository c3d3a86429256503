"""How a failure mode is declared, and what its declaration says of it."""

from __future__ import annotations

from types import ModuleType

import pytest

from hamms_trio.errors import CatalogueError, MalformedRequest, ParameterError
from hamms_trio.modes import CATALOGUE, FailureMode, Trigger
from hamms_trio.modes.declare import collect, never_accepts, on_connect, on_request
from hamms_trio.modes.expectation import Outcome, may_choose, must_error, must_succeed
from hamms_trio.modes.parameters import Octets, Parameter, Seconds, Seed, Text
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead
from hamms_trio.wire.http1.request import parse_head


@on_request(offset=901, client=must_error("RFC 9112 §8"))
async def odd_thing(
    peer: Peer,
    request: RequestHead,
    *,
    size: Octets = 7,
    every: Seconds = 0.5,
    name: Text = "a",
    seed: Seed | None = None,
) -> None:
    """Do an odd ``thing``.

    More of it.
    """
    await peer.respond(request, 200)


@on_connect(offset=902, client=must_succeed("RFC 9110 §15"))
async def odd_greeting(peer: Peer) -> None:
    """Greet."""
    await peer.send(b"hello")


@never_accepts(offset=903, client=may_choose("RFC 9293 §3.5"))
async def odd_silence() -> None:
    """Say nothing."""


def family(name: str, *modes: FailureMode) -> ModuleType:
    module = ModuleType(name)
    for number, mode in enumerate(modes):
        setattr(module, f"mode_{number}", mode)
    return module


def get(target: str) -> RequestHead:
    return parse_head(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


def test_a_declaration_says_all_there_is_to_know() -> None:
    assert odd_thing.slug == "odd-thing"
    assert odd_thing.family == __name__.rpartition(".")[2]
    assert odd_thing.offset == 901
    assert odd_thing.trigger is Trigger.REQUEST
    assert odd_thing.summary == "Do an odd thing."
    assert odd_thing.description == "Do an odd ``thing``.\n\nMore of it."
    assert odd_thing.client.outcome is Outcome.ERROR
    assert str(odd_thing.client) == "reports an error (RFC 9112 §8)"


def test_the_other_declarations_differ_in_when_they_act() -> None:
    assert odd_greeting.trigger is Trigger.CONNECT
    assert odd_silence.trigger is Trigger.NEVER
    assert odd_greeting.parameters == odd_silence.parameters == ()


def test_keyword_only_arguments_are_parameters() -> None:
    assert odd_thing.parameters == (
        Parameter.of("size", Octets, 7),
        Parameter.of("every", Seconds, 0.5),
        Parameter.of("name", Text, "a"),
        Parameter.of("seed", Seed, None),
    )


DEFAULTS = {"size": 7, "every": 0.5, "name": "a", "seed": None}


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
    for _ in range(2):  # read, then remembered
        assert odd_thing.arguments_of(get(target)) == DEFAULTS | given


@pytest.mark.parametrize("query", ["size=", "size=x", "size=-1", "size=1.0", "every=nan", "seed="])
def test_a_wrong_argument_is_refused_however_often_it_comes(query: str) -> None:
    for _ in range(2):
        with pytest.raises(ParameterError, match=query.partition("=")[0]):
            odd_thing.arguments_of(get(f"/?{query}"))


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(MalformedRequest, match="100"):
        odd_thing.arguments_of(get("/?" + "&".join(["a=b"] * 101)))


def test_arguments_are_remembered_within_bounds() -> None:
    for number in range(2000):
        assert odd_thing.arguments_of(get(f"/?size={number}"))["size"] == number
        odd_thing.arguments_of(get(f"/?size={number}&x={'y' * 300}"))
    assert 0 < len(odd_thing._by_query) <= 256
    assert max(map(len, odd_thing._by_query)) <= 256


def test_two_modes_do_not_share_what_they_remember() -> None:
    @on_request(offset=904, client=must_error("RFC 9112 §8"))
    async def other(peer: Peer, request: RequestHead, *, size: Octets = 1) -> None:
        """Another."""

    assert odd_thing.arguments_of(get("/?name=b"))["size"] == 7
    assert other.arguments_of(get("/?name=b")) == {"size": 1}


def test_collect_orders_by_port() -> None:
    collected = collect(family("b", odd_silence, odd_greeting), family("a", odd_thing))
    assert list(collected) == ["odd-thing", "odd-greeting", "odd-silence"]
    assert collected["odd-thing"] is odd_thing


def test_collect_takes_failure_modes_alone() -> None:
    module = family("a", odd_thing)
    module.other = "not a mode"  # type: ignore[attr-defined]
    assert list(collect(module)) == ["odd-thing"]
    assert collect() == {}


def test_collect_refuses_two_modes_on_one_port() -> None:
    @on_connect(offset=901, client=must_error("RFC 9112 §8"))
    async def rival(peer: Peer) -> None:
        """Claim a port that is taken."""

    with pytest.raises(CatalogueError, match=r"offset claimed twice: \[901\]"):
        collect(family("a", odd_thing), family("b", rival))


def test_collect_refuses_two_modes_of_one_name() -> None:
    @on_connect(offset=905, client=must_error("RFC 9112 §8"))
    async def odd_thing_(peer: Peer) -> None:
        """Claim a name that is taken."""

    odd_thing_.act.__name__ = "odd_thing"
    with pytest.raises(CatalogueError, match=r"slug claimed twice: \['odd-thing'\]"):
        collect(family("a", odd_thing, odd_thing_))


@pytest.mark.parametrize("mode", CATALOGUE.values(), ids=CATALOGUE)
def test_every_mode_is_fully_declared(mode: FailureMode) -> None:
    assert mode.summary.endswith(".")
    assert "RFC" in mode.client.source
    assert mode.arguments({}) == {p.name: p.default for p in mode.parameters}
    for parameter in mode.parameters:  # a default is what a client could have asked for
        if parameter.default is not None:
            assert parameter.parse(str(parameter.default)) == parameter.default
