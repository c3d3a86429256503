"""Secrets in URLs: reports, results and messages don't have them."""

from __future__ import annotations

import pytest

from hamms_trio.errors import LoadError
from hamms_trio.load.plan.masking import mask
from hamms_trio.load.plan.request import parse_field
from hamms_trio.load.plan.target import parse_url


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
    ],
)
def test_secrets_in_a_url_are_masked(url: str, masked: str) -> None:
    assert mask(url) == masked


def test_the_url_of_a_result_is_masked_and_the_request_is_not() -> None:
    url = parse_url("http://127.0.0.1/a?token=s3cret")
    assert url.text == "http://127.0.0.1/a?token=***"
    assert url.target == "/a?token=s3cret"


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@127.0.0.1/",
        "http://user:s3/cret@127.0.0.1/",
        "ftp://user:s3cret@127.0.0.1/",
        "ftp://127.0.0.1/?token=s3cret",
        "http://127.0.0.1/\u00e9?token=s3cret",
        "http://user:s3cret@[::1/",
    ],
)
def test_the_error_about_a_url_has_no_secret(url: str) -> None:
    with pytest.raises(LoadError) as caught:
        parse_url(url)
    assert "s3" not in str(caught.value)


@pytest.mark.parametrize("header", ["Authorization Bearer s3cret", "Authorization: s3\rcret"])
def test_the_error_about_a_header_has_its_name_only(header: str) -> None:
    with pytest.raises(LoadError, match="'Authorization' is not of the form") as caught:
        parse_field(header)
    assert "s3" not in str(caught.value)
