"""Declarations of failure modes: slug, driver, parameters, expectation."""

from __future__ import annotations

from typing import Annotated

import pytest

from hamms_trio.errors import CatalogueError, ParameterError
from hamms_trio.modes import CATALOGUE, FailureMode
from hamms_trio.modes.declare import never_accepts, on_connect, on_request
from hamms_trio.modes.drivers import HTTP1, RAW, REFUSE
from hamms_trio.modes.model.expectation import (
    Level,
    Outcome,
    Reuse,
    may_choose,
    may_retry,
    must_error,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Choice, Octets, Parameter, Seconds, Seed, Text
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead


@on_request(
    client=must_error("RFC 9112 §8", level=Level.SHOULD, attempts={"POST": 1}),
    aliases=("peculiar-thing",),
    issues=("https://github.com/kevinburke/hamms/issues/1",),
)
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
    await peer.http.respond(request, 200)


@on_connect(client=must_succeed("RFC 9110 §15"))
async def odd_greeting(peer: Peer, *, size: Octets = 5) -> None:
    """Greet."""
    await peer.send(b"hello"[:size])


@never_accepts(client=may_choose("RFC 9293 §3.5"))
async def odd_silence() -> None:
    """Say nothing."""


def test_a_declaration_gives_names_texts_and_expectation() -> None:
    assert odd_thing.slug == "odd-thing"
    assert odd_thing.aliases == ("peculiar-thing",)
    assert odd_thing.issues == ("https://github.com/kevinburke/hamms/issues/1",)
    assert odd_thing.family == __name__.rpartition(".")[2]
    assert odd_thing.summary == "Do an odd thing."
    assert odd_thing.description == "Do an odd ``thing``.\n\nMore of it."
    assert str(odd_thing.client) == "reports an error (RFC 9112 §8)"


def test_an_expectation_has_outcome_level_attempts_and_reuse() -> None:
    client = odd_thing.client
    assert (client.outcome, client.level) == (Outcome.ERROR, Level.SHOULD)
    assert client.attempts == {"POST": 1}
    assert odd_greeting.client.level is Level.MUST
    assert odd_greeting.client.reuse is Reuse.ANY


def test_a_duty_of_the_mode_s_own_stands_behind_the_outcome_s() -> None:
    own = "The next call succeeds."
    assert must_error("RFC 9112 §8", owes=own).sentences[1] == own
    assert may_choose("RFC 9110 §15.4", owes=own).sentences[0] == own
    assert "documentation" in may_choose("RFC 9110 §15.4").sentences[0]
    assert "at most 10 requests" in " ".join(may_retry("RFC 9110 §9.2.2").sentences)


def test_each_decorator_chooses_its_driver() -> None:
    assert [m.driver for m in (odd_thing, odd_greeting, odd_silence)] == [HTTP1, RAW, REFUSE]
    assert [m.needs_port is None for m in (odd_thing, odd_greeting, odd_silence)] == [
        True,
        False,
        False,
    ]


def test_keyword_only_arguments_are_parameters() -> None:
    assert odd_thing.parameters == (
        Parameter.of("size", Octets, 7),
        Parameter.of("every", Seconds, 0.5),
        Parameter.of("name", Text, "a"),
        Parameter.of("seed", Seed, None),
    )
    assert odd_greeting.parameters == (Parameter.of("size", Octets, 5),)
    assert odd_silence.parameters == ()


def test_given_values_are_checked_as_text_and_as_values() -> None:
    assert odd_thing.checked({"size": 8, "every": "2"}) == {"size": 8, "every": 2.0}
    with pytest.raises(ParameterError, match="it takes size, every, name, seed"):
        odd_thing.checked({"sizes": 8})
    with pytest.raises(ParameterError, match="from 0 to"):
        odd_thing.checked({"size": -1})


def test_a_parameter_without_a_known_type_is_refused() -> None:
    with pytest.raises(CatalogueError, match="'size' has no type"):
        Parameter.of("size", int, 7)


def test_a_parameter_without_a_default_is_refused() -> None:
    with pytest.raises(CatalogueError, match="'size' has no default"):
        Parameter.of("size", Octets, Parameter)


def test_the_default_of_a_choice_is_its_first_name() -> None:
    with pytest.raises(CatalogueError, match="first choice"):
        Parameter.of("case", Annotated[str, Choice("lf", "cr")], "cr")


@pytest.mark.parametrize("mode", CATALOGUE.values(), ids=CATALOGUE)
def test_a_default_is_within_the_parameter_s_domain(mode: FailureMode) -> None:
    for parameter in mode.parameters:
        if parameter.default is not None:
            assert parameter.parse(str(parameter.default)) == parameter.default
