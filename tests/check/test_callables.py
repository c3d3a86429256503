"""Python functions as clients."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest

import hamms_trio
from hamms_trio.errors import ClientUnusable
from tests.check.checks import checked, classes, function

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def by_urllib(url: str, *, timeout: float | None = None) -> bytes:
    with OPENER.open(url, timeout=timeout) as response:
        content: bytes = response.read()
        return content


def test_a_function_is_graded() -> None:
    report = checked(function(by_urllib), "frame-cl-short-fin", "head-truncated", "tcp-accept-hang")
    assert classes(report) == {
        "tcp-accept-hang": "ok",
        "frame-cl-short-fin": "ok",
        "head-truncated": "truncated",
    }
    assert report.client.driver == "callable"


def test_a_coroutine_function_is_graded() -> None:
    async def client(url: str, *, timeout: float) -> bytes:
        return await asyncio.to_thread(by_urllib, url, timeout=timeout)

    assert classes(checked(function(client), "head-truncated")) == {"head-truncated": "truncated"}


def test_the_package_itself_checks_a_client() -> None:
    report = hamms_trio.check(by_urllib, "frame-cl-short-fin", timeout=0.3)
    assert classes(report) == {"frame-cl-short-fin": "ok"}
    assert report.client.name == "by_urllib"


def test_a_function_that_hangs_is_left_behind_at_the_cap() -> None:
    def without_timeout(url: str) -> bytes:
        return by_urllib(url)

    report = checked(function(without_timeout), "tcp-accept-hang")
    assert classes(report) == {"tcp-accept-hang": "no-timeout"}


def test_a_function_that_returns_no_body_is_refused() -> None:
    with pytest.raises(ClientUnusable, match="expected bytes"):
        checked(function(lambda url: 7), "interim-103")


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError, RuntimeError])
def test_anything_that_a_function_raises_is_its_outcome(kind: type[BaseException]) -> None:
    def client(url: str, *, timeout: float) -> bytes:
        try:
            return by_urllib(url, timeout=timeout)
        except OSError as error:
            raise kind("gone") from error

    report = checked(function(client), "tcp-accept-rst")
    assert classes(report) == {"tcp-accept-rst": "ok"}
    assert report.modes["tcp-accept-rst"].evidence.endswith(f"{kind.__name__}: gone.")
