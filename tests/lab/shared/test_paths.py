"""The path door: modes on one port, chosen by the beginning of the path."""

from __future__ import annotations

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.errors import ParameterError
from hamms_trio.lab.shared.labels import read_arguments
from hamms_trio.modes import CATALOGUE

SAFETY_NET = 60.0


def get(server: HammsServer, target: str, **fields: str) -> requests.Response:
    url = server.url("path").rstrip("/") + target
    return requests.get(url, headers=fields, timeout=SAFETY_NET, allow_redirects=False)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/mode/status", 200),
        ("/mode/status/", 200),
        ("/mode/status/v1/chat/completions?status=503", 503),
        ("/mode/status-code/?status=418", 418),
        ("/mode/status--status-404/a/b", 404),
        ("/mode/status--status-404/a/b?status=410", 404),
    ],
)
def test_the_path_chooses_mode_and_arguments(server: HammsServer, target: str, status: int) -> None:
    assert get(server, target).status_code == status
    (request,) = server.ledger.requests("status")
    assert request.connection.door == "path"
    assert request.arguments == {"status": status}
    assert request.target == target


def test_a_door_s_name_in_the_path_implies_its_arguments(server: HammsServer) -> None:
    get(server, "/mode/pace-byte-slow/?interval=0")
    (request,) = server.ledger.requests("pace-byte", interval=0)
    assert request.status == 204


def test_requests_of_one_connection_may_select_different_modes(server: HammsServer) -> None:
    with requests.Session() as session:
        base = server.url("path", "/mode")
        targets = ["/status/?status=503", "/retries--tries-1/", "/status/?status=404"]
        answers = [session.get(base + target, timeout=SAFETY_NET) for target in targets]
    assert [answer.status_code for answer in answers] == [503, 200, 404]
    assert len(server.ledger.connections("path")) == 1
    assert [r.slug for r in server.ledger.requests("path")] == ["status", "retries", "status"]


def test_a_mode_s_resources_follow_its_path_segment(server: HammsServer) -> None:
    assert get(server, "/mode/retries--tries-3--key-a-b/v1/x").status_code == 500
    listed = get(server, "/mode/retries/counters").json()
    assert listed["counters"] == {"a-b": 2}


def test_a_redirect_leads_back_through_the_same_door(server: HammsServer) -> None:
    location = get(server, "/mode/status/?status=302").headers["Location"]
    assert location == "/mode/status/?status=200"
    assert get(server, location).status_code == 200


def test_every_door_of_a_mode_shares_its_counters(server: HammsServer) -> None:
    codes = [
        get(server, "/mode/retries/").status_code,
        requests.get(server.url("retries"), timeout=SAFETY_NET).status_code,
        get(server, "/mode/retries/").status_code,
    ]
    assert codes == [500, 500, 200]


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        ("tcp-refused", "nothing listens on it"),
        ("tcp-accept-hang", "it acts before a request has arrived"),
        ("frame-cl-long", "it acts before a request has arrived"),
    ],
)
def test_a_mode_that_needs_a_port_gets_409_with_the_reason(
    server: HammsServer, slug: str, reason: str
) -> None:
    answer = get(server, f"/mode/{slug}/")
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"{slug} needs a port of its own: {reason}"


@pytest.mark.parametrize(
    ("target", "status", "problem"),
    [
        ("/mode/statsu/", 404, "did you mean status"),
        ("/mode/status--code-404/", 400, "give --status-VALUE"),
        ("/mode/status--status-99/", 400, "from 100 to 999"),
        ("/mode/type-not-accepted--x-1/", 400, "no arguments"),
        ("/mode/status/?staus=500", 400, "did you mean 'status'"),
    ],
)
def test_a_bad_path_gets_an_error_with_the_reason(
    server: HammsServer, target: str, status: int, problem: str
) -> None:
    answer = get(server, target)
    assert answer.status_code == status
    assert problem in answer.json()["detail"]
    assert server.ledger.requests("status") == []


def test_the_root_lists_the_modes_as_html_and_json(server: HammsServer) -> None:
    page = get(server, "/", Accept="text/html")
    assert page.headers["Content-Type"] == "text/html"
    assert all(slug in page.text for slug in CATALOGUE)

    listed = {m["slug"]: m for m in get(server, "/", Accept="application/json").json()["modes"]}
    assert set(listed) == set(CATALOGUE)
    assert listed["status"]["path"] == "/mode/status/"
    assert listed["tcp-refused"]["path"] is None
    assert listed["tcp-refused"]["needs_port"] == "nothing listens on it"


def test_a_short_path_chooses_as_well(server: HammsServer) -> None:
    assert get(server, "/m/status--status-503/v1").status_code == 503
    assert get(server, "/m/status/?status=302").headers["Location"] == "/m/status/?status=200"


def test_the_argument_only_restricts_the_path_door() -> None:
    with HammsServer(beginning_port=0, only="status") as server:
        assert get(server, "/mode/status/").status_code == 200
        assert get(server, "/mode/retries/").status_code == 404


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", {}),
        ("--tries-5", {"tries": "5"}),
        ("--tries-5--key-ab", {"tries": "5", "key": "ab"}),
        ("--key-a--b--tries-2", {"key": "a--b", "tries": "2"}),
        ("--key-", {"key": ""}),
        ("--key-%2F%20", {"key": "/ "}),
        ("--tries--3", {"tries": "-3"}),
    ],
)
def test_a_value_ends_where_the_next_parameter_begins(text: str, given: dict[str, str]) -> None:
    assert read_arguments(CATALOGUE["retries"], text) == given


@pytest.mark.parametrize("text", ["--", "--tri-5", "--tries5", "--5"])
def test_a_segment_without_a_parameter_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="--key-VALUE or --tries-VALUE"):
        read_arguments(CATALOGUE["retries"], text)
