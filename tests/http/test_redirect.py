"""The redirect from http:// to https://."""

from __future__ import annotations

import pytest

from hamms_trio.http import Service
from hamms_trio.http.resources.redirect import RedirectRouter
from tests.http.conversations import read_answers, talk


@pytest.mark.parametrize(
    ("target", "host", "port", "location"),
    [
        ("/", "a", 8443, "https://a:8443/"),
        ("/", "a", 443, "https://a/"),
        ("/x%20y?q=1&r", "a:80", 8443, "https://a:8443/x%20y?q=1&r"),
        ("/", "[::1]:8080", 8443, "https://[::1]:8443/"),
        ("/", "[::1]", 443, "https://[::1]/"),
        ("http://b:99/x?y", "a", 8443, "https://b:8443/x?y"),
        ("http://[::1]:99", "a", 8443, "https://[::1]:8443/"),
        ("http://b/x#y", "a", 8443, "https://b:8443/x"),
        ("//evil.test/x", "a", 8443, "https://a:8443//evil.test/x"),
    ],
)
def test_the_location_is_the_same_place_over_tls(
    target: str, host: str, port: int, location: str
) -> None:
    service = Service(RedirectRouter(port, "127.0.0.1"))
    request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    (answer,) = read_answers(talk([request], service=service)[0])
    assert (answer.status, answer.fields["location"]) == (308, location)
    assert answer.fields["connection"] == "close"
    assert answer.fields["cache-control"] == "no-store"
    assert answer.body == b"Use HTTPS\n"


def test_a_request_with_a_long_body_is_sent_on_too() -> None:
    service = Service(RedirectRouter(443, "127.0.0.1"))
    request = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n"
    (answer,) = read_answers(talk([request], service=service)[0])
    assert (answer.status, answer.fields["location"]) == (308, "https://a/x")


@pytest.mark.parametrize(("host", "location"), [("::1", "https://[::1]/"), ("a", "https://a/")])
def test_a_request_that_names_no_host_is_sent_to_ours(host: str, location: str) -> None:
    service = Service(RedirectRouter(443, host))
    request = b"POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"
    (answer,) = read_answers(talk([request], service=service)[0])
    assert answer.fields["location"] == location + "x"
