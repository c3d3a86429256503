"""The table of how today's clients fare, which `make clients-table` writes."""

from __future__ import annotations

from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.control.outcomes import BROUGHT, MEANINGS, by_version
from hamms_trio.modes import CATALOGUE
from tests.clients.adapters import CLIENTS

NAMES, ROWS = by_version()


def test_every_family_is_in_the_table_of_clients() -> None:
    families = {door.name: door.mode.family for door in listed_doors(CATALOGUE)}
    assert {families[door] for door in ROWS if door in families} == set(families.values())


def test_every_row_has_a_known_outcome_for_each_client() -> None:
    assert len(NAMES) == len(CLIENTS)
    for door, outcomes in ROWS.items():
        assert len(outcomes) == len(CLIENTS), door
        for outcome in outcomes:
            assert outcome in MEANINGS or outcome.startswith(("status ", BROUGHT)), (door, outcome)
