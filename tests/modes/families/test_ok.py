"""The healthy controls, which every client passes that has what they ask for, and sequences."""

from __future__ import annotations

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.modes.families import ok

SAFETY_NET = 60.0
NONCE = "controls"
CONTROLS = ["ok", *(name.replace("_", "-") for name in vars(ok) if name.startswith("ok_"))]


@pytest.mark.parametrize("slug", CONTROLS)
def test_a_client_receives_the_whole_canary(server: HammsServer, slug: str) -> None:
    answer = requests.post(
        server.url(slug, nonce=NONCE), data=b"content", timeout=SAFETY_NET, allow_redirects=True
    )
    assert answer.status_code == 200
    assert examine(answer.content, nonce=NONCE).is_exact
    assert not server.ledger.fired(slug)


def test_there_are_all_the_controls_that_probes_need() -> None:
    names = [
        "cl",
        "chunked",
        "close",
        "gzip",
        "br",
        "zstd",
        "deflate",
        "redirect",
        "keepalive",
        "upload",
    ]
    assert ["ok", *(f"ok-{name}" for name in names)] == CONTROLS


def test_a_sequence_plays_each_mode_once_and_then_the_last(server: HammsServer) -> None:
    url = server.url("sequence", sequence="ok,status--status-503, status--status-429,ok", key="a")
    statuses = [requests.get(url, timeout=SAFETY_NET).status_code for _ in range(6)]
    assert statuses == [200, 503, 429, 200, 200, 200]
    assert [r.slug for r in server.ledger.requests("path")][:3] == ["ok", "status", "status"]
    assert [r.struck for r in server.ledger.requests("path")][:3] == [False, True, True]


def test_each_key_has_a_sequence_of_its_own(server: HammsServer) -> None:
    urls = [server.url("sequence", sequence="status--status-503,ok", key=key) for key in "aab"]
    statuses = [requests.get(url, timeout=SAFETY_NET).status_code for url in urls]
    assert statuses == [503, 200, 503]


@pytest.mark.parametrize(
    ("labels", "status"),
    [("ok,nope", 404), ("ok,tcp-accept-hang", 409), ("sequence", 400), ("status--x-1", 400)],
)
def test_a_sequence_that_can_not_be_played_is_refused_at_once(
    server: HammsServer, labels: str, status: int
) -> None:
    url = server.url("sequence", sequence=labels)
    assert requests.get(url, timeout=SAFETY_NET).status_code == status
