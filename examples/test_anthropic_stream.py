"""A reader of the Messages API, and the failures that it has to survive.

Install the client with `pip install anthropic`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hamms_trio import HammsServer

anthropic = pytest.importorskip("anthropic")

Ask = Callable[..., str]


class Incomplete(Exception):
    """The stream ended, but the answer did not."""


def answer(client: anthropic.Anthropic) -> str:
    """Stand for the code under test: put yours here."""
    messages = [{"role": "user", "content": "Say something."}]
    with client.messages.stream(model="any", max_tokens=100, messages=messages) as stream:
        text = "".join(stream.text_stream)
        if stream.current_message_snapshot.stop_reason is None:  # an early end raises nothing
            raise Incomplete(text)
    return text


@pytest.fixture
def ask(hamms: HammsServer) -> Ask:
    def ask(slug: str, **arguments: object) -> str:
        base_url = hamms.open(slug, **arguments).url("/")
        with anthropic.Anthropic(
            base_url=base_url, api_key="any", timeout=1, max_retries=1
        ) as client:
            return answer(client)

    return ask


def test_a_healthy_stream_is_read_to_its_end(ask: Ask) -> None:
    assert ask("llm-ok", nonce="n1").endswith("t38 t39 n1")


def test_an_early_end_is_no_answer(ask: Ask) -> None:
    with pytest.raises(Incomplete):
        ask("llm-cut")


def test_an_error_within_the_stream_is_raised(ask: Ask) -> None:
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        ask("llm-error-event")


def test_silence_is_bounded(ask: Ask) -> None:
    with pytest.raises(Exception, match="timed out"):  # httpx's, not the SDK's own
        ask("llm-stall")


def test_a_post_that_was_dropped_is_sent_again(hamms: HammsServer, ask: Ask) -> None:
    assert ask("llm-drop-post", nonce="n1").endswith("n1")
    first, second = hamms.ledger.requests("llm-drop-post")
    assert first.body_sha256 == second.body_sha256


@pytest.mark.parametrize("kind", ["no-data", "comment", "empty", "unknown", "ping"])
def test_an_odd_event_is_passed_over(ask: Ask, kind: str) -> None:
    assert ask("llm-bad-event", kind=kind, nonce="n1").endswith("n1")
