"""`hamms_trio.testing`: contract, declaration and transcript checks for new failure modes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from hamms_trio.errors import PeerGone
from hamms_trio.lab.doors import Door
from hamms_trio.modes import CATALOGUE
from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.model.expectation import may_choose
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.testing import check_contract, check_declaration, check_transcript, transcript
from hamms_trio.wire import RequestHead
from tests.lab.example_modes import hello_at_connect, hello_per_request, repeat_all


@on_connect(client=may_choose("a test"))
async def stubborn(peer: Peer) -> None:
    """Go on although the client has left."""
    while True:
        try:
            await peer.receive()
        except PeerGone:
            await peer.sleep(1_000_000)


@on_request(client=may_choose(""))
async def speechless(peer: Peer, request: RequestHead) -> None:
    """say nothing"""  # noqa: D403, D415 - `check_declaration` has to reject this docstring


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    own = [hello_at_connect, hello_per_request, repeat_all, stubborn]
    with HammsServer(beginning_port=0, speed=1000, modes=own) as server:
        yield server


@pytest.mark.parametrize("slug", ["hello-at-connect", "hello-per-request", "repeat-all"])
def test_a_correct_mode_passes_the_contract(server: HammsServer, slug: str) -> None:
    check_contract(server, slug)


def test_a_mode_that_keeps_connections_fails_the_contract(
    server: HammsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hamms_trio.testing.contract.SAFETY_NET", 0.05)
    with pytest.raises(AssertionError, match=r"stubborn#.*: connections stayed open after nothing"):
        check_contract(server, "stubborn")


def test_a_declaration_without_a_sentence_fails_the_check() -> None:
    check_declaration(hello_at_connect)
    with pytest.raises(AssertionError, match=r"speechless: .* is no sentence"):
        check_declaration(speechless)


def test_a_transcript_has_a_time_and_direction_per_line() -> None:
    assert transcript(hello_at_connect) == "   0.000  < 'hello world'\n   0.000  < FIN\n"
    drip = Door("drip", CATALOGUE["pace-byte"], {"interval": 0.5})
    first, second, *_ = transcript(drip).splitlines()[1:]
    assert (first, second) == ("   1.500  < 'H'", "   2.000  < 'T'")


def test_a_new_transcript_is_written_and_fails_until_it_is_reviewed(tmp_path: Path) -> None:
    reviewed = tmp_path / "transcripts" / "hello-at-connect.txt"
    with pytest.raises(AssertionError, match="read it, then commit it"):
        check_transcript(hello_at_connect, reviewed)
    check_transcript(hello_at_connect, reviewed)
    reviewed.write_text("   0.000  < 'good evening'\n")
    with pytest.raises(AssertionError, match="good evening"):
        check_transcript(hello_at_connect, reviewed)


def test_an_endless_mode_has_a_bounded_transcript() -> None:
    @on_connect(client=may_choose("a test"))
    async def flood(peer: Peer) -> None:
        """Send without end."""
        while True:
            await peer.send(bytes(1024 * 1024))

    assert transcript(flood).endswith("gives up\n")
