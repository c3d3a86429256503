"""The table of how today's clients fare, which `make clients-table` writes."""

from __future__ import annotations

import csv
from pathlib import Path

from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.modes import CATALOGUE
from scripts.mode_pages import FARED
from tests.clients.adapters import CLIENTS

(HEADING, *ROWS) = csv.reader(
    Path(__file__).with_name("outcomes_by_version.tsv").read_text().splitlines(), delimiter="\t"
)


def test_every_family_is_in_the_table_of_clients() -> None:
    families = {door.name: door.mode.family for door in listed_doors(CATALOGUE)}
    assert {families[row[0]] for row in ROWS} == set(families.values())


def test_every_row_has_a_known_outcome_for_each_client() -> None:
    assert len(HEADING) == len(CLIENTS) + 1
    for door, *outcomes in ROWS:
        assert len(outcomes) == len(CLIENTS), door
        for outcome in outcomes:
            assert outcome in FARED or outcome.startswith(("status ", "brought ")), (door, outcome)
