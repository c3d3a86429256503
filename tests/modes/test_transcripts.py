"""Each mode, played in virtual time and compared with its reviewed transcript."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.lab.doors import Door
from hamms_trio.lab.script.requests import requests_to
from hamms_trio.modes import CATALOGUE
from hamms_trio.testing import check_transcript

REVIEWED = Path(__file__).parent / "transcripts"
DOORS = listed_doors(CATALOGUE)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_mode_matches_its_reviewed_transcript(door: Door) -> None:
    check_transcript(door, REVIEWED / f"{door.name}.txt", requests_to(door))


def test_every_transcript_belongs_to_a_door() -> None:
    assert {path.stem for path in REVIEWED.iterdir()} == {door.name for door in DOORS}
