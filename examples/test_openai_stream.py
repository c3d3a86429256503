"""A reader of Chat Completions, and the failures that it has to survive.

Install the client with `pip install openai`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hamms_trio import HammsServer

openai = pytest.importorskip("openai")

Ask = Callable[..., str]


class Incomplete(Exception):
    """The stream ended, but the answer did not."""


def answer(client: openai.OpenAI) -> str:
    """Stand for the code under test: put yours here."""
    text, finish = [], None
    messages = [{"role": "user", "content": "Say something."}]
    for chunk in client.chat.completions.create(model="any", messages=messages, stream=True):
        for choice in chunk.choices:
            text.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    if finish is None:  # the SDK takes an early end for the end
        raise Incomplete("".join(text))
    return "".join(text)


@pytest.fixture
def ask(hamms: HammsServer) -> Ask:
    def ask(slug: str, **arguments: object) -> str:
        base_url = hamms.open(slug, **arguments).url("/v1")
        with openai.OpenAI(base_url=base_url, api_key="any", timeout=1, max_retries=1) as client:
            return answer(client)

    return ask


def test_a_healthy_stream_is_read_to_its_end(ask: Ask) -> None:
    assert ask("llm-ok", nonce="n1").endswith("t38 t39 n1")


@pytest.mark.parametrize("how", ["clean", "delimited", "gzip"])
def test_an_early_end_is_no_answer(ask: Ask, how: str) -> None:
    with pytest.raises(Incomplete):
        ask("llm-cut", how=how)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_broken_connection_is_an_error(ask: Ask, how: str) -> None:
    with pytest.raises(openai.APIConnectionError):
        ask("llm-cut", how=how)


def test_silence_is_bounded(ask: Ask) -> None:
    with pytest.raises(openai.APITimeoutError):
        ask("llm-stall")


def test_an_error_within_the_stream_is_raised(ask: Ask) -> None:
    with pytest.raises(openai.APIError, match="Overloaded"):
        ask("llm-error-event")


def test_a_sign_in_page_is_no_answer(ask: Ask) -> None:
    with pytest.raises(Incomplete):
        ask("llm-error-200")


def test_a_refusal_is_followed_by_one_more_request(hamms: HammsServer, ask: Ask) -> None:
    assert ask("llm-status", status=429, retry_after=1, nonce="n1").endswith("n1")
    first, second = hamms.ledger.requests("llm-status")
    assert second.at - first.at >= 1
    assert first.body_sha256 == second.body_sha256
