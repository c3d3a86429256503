"""Redirects: the hops that real clients follow, and the secrets in the other origin's ledger."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.canary import canary

SECRETS = {
    "Authorization": "Bearer secret",
    "Cookie": "session=secret",
    "Proxy-Authorization": "Basic secret",
    "X-Api-Key": "secret",
}


def curl(url: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = ["curl", "--silent", "--location", "--noproxy", "*", "--max-time", "10"]
    return subprocess.run([*command, *options, url], capture_output=True, check=False)


@pytest.mark.parametrize("kind", ["self", "ping-pong", "unique"])
def test_a_client_abandons_a_redirect_loop(hamms: HammsServer, kind: str) -> None:
    url = hamms.url("redirect-loop", kind=kind)

    assert curl(url, "--max-redirs", "9").returncode == 47  # CURLE_TOO_MANY_REDIRECTS
    targets = [request.target for request in hamms.ledger.requests("redirect-loop")]
    assert len(targets) == 10
    assert len(set(targets)) == {"self": 2, "ping-pong": 3, "unique": 10}[kind]
    with pytest.raises(requests.TooManyRedirects):
        requests.get(url, timeout=10)


@pytest.mark.parametrize("n", [0, 1, 20])
def test_the_canary_follows_the_requested_number_of_hops(hamms: HammsServer, n: int) -> None:
    got = curl(hamms.url("redirect-count", n=n, nonce="hops"))

    assert got.stdout == canary("hops")
    struck = [request.struck for request in hamms.ledger.requests("redirect-count")]
    assert struck == [True] * n + [False]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("through", ["own port", "path door"])
def test_the_other_origin_lists_the_secrets_that_arrived(
    hamms: HammsServer, through: str, status: int
) -> None:
    slug = "redirect-cross-origin-auth"
    where = hamms.open(slug).url if through == "own port" else partial(hamms.url, slug)
    url = where(status=status, nonce="secrets")
    got = curl(url, *(f"-H{name}: {value}" for name, value in SECRETS.items()))

    (request,) = hamms.ledger.requests("other")
    assert request.target == "/elsewhere?nonce=secrets"
    arrived = {name.lower() for name, _ in request.fields} & {name.lower() for name in SECRETS}
    assert set(json.loads(got.stdout)["secrets"]) == arrived
    assert "x-api-key" in arrived  # curl knows nothing of this one


def test_the_other_scheme_is_another_origin(hamms: HammsServer) -> None:
    url = hamms.url("redirect-cross-origin-auth", to="scheme", nonce="scheme")
    got = curl(url, "--insecure", "--proto-redir", "=https", "--user", "ann:secret")

    (request,) = hamms.ledger.requests("other")
    assert request.target == "/elsewhere?nonce=scheme"
    assert "secrets" in json.loads(got.stdout)


@pytest.mark.parametrize("client", ["curl", "requests"])
def test_another_name_of_the_same_port_is_another_origin(hamms: HammsServer, client: str) -> None:
    url = hamms.url("redirect-cross-origin-auth", to="host")
    if client == "curl":
        report = json.loads(curl(url, "--user", "ann:secret").stdout)
    else:
        with requests.Session() as session:
            session.trust_env = False
            report = session.get(url, auth=("ann", "secret"), timeout=10).json()

    assert report["secrets"] == []
    assert not hamms.ledger.requests("other")
    first, second = hamms.ledger.requests("redirect-cross-origin-auth")
    assert (first.struck, second.struck) == (True, False)


@pytest.mark.parametrize(
    ("status", "method", "octets"),
    [
        (301, "GET", 0),
        (302, "GET", 0),
        (303, "GET", 0),
        (307, "POST", 7),
        (308, "POST", 7),
    ],
)
def test_the_answer_reports_method_and_body_of_the_second_request(
    hamms: HammsServer, status: int, method: str, octets: int
) -> None:
    url = hamms.url("redirect-method", status=status)
    report = requests.post(url, data=b"content", timeout=10).json()

    assert (report["method"], report["octets"]) == (method, octets)


def test_the_answer_distinguishes_a_resent_stream_from_an_empty_body(hamms: HammsServer) -> None:
    url = hamms.url("redirect-post-stream")

    assert requests.post(url, data=b"content", timeout=10).json() == {"octets": 7, "same": True}
    used_up = requests.post(url, data=iter([b"content"]), timeout=10, allow_redirects=False)
    other = requests.post(
        f"{url.removesuffix('/')}{used_up.headers['Location'].removeprefix('/mode/redirect-post-stream')}",
        timeout=10,
    )
    assert other.json() == {"octets": 0, "same": False}


def test_only_canary_file_chooses_the_file_of_a_redirect(tmp_path: Path) -> None:
    canary_file = tmp_path / "canary file.txt"
    with HammsServer(beginning_port=0, canary_file=canary_file) as server:
        url = server.url("redirect-to-file", "/?path=/etc/hostname&canary_file=/etc/hostname")
        answer = requests.get(url, timeout=10, allow_redirects=False)

    assert answer.headers["Location"] == canary_file.as_uri()


def test_the_arrival_at_an_inner_address_is_in_the_other_origins_ledger(
    hamms: HammsServer,
) -> None:
    curl(hamms.url("redirect-ssrf", nonce="inner"))

    (request,) = hamms.ledger.requests("other")
    assert request.target == "/elsewhere?nonce=inner"


def test_the_other_origin_reports_userinfo_of_a_location(hamms: HammsServer) -> None:
    report = json.loads(curl(hamms.url("redirect-fragment-userinfo")).stdout)

    (request,) = hamms.ledger.requests("other")
    assert ("authorization" in report["secrets"]) == any(
        name == "Authorization" for name, _ in request.fields
    )
