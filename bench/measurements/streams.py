"""The lateness and the CPU of streamed events, and the CPU of a streamed answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from sys import executable

from bench.children import Server, child, free_port, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Below, Figure, interleave
from bench.machine import held_at_most, server_cpu
from bench.servers import hamms

CLIENTS = 1_000
GAP = 0.05  # seconds between two events: twenty a second
SECONDS = 6.0
LATE_MS = 5.0
EVENT_US = 40.0

ASKING = 16
ANSWER_SECONDS = 2.0
TOKENS = 40
TIMES_LESS = 5.0
PATH = "/v1/chat/completions"
EVENTS = f"of events for {CLIENTS} clients, one each {GAP:g} seconds for each"


def streams(effort: Effort) -> list[Figure]:
    """Streams of llm-ok in the shape of Chat Completions: slow ones, and answers of 40 tokens at once."""
    return [*_events(effort), *_answers(effort)]


def _events(effort: Effort) -> list[Figure]:
    clients, seconds = held_at_most(effort.count(CLIENTS)), max(2.0, effort.seconds(SECONDS))

    def sample() -> Mapping[str, float]:
        with hamms() as server:
            return load(
                "drip",
                address=server.address("path"),
                pid=server.pid,
                connections=clients,
                seconds=seconds,
                target=f"/mode/llm-ok{PATH}?gap={GAP}&tokens=2000",
                interval=GAP,
                mark="\n\n",
            )

    figures = {
        "late_p50_ms": Figure(f"median lateness {EVENTS}", "ms"),
        "late_p99_ms": Figure(
            f"99th percentile of the lateness {EVENTS}", "ms", (AtMost(LATE_MS),)
        ),
        "cpu_us": Figure(f"CPU {EVENTS}", "us", (AtMost(EVENT_US),)),
    }
    return interleave(effort.rounds, {OURS: sample}, figures)


def _answers(effort: Effort) -> list[Figure]:
    words = " ".join(f"t{nth}" for nth in range(TOKENS))
    content = json.dumps(
        {"model": "any", "stream": True, "messages": [{"role": "user", "content": words}]}
    )
    with ExitStack() as stack:
        ours = stack.enter_context(hamms())
        servers = {
            OURS: (ours.address("path"), ours.pid, f"/mode/llm-ok{PATH}"),
        }
        if Path(executable).with_name("llmock").exists():
            peer = stack.enter_context(_llmock())
            servers["llmock"] = (peer.address(), peer.pid, PATH)
        samples = {
            name: partial(
                load,
                "answers",
                address=address,
                pid=pid,
                connections=ASKING,
                seconds=effort.seconds(ANSWER_SECONDS),
                target=target,
                content=content,
                events=TOKENS - 5,
            )
            for name, (address, pid, target) in servers.items()
        }
        what = f"CPU of a streamed answer of {TOKENS} tokens to one of {ASKING} clients"
        targets = (Below("llmock", TIMES_LESS),) if "llmock" in servers else ()
        return interleave(effort.rounds, samples, {"cpu_us": Figure(what, "us", targets)})


@contextmanager
def _llmock() -> Iterator[Server]:
    """Run the peer, which repeats the prompt's words as its answer."""
    port = free_port()
    command = [
        str(Path(executable).with_name("llmock")), "serve", "--port", str(port),
        "--response-style", "echo", "--log-level", "warning",
    ]  # fmt: skip
    with child(command, cpu=server_cpu()) as process:
        process.wait_accepting(port)
        yield Server(process.pid, {"": port})
