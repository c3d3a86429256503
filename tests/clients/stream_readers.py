"""Clients that read streams, each as one function from a base URL to an outcome."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from tests.clients.outcomes import SAFETY_NET

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "examples" / "node_modules"
MESSAGES: Any = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True)
class StreamOutcome:
    """The text that a client delivered, or the error that it raised.

    Attributes:
        own: True if the error is of the client's own class.
    """

    text: str = ""
    error: str = ""
    own: bool = False

    @property
    def timed_out(self) -> bool:
        return "timeout" in self.error.lower() or "timed out" in self.error.lower()


Read = Callable[[str, float], StreamOutcome]


def outcome_of(texts: Callable[[], Iterator[str]], *own: type[Exception]) -> StreamOutcome:
    """Read to the end, or to the error."""
    try:
        return StreamOutcome("".join(texts()))
    except Exception as error:  # noqa: BLE001 # whatever a client raises is its outcome
        return StreamOutcome(error=f"{type(error).__name__}: {error}", own=isinstance(error, own))


def openai_readers(retries: int = 0) -> dict[str, Read]:
    import openai

    def client(url: str, timeout: float) -> openai.OpenAI:
        base = f"{url}/v1"
        return openai.OpenAI(base_url=base, api_key="k", max_retries=retries, timeout=timeout)

    def chat(url: str, timeout: float) -> Iterator[str]:
        with client(url, timeout) as api:
            for chunk in api.chat.completions.create(model="m", messages=MESSAGES, stream=True):
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""

    def responses(url: str, timeout: float) -> Iterator[str]:
        with client(url, timeout) as api:
            for event in api.responses.create(model="m", input="hi", stream=True):
                if event.type == "response.output_text.delta":
                    yield event.delta

    def helper(url: str, timeout: float) -> Iterator[str]:
        with client(url, timeout) as api, api.responses.stream(model="m", input="hi") as stream:
            yield stream.get_final_response().output_text

    own = openai.OpenAIError
    return {
        "py chat": lambda url, timeout: outcome_of(lambda: chat(url, timeout), own),
        "py responses": lambda url, timeout: outcome_of(lambda: responses(url, timeout), own),
        "py responses helper": lambda url, timeout: outcome_of(lambda: helper(url, timeout), own),
    }


def anthropic_readers(retries: int = 0) -> dict[str, Read]:
    import anthropic

    def client(url: str, timeout: float) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=url, api_key="k", max_retries=retries, timeout=timeout)

    def messages(url: str, timeout: float) -> Iterator[str]:
        with client(url, timeout) as api:
            request = api.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=True)
            for event in request:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text

    def helper(url: str, timeout: float) -> Iterator[str]:
        with (
            client(url, timeout) as api,
            api.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream,
        ):
            yield stream.get_final_text()

    own = anthropic.AnthropicError
    return {
        "py messages": lambda url, timeout: outcome_of(lambda: messages(url, timeout), own),
        "py messages helper": lambda url, timeout: outcome_of(lambda: helper(url, timeout), own),
    }


def httpx_sse_readers() -> dict[str, Read]:
    import httpx
    import httpx_sse

    def chat(url: str, timeout: float) -> Iterator[str]:
        with (
            httpx.Client(timeout=timeout) as client,
            httpx_sse.connect_sse(client, "GET", f"{url}/v1/chat/completions") as source,
        ):
            for event in source.iter_sse():
                if event.data == "[DONE]":
                    return
                if event.data:
                    choices = json.loads(event.data).get("choices")
                    yield (choices[0]["delta"].get("content") or "") if choices else ""

    own = (httpx.HTTPError, httpx_sse.SSEError)
    return {"httpx-sse": lambda url, timeout: outcome_of(lambda: chat(url, timeout), *own)}


class NodeReaders:
    """The SDKs for Node, in one process that reads many streams at once; use it as a context manager."""

    NAMES = ("chat", "responses", "messages", "messages helper", "ai chat", "ai messages")

    def __enter__(self) -> NodeReaders:
        script = str(Path(__file__).with_name("streams.mjs"))
        self._process = subprocess.Popen(
            ["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._waiting: dict[int, Future[StreamOutcome | dict[str, object]]] = {}
        self._listener = Thread(target=self._listen)
        self._listener.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._listener.join()
        self._process.communicate()

    def answer(self, by: str, url: str, *, stream: bool) -> dict[str, object]:
        """Return the text, the tool call and the usage of one healthy answer, as a stream or as a document."""
        found = self._ask({"by": by, "url": url, "stream": stream}).result(SAFETY_NET)
        assert isinstance(found, dict)
        return found

    def reader(self, by: str, retries: int = 0) -> Read:
        """Return the reader of that name."""

        def read(url: str, timeout: float) -> StreamOutcome:
            milliseconds = round(timeout * 1000)
            command = {"by": by, "url": url, "timeout": milliseconds, "retries": retries}
            found = self._ask(command).result(SAFETY_NET)
            assert isinstance(found, StreamOutcome)
            return found

        return read

    def _ask(self, command: dict[str, object]) -> Future[StreamOutcome | dict[str, object]]:
        outcome = Future[StreamOutcome | dict[str, object]]()
        self._waiting[id(outcome)] = outcome
        assert self._process.stdin
        self._process.stdin.write(json.dumps({**command, "id": id(outcome)}) + "\n")
        self._process.stdin.flush()
        return outcome

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            found = json.loads(line)
            outcome = StreamOutcome(
                found.get("text", ""), found.get("error", ""), found.get("own", False)
            )
            self._waiting.pop(found["id"]).set_result(found.get("answer", outcome))
