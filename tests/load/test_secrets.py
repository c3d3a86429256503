"""Secrets in URLs and header fields: results and messages of a load don't have them."""

from __future__ import annotations

import pytest

from hamms_trio.errors import LoadError
from hamms_trio.load.plan.request import parse_field
from hamms_trio.load.plan.target import parse_url


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
