"""Cookies: the answer behind the redirect says which of them a jar has sent back."""

from __future__ import annotations

import json
import subprocess

import pytest
import requests

from hamms_trio import HammsServer


def through_requests(url: str) -> dict[str, object]:
    with requests.Session() as session:
        session.trust_env = False
        report: dict[str, object] = session.get(url, timeout=10).json()
        return report


def through_curl(url: str) -> dict[str, object]:
    command = ["curl", "--silent", "--noproxy", "*", "--location", "--cookie", "", url]
    report: dict[str, object] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    return report


CLIENTS = {"requests": through_requests, "curl": through_curl}
# The cookies that a jar sends back if it is right.
RIGHT = [
    ("cookie-foreign-domain", {"domain": "tld"}, ["hamms"]),
    ("cookie-foreign-domain", {"domain": "other-host"}, ["hamms"]),
    ("cookie-foreign-domain", {"domain": "ip"}, ["hamms"]),
    ("cookie-scope-leak", {"attr": "path"}, ["hamms"]),
    ("cookie-expiry-edge", {"value": "max-age-0"}, ["hamms"]),
    ("cookie-expiry-edge", {"value": "negative"}, ["hamms"]),
]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("slug", "parameters", "right"), RIGHT)
def test_a_jar_that_is_right_sends_back_the_sound_cookie_only(
    hamms: HammsServer,
    client: str,
    slug: str,
    parameters: dict[str, str],
    right: list[str],
) -> None:
    assert CLIENTS[client](hamms.open(slug, **parameters).url())["cookies"] == right


@pytest.mark.parametrize("client", CLIENTS)
def test_cookies_come_back_to_another_port_but_not_to_another_host(
    hamms: HammsServer, client: str
) -> None:
    slug, fetch = "cookie-scope-leak", CLIENTS[client]
    reports = [fetch(hamms.open(slug, attr=attr).url()) for attr in ("port", "host")]

    cookies = [report["cookies"] for report in reports]
    assert [sorted(names) for names in cookies if isinstance(names, list)] == [
        ["hamms", "leak"],
        [],
    ]


def test_the_answer_reports_the_size_of_the_returned_cookies(hamms: HammsServer) -> None:
    report = through_requests(hamms.url("cookie-flood", n=10, size=100))

    assert report == {"cookies": 10, "octets": 10 * 100 + 9 * len("; ")}
