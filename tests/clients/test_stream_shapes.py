"""The healthy streams, read to their last event by the SDKs of their APIs: text, tools, usage, one document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from shutil import which

import pytest

from hamms_trio import HammsServer
from tests.clients.stream_readers import MESSAGES, NODE_MODULES, NodeReaders

TEXT = "t0 t1 t2 t3 n1"
TOKENS = 4
Answer = dict[str, object]
Read = Callable[[str, bool], Answer]

on_both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "document"])
with_and_without_a_tool = pytest.mark.parametrize("tool", [False, True], ids=["text", "tool"])


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def node() -> Iterator[NodeReaders]:
    if not (which("node") and NODE_MODULES.exists()):
        pytest.skip("needs Node and, in examples/, npm install")
    with NodeReaders() as node:
        yield node


def chat(url: str, stream: bool) -> Answer:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k") as client:
        completions = client.chat.completions
        if stream:
            usage = {"include_usage": True}
            with completions.stream(model="m", messages=MESSAGES, stream_options=usage) as events:
                completion = events.until_done().get_final_completion()
        else:
            completion = completions.create(model="m", messages=MESSAGES)
    message = completion.choices[0].message
    calls = message.tool_calls or []
    return {
        "text": message.content,
        "tool": json.loads(calls[0].function.arguments)["text"] if calls else None,
        "usage": completion.usage.completion_tokens,
    }


def responses(url: str, stream: bool) -> Answer:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k") as client:
        if stream:
            with client.responses.stream(model="m", input="hi") as events:
                response = events.until_done().get_final_response()
        else:
            response = client.responses.create(model="m", input="hi")
    calls = [item for item in response.output if item.type == "function_call"]
    return {
        "text": response.output_text,
        "tool": json.loads(calls[0].arguments)["text"] if calls else None,
        "usage": response.usage.output_tokens,
    }


def messages(url: str, stream: bool) -> Answer:
    anthropic = pytest.importorskip("anthropic")
    with anthropic.Anthropic(base_url=url, api_key="k") as client:
        if stream:
            with client.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(model="m", max_tokens=9, messages=MESSAGES)
    (block,) = message.content
    return {
        "text": getattr(block, "text", None),
        "tool": block.input["text"] if block.type == "tool_use" else None,
        "usage": message.usage.output_tokens,
    }


def base_url(server: HammsServer, *, tool: bool) -> str:
    segment = f"llm-ok--tokens-{TOKENS}--nonce-n1--tool-{tool}"
    return server.url("path", f"/mode/{segment}")


def check(answer: Answer, *, tool: bool) -> None:
    assert answer["usage"] == TOKENS
    assert (answer.get("tool") or None, answer.get("text") or None) == (
        (TEXT, None) if tool else (None, TEXT)
    )


@on_both_ways
@with_and_without_a_tool
@pytest.mark.parametrize("read", [chat, responses, messages])
def test_python_reads_a_healthy_answer(
    server: HammsServer, read: Read, tool: bool, stream: bool
) -> None:
    check(read(base_url(server, tool=tool), stream), tool=tool)


@on_both_ways
@with_and_without_a_tool
@pytest.mark.parametrize("by", ["chat", "responses", "messages"])
def test_node_reads_a_healthy_answer(
    server: HammsServer, node: NodeReaders, by: str, tool: bool, stream: bool
) -> None:
    check(node.answer(by, base_url(server, tool=tool), stream=stream), tool=tool)
