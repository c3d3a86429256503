"""Challenges: the attempts of real clients."""

from __future__ import annotations

import subprocess

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from hamms_trio import HammsServer

CREDENTIALS: list[tuple[str, str, AuthBase | None, int]] = [
    ("auth-401-no-challenge", "", HTTPBasicAuth("ann", "secret"), 1),
    ("auth-401-no-challenge", "", HTTPDigestAuth("ann", "secret"), 1),
    ("auth-loop", "", HTTPBasicAuth("ann", "secret"), 1),
    ("auth-loop", "scheme=digest", HTTPDigestAuth("ann", "secret"), 2),
    ("auth-loop", "scheme=digest&stale=1", HTTPDigestAuth("ann", "secret"), 2),
    ("auth-garbage-challenge", "", None, 1),
]


@pytest.mark.parametrize(("slug", "query", "credentials", "attempts"), CREDENTIALS)
def test_the_ledger_counts_the_attempts_of_requests(
    hamms: HammsServer, slug: str, query: str, credentials: AuthBase | None, attempts: int
) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{hamms.url(slug)}?{query}", auth=credentials, timeout=10)

    assert answer.status_code == 401
    assert len(hamms.ledger.requests(slug)) == attempts


def test_a_client_that_accepts_a_downgrade_sends_its_password(hamms: HammsServer) -> None:
    url = hamms.url("auth-downgrade")
    subprocess.run(
        ["curl", "--silent", "--noproxy", "*", "--anyauth", "--user", "ann:secret", url],
        capture_output=True,
        check=True,
    )

    schemes = [
        value.partition(" ")[0]
        for request in hamms.ledger.requests("auth-downgrade")
        for name, value in request.fields
        if name == "Authorization"
    ]
    assert schemes[:1] == ["Digest"]


def test_after_the_last_stale_nonce_the_answer_is_healthy(hamms: HammsServer) -> None:
    url = hamms.url("auth-digest-stale", n=2, key="stale")
    challenges = [requests.get(url, timeout=10).headers.get("WWW-Authenticate") for _ in range(3)]

    assert challenges[0] is not None
    assert challenges[1] is not None
    assert "stale" not in challenges[0]
    assert "stale=true" in challenges[1]
    assert challenges[2] is None
    assert [r.struck for r in hamms.ledger.requests("auth-digest-stale")] == [True, True, False]
