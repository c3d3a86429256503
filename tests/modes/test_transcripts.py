"""Each mode, on the wire, compared with its reviewed transcript."""

from __future__ import annotations

from pathlib import Path

import pytest
from trio.testing import MockClock

from hamms_trio.modes import CATALOGUE, FailureMode
from tests.transcript import transcript

REVIEWED = Path(__file__).parent / "transcripts"


@pytest.mark.parametrize("mode", CATALOGUE.values(), ids=lambda mode: mode.slug)
async def test_mode_behaves_as_reviewed(mode: FailureMode, autojump_clock: MockClock) -> None:
    reviewed = REVIEWED / f"{mode.slug}.txt"
    played = await transcript(mode)
    if not reviewed.exists():
        reviewed.write_text(played, encoding="utf-8")
        pytest.fail(f"wrote {reviewed.name}: read it, then commit it")
    assert played == reviewed.read_text(encoding="utf-8")


def test_there_is_no_transcript_without_its_mode() -> None:
    assert {path.stem for path in REVIEWED.iterdir()} == set(CATALOGUE)
