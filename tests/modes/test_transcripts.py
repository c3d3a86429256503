"""Each mode, on the wire, compared with its reviewed transcript."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.lab.doors import Door
from hamms_trio.modes import CATALOGUE
from hamms_trio.testing import check_transcript
from hamms_trio.testing.transcript import GET

REVIEWED = Path(__file__).parent / "transcripts"
DOORS = listed_doors(CATALOGUE)
# Requests to modes of which one plain GET does not show the point.
REQUESTS = {
    "retries": [GET] * 4,
    "tcp-drop-random": [GET.replace(b"/ ", b"/?every=2 ")] * 2,
}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_mode_sends_what_was_reviewed(door: Door) -> None:
    check_transcript(door, REVIEWED / f"{door.name}.txt", REQUESTS.get(door.name, [GET]))


def test_there_is_no_transcript_without_its_mode() -> None:
    assert {path.stem for path in REVIEWED.iterdir()} == {door.name for door in DOORS}
