"""The marker ``hamms`` and the fixture ``hamms_case``."""

from __future__ import annotations

import pytest
import requests
import urllib3

from hamms_trio.cases import Case
from tests.inner import run_inner


def get(url: str, timeout: float) -> bytes:
    return requests.get(url, timeout=timeout).content


def take_what_comes(url: str, timeout: float) -> bytes:
    """Read as careless programs do: what has come counts."""
    with requests.get(url, timeout=timeout, stream=True) as answer:
        try:
            return b"".join(answer.raw.stream(1024))
        except Exception:  # noqa: BLE001 # that is the point
            return b""


@pytest.mark.hamms("frame-cl-short-fin", "status-204-body", timeout=0.5)
def test_each_mode_is_a_test_of_its_own(hamms_case: Case, request: pytest.FixtureRequest) -> None:
    assert request.node.name.endswith(f"[{hamms_case.slug}]")
    assert hamms_case.verdict(get).passed


@pytest.mark.hamms("frame-cl-short-fin")
def test_a_careless_client_is_found_out(hamms_case: Case) -> None:
    verdict = hamms_case.verdict(take_what_comes)
    assert not verdict.passed
    assert (verdict.verdict, verdict.class_) == ("FAIL", "truncated")
    assert "FAIL truncated (H501) in frame-cl-short-fin" in str(verdict)


@pytest.mark.hamms("frame-cl-short-fin")
def test_an_error_that_the_test_has_seen_is_graded(hamms_case: Case) -> None:
    with pytest.raises(requests.RequestException) as raised:
        requests.get(hamms_case.url, timeout=hamms_case.timeout)
    assert hamms_case.verdict(error=raised.value).verdict == "PASS"


@pytest.mark.hamms("tcp-accept-hang", timeout=0.6)
def test_each_attempt_may_take_the_timeout(hamms_case: Case) -> None:
    with pytest.raises(urllib3.exceptions.HTTPError) as raised:  # three retries are its default
        urllib3.PoolManager().request("GET", hamms_case.url, timeout=hamms_case.timeout)
    assert hamms_case.verdict(error=raised.value).verdict == "PASS"


@pytest.mark.hamms("frame-cl-short-fin")
def test_a_body_that_the_test_has_read_is_graded(hamms_case: Case) -> None:
    body = take_what_comes(hamms_case.url, hamms_case.timeout)
    assert hamms_case.verdict(body=body).class_ == "truncated"


@pytest.mark.hamms("frame-cl-short-fin")
def test_a_mode_that_no_request_met_has_no_verdict(hamms_case: Case) -> None:
    assert hamms_case.verdict(error="the test has sent nothing").verdict == "N/A"


PROJECT = """
import pytest, requests

def get(url, timeout):
    return requests.get(url, timeout=timeout).content

@pytest.mark.hamms("chunk-no-final", "redirect", exclude="redirect-loop")
def test_client(hamms_case):
    assert hamms_case.verdict(get).passed
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return run_inner(pytester, *arguments, plugins=("hamms_trio.pytest_plugin",))


def test_workers_of_xdist_share_the_cases(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PROJECT)
    chosen = "chunk-no-final or redirect-method or redirect-loop"
    result = run(pytester, "-p", "xdist", "-n", "2", "-k", chosen)
    result.assert_outcomes(passed=2)


def test_a_wrong_marker_is_an_error_that_names_the_mistake(pytester: pytest.Pytester) -> None:
    test = "import pytest\n{}\ndef test_client(hamms_case): pass\n"
    pytester.makepyfile(
        test_none=test.format(""),
        test_typo=test.format('@pytest.mark.hamms("frame-cl-shrot-fin")'),
        test_other=test.format('@pytest.mark.hamms("frame", patience=1)'),
    )
    result = run(pytester)
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "*hamms_case needs @pytest.mark.hamms*",
            "*there is no suite 'frame-cl-shrot-fin'*",
            "*takes exclude, timeout, seed, can*",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_generate_tests*")
