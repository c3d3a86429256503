"""The catalogue: sources of failure modes, look-up, and conflicts."""

from __future__ import annotations

from types import ModuleType

import pytest

from hamms_trio.cli.catalogue import listed_doors, selected
from hamms_trio.errors import CatalogueError, UnknownMode
from hamms_trio.lab.doors import PORTS, Doors, ports_of
from hamms_trio.lab.shared.family_door import FAMILY_PORTS, FamilyPort, family_doors
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.modes import CATALOGUE, Catalogue, FailureMode
from hamms_trio.modes.catalogue import modes_of_module
from hamms_trio.modes.declare import on_connect
from hamms_trio.modes.model.expectation import must_error
from hamms_trio.modes.peers.peer import Peer
from tests.modes.test_declare import odd_greeting, odd_silence, odd_thing


def family(*modes: FailureMode) -> ModuleType:
    module = ModuleType("family")
    for number, mode in enumerate(modes):
        setattr(module, f"mode_{number}", mode)
    return module


def named(slug: str, *aliases: str) -> FailureMode:
    async def act(peer: Peer) -> None:
        """Claim a name."""

    act.__name__ = slug.replace("-", "_")
    return on_connect(client=must_error("RFC 9112 §8"), aliases=aliases)(act)


def test_a_catalogue_takes_modes_modules_and_lists() -> None:
    catalogue = Catalogue(family(odd_thing), odd_greeting, [odd_silence])
    assert list(catalogue.values()) == [odd_thing, odd_greeting, odd_silence]


def test_a_catalogue_skips_other_names_of_a_module() -> None:
    module = family(odd_thing)
    module.other = "not a mode"  # type: ignore[attr-defined]
    assert list(Catalogue(module)) == ["odd-thing"]
    assert dict(Catalogue()) == {}


def test_one_mode_in_two_modules_is_no_conflict() -> None:
    assert list(Catalogue(family(odd_thing), family(odd_thing))) == ["odd-thing"]


@pytest.mark.parametrize(
    "rival", [named("odd-thing"), named("rival", "odd-thing"), named("peculiar-thing")]
)
def test_a_slug_or_alias_claimed_twice_is_refused(rival: FailureMode) -> None:
    with pytest.raises(CatalogueError, match=r"claimed twice: (odd|peculiar)-thing"):
        Catalogue(odd_thing, rival)


def test_a_mode_with_the_name_of_a_door_is_refused() -> None:
    with pytest.raises(CatalogueError, match="pace-byte-slow"):
        Doors(CATALOGUE.extended([named("pace-byte-slow")]))


@pytest.mark.parametrize("source", ["odd_thing", 5, None])
def test_a_source_that_is_no_failure_mode_is_refused(source: object) -> None:
    with pytest.raises(CatalogueError, match="is neither a failure mode"):
        Catalogue(source)  # type: ignore[arg-type]


def test_find_accepts_an_alias_and_suggests_near_misses() -> None:
    catalogue = Catalogue(odd_thing)
    assert catalogue.find("peculiar-thing") is catalogue.find("odd-thing") is odd_thing
    with pytest.raises(UnknownMode, match="did you mean odd-thing"):
        catalogue.find("odd-things")


def test_modes_of_module_imports_the_module() -> None:
    pace = Catalogue(modes_of_module("hamms_trio.modes.families.pace"))

    assert {"pace-byte", "pace-first-byte"} <= set(pace)
    assert {mode.family for mode in pace.values()} == {"pace"}


@pytest.mark.parametrize(
    ("module", "problem"),
    [("no_such_module", "can't import"), ("hamms_trio.errors", "declares no failure mode")],
)
def test_a_module_without_modes_is_refused(module: str, problem: str) -> None:
    with pytest.raises(CatalogueError, match=problem):
        modes_of_module(module)


def test_the_port_table_keeps_the_offsets_of_hamms() -> None:
    offsets = [port.offset for port in PORTS]
    assert offsets[:17] == list(range(17))
    assert offsets == sorted(set(offsets))
    doors = {door.offset: door for door in ports_of(CATALOGUE)}
    assert (doors[7].slug, doors[7].name) == ("pace-byte", "pace-byte-slow")
    assert doors[7].given == {"interval": 30.0}
    assert [*doors] == [port.offset for port in PORTS if port.slug in CATALOGUE]


WISHES = {
    "full response then more data": "frame-cl-long",
    "no content type": "type-missing",
    "wrong content type": "type-wrong",
    "random octets dropped": "tcp-corrupt-bytes",
    "1 of 10 requests dropped": "tcp-drop-1-of-10",
    "1 of 100 requests dropped": "tcp-drop-1-of-100",
    "1 MB of header fields": "head-1m",
    "10 MB of header fields": "head-10m",
    "binary data": "status-binary",
}


@pytest.mark.parametrize(("words", "name"), WISHES.items())
def test_each_wish_of_hamms_has_its_words_and_a_port(words: str, name: str) -> None:
    found = selected(listed_doors(CATALOGUE), word=words, family=None, level=None)
    (door,) = (door for door in found if door.name == name)
    assert door.offset is not None


@pytest.mark.parametrize("row", FAMILY_PORTS, ids=lambda row: row.family)
def test_the_flagship_of_each_family_is_found_by_its_name(row: FamilyPort) -> None:
    found = selected(listed_doors(CATALOGUE), word=row.flagship, family=None, level=None)
    assert row.flagship in {door.mode.slug for door in found}
    assert row.family in {door.mode.family for door in found}
    doors = Doors(CATALOGUE)
    served = {door.name for door in family_doors(doors, Labels(doors))}
    assert f"family-{row.family}" in served
