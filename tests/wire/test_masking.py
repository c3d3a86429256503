"""Secrets in URLs and request lines: logs, reports and messages don't have them."""

from __future__ import annotations

import pytest

from hamms_trio.wire.masking import mask


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://a/", "http://a/"),
        ("http://a:80/@scope/x?q=1&key=ab#@", "http://a:80/@scope/x?q=1&key=ab#@"),
        ("http://[::1]:80/@scope", "http://[::1]:80/@scope"),
        ("http://user:s3cret@[::1]/@scope", "http://***@[::1]/@scope"),
        ("http://user:s3cret@a/", "http://***@a/"),
        ("http://user:s3/cret@a/b?c=d", "http://***@a/b?c=d"),
        ("http://user:s3@cret@a/", "http://***@a/"),
        ("http://a/?token=s3cret", "http://a/?token=***"),
        ("http://a/?x=1&access_token=s3cret&y=2#top", "http://a/?x=1&access_token=***&y=2#top"),
        (
            "http://a/?API-Key=s3cret;client_secret=s3cret",
            "http://a/?API-Key=***;client_secret=***",
        ),
        ("http://a/?to%6ben=s3cret", "http://a/?to%6ben=***"),
        ("http://a/?password=s3=cret", "http://a/?password=***"),
        ("http://a/?sig=s3cret&passage=2&signal=3", "http://a/?sig=***&passage=2&signal=3"),
        ("/login?pwd=s3cret", "/login?pwd=***"),
        ("no URL at all", "no URL at all"),
        ("user:s3cret@a:80", "***@a:80"),
        ("GET http://user:s3cret@a/?token=s3cret HTTP/1.1", "GET http://***@a/?token=*** HTTP/1.1"),
        ("CONNECT user:s3cret@a:443 HTTP/1.1", "CONNECT ***@a:443 HTTP/1.1"),
        ("//user:s3cret@a/", "//***@a/"),
        ("/people/me@a.test", "/people/me@a.test"),
    ],
)
def test_secrets_in_a_url_are_masked(url: str, masked: str) -> None:
    assert mask(url) == masked
