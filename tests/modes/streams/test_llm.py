"""The family llm on the wire: what leaves before the fault, and how the body ends."""

from __future__ import annotations

import json
import socket
import sys
import zlib
from email.utils import parsedate_to_datetime

import pytest

from hamms_trio import HammsServer
from tests.modes.streams.conftest import Ask
from tests.modes.streams.reading import EventSource, ask, texts, values

CHAT, RESPONSES, MESSAGES = "v1/chat/completions", "v1/responses", "v1/messages"
PLAIN, NDJSON = "events", "ndjson"
TEXT = "t0 t1 t2 t3 n1"
QUERY = "tokens=4&nonce=n1"
STREAM = b'{"stream": true, "model": "m"}'
DOCUMENT = b'{"model": "m"}'


def text_of(path: str, octets: bytes) -> str:
    """Return the text that a correct reader of the shape gets from the whole stream."""
    if path == NDJSON:
        return "".join(json.loads(line)["text"] for line in octets.splitlines())
    if path == PLAIN:
        return " ".join(texts(octets))
    found = []
    for value in values(octets):
        if path == CHAT and value["choices"]:
            found.append(value["choices"][0]["delta"].get("content", ""))  # type: ignore[index]
        elif path == RESPONSES and value["type"] == "response.output_text.delta":
            found.append(value["delta"])
        elif path == MESSAGES and value["type"] == "content_block_delta":
            found.append(value["delta"]["text"])  # type: ignore[index]
    return "".join(map(str, found))


SHAPES = pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES, PLAIN, NDJSON])
TERMINALS = {
    CHAT: b"data: [DONE]\n\n",
    RESPONSES: b"event: response.completed\n",
    MESSAGES: b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    NDJSON: b'"done":true,',
}


@SHAPES
def test_a_healthy_stream_holds_the_text_one_event_a_chunk(play: Ask, path: str) -> None:
    answer = play(f"llm-ok/{path}?{QUERY}", STREAM)
    assert (answer.status, answer.ending) == (200, "complete")
    assert answer.fields["content-type"] == (
        "application/x-ndjson" if path == NDJSON else "text/event-stream"
    )
    assert text_of(path, answer.body) == TEXT
    assert TERMINALS.get(path, b"") in answer.chunks[-1]
    events = answer.chunks if path == NDJSON else EventSource().read(answer.body).events
    assert len(events) == len(answer.chunks)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (CHAT, lambda document: document["choices"][0]["message"]["content"]),
        (RESPONSES, lambda document: document["output"][0]["content"][0]["text"]),
        (MESSAGES, lambda document: document["content"][0]["text"]),
        (PLAIN, lambda document: document["text"]),
    ],
)
def test_without_a_stream_the_text_is_one_document(play: Ask, path: str, text: object) -> None:
    answer = play(f"llm-ok/{path}?{QUERY}", DOCUMENT)
    assert answer.fields["content-type"] == "application/json"
    assert text(json.loads(answer.body)) == TEXT  # type: ignore[operator]


def test_ndjson_streams_unless_stream_is_false(play: Ask) -> None:
    assert len(play(f"llm-ok/api/chat?{QUERY}", DOCUMENT).chunks) == 5
    answer = play(f"llm-ok/api/generate?{QUERY}", b'{"stream": false}')
    assert json.loads(answer.body)["response"] == TEXT


def test_usage_is_sent_on_request(play: Ask) -> None:
    body = b'{"stream": true, "stream_options": {"include_usage": true}}'
    usage = values(play(f"llm-ok/{CHAT}?{QUERY}", body).body)[-1]
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


CUTS = {"clean": "complete", "fin": "fin", "rst": "rst", "delimited": "fin", "gzip": "complete"}


@SHAPES
@pytest.mark.parametrize("how", CUTS)
def test_a_cut_stream_ends_in_the_requested_way(play: Ask, path: str, how: str) -> None:
    answer = play(f"llm-cut/{path}?{QUERY}&after=2&how={how}", STREAM)
    assert answer.ending == CUTS[how]
    body = answer.body
    if how == "gzip":
        decoder = zlib.decompressobj(wbits=31)
        body = decoder.decompress(body)
        assert not decoder.eof
    assert text_of(path, body).rstrip(" ") == "t0 t1"
    assert ("transfer-encoding" in answer.fields) is (how != "delimited")


@SHAPES
def test_a_cut_can_lie_inside_an_event_or_a_character(play: Ask, path: str) -> None:
    whole = play(f"llm-ok/{path}?{QUERY}", STREAM).body
    inside = play(f"llm-cut/{path}?{QUERY}&after=2&at=inside", STREAM).body
    assert whole.startswith(inside)
    assert inside[-1:] not in b"\n\r"
    utf8 = play(f"llm-cut/{path}?{QUERY}&after=2&at=utf8", STREAM).body
    assert utf8.endswith(b"t2\xe2")
    utf8[:-1].decode()


def test_a_cut_by_tls_needs_the_tls_twin(play: Ask) -> None:
    assert play("llm-cut/?how=tls").status == 409


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES, NDJSON])
def test_the_terminal_marker_can_be_missing(play: Ask, path: str) -> None:
    answer = play(f"llm-no-terminal/{path}?{QUERY}", STREAM)
    assert answer.ending == "complete"
    assert text_of(path, answer.body) == TEXT
    assert TERMINALS[path] not in answer.body


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_the_finish_reason_can_be_missing(play: Ask, path: str) -> None:
    body = play(f"llm-no-finish/{path}?{QUERY}&after=2", STREAM).body
    assert text_of(path, body) == "t0 t1 "
    assert TERMINALS[path] in body
    assert b'finish_reason":"' not in body
    assert b'stop_reason":"' not in body
    if path == RESPONSES:
        response = values(body)[-1]["response"]
        assert response["status"] is None  # type: ignore[index]
        assert response["output"][0]["content"][0]["text"] == "t0 t1 "  # type: ignore[index]


@pytest.mark.parametrize(
    ("at", "events", "status"),
    [("head", 0, 0), ("first", 0, 200), ("mid", 3, 200), ("inside", 4, 200), ("after", 7, 200)],
)
def test_a_stall_holds_the_connection_at_its_point(
    play: Ask, at: str, events: int, status: int
) -> None:
    answer = play(f"llm-stall/{CHAT}?{QUERY}&after=2&at={at}", STREAM)
    assert (answer.status, len(answer.chunks), answer.ending) == (status, events, "fin")


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("comment", b": keep-alive\n\n"),
        ("ping", b'event: ping\ndata: {"type":"ping"}\n\n'),
        ("empty", b"data: \n\n"),
    ],
)
def test_keep_alives_carry_no_content(play: Ask, kind: str, octets: bytes) -> None:
    answer = play(f"llm-heartbeat/{CHAT}?{QUERY}&after=2&kind={kind}&hold=3", STREAM)
    assert answer.chunks[3:] == [octets] * 6
    assert answer.ending == "fin"


def test_a_dripped_body_is_the_healthy_one(play: Ask) -> None:
    whole = play(f"llm-ok/{CHAT}?{QUERY}", STREAM)
    assert play(f"llm-drip/{CHAT}?{QUERY}&every=0.001", STREAM).chunks == whole.chunks


def test_keep_alives_bridge_the_time_to_the_first_event(play: Ask) -> None:
    whole = play(f"llm-ok/{CHAT}?{QUERY}", STREAM).chunks
    beating = play(f"llm-slow-first/{CHAT}?{QUERY}", STREAM).chunks
    assert beating == [b": keep-alive\n\n"] * 10 + whole
    assert play(f"llm-slow-first/{CHAT}?{QUERY}&beat=none", STREAM).chunks == whole


@pytest.mark.parametrize(
    ("path", "event"),
    [
        (CHAT, b'data: {"error":{"message":'),
        (
            RESPONSES,
            b'event: error\ndata: {"type":"error","sequence_number":6,"code":"server_error"',
        ),
        (
            MESSAGES,
            b'event: error\ndata: {"type":"error","error":{"type":"server_error","message":',
        ),
        (PLAIN, b'event: error\ndata: {"error":{"message":'),
        (NDJSON, b'{"error":'),
    ],
)
def test_an_error_event_ends_the_stream(play: Ask, path: str, event: bytes) -> None:
    answer = play(f"llm-error-event/{path}?{QUERY}&after=2&type=server_error", STREAM)
    assert answer.chunks[-1].startswith(event)
    assert answer.ending == "complete"
    assert len(answer.chunks) > 2


def test_an_error_at_first_strikes_the_first_requests_of_a_key(play: Ask) -> None:
    target = f"sse-mid-error-200/{CHAT}?{QUERY}&at=first&fails=2&key=a"
    struck = [b"error" in play(target, STREAM).chunks[-1] for _ in range(3)]
    assert struck == [True, True, False]
    assert b"error" in play(target + "b", STREAM).chunks[-1]


@pytest.mark.parametrize(
    ("kind", "content_type", "start"),
    [
        ("html", "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("json", "application/json", b'{"error":{"message":"401 '),
        ("empty", "text/event-stream", b""),
        ("type", "text/plain", b'data: {"id":"chatcmpl-n1"'),
    ],
)
def test_a_200_can_hold_no_stream(play: Ask, kind: str, content_type: str, start: bytes) -> None:
    answer = play(f"llm-error-200/{CHAT}?{QUERY}&kind={kind}", STREAM)
    assert (answer.status, answer.fields["content-type"]) == (200, content_type)
    assert answer.body.startswith(start)
    assert answer.ending == "complete"
    assert bool(answer.body) is (kind != "empty")


RETRY_AFTER = {
    "1": {"retry-after": "1"},
    "0": {"retry-after": "0"},
    "-1": {"retry-after": "-1"},
    "3600": {"retry-after": "3600"},
    "garbage": {"retry-after": "soon"},
    "ms": {"retry-after-ms": "500"},
    "none": {},
}


@pytest.mark.parametrize("given", RETRY_AFTER)
def test_a_refusal_has_a_retry_after(play: Ask, given: str) -> None:
    target = f"llm-status/{CHAT}?{QUERY}&retry_after={given}&should_retry=false"
    answer = play(target, STREAM)
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (429, "rate_limit_error")
    assert {
        name: value for name, value in answer.fields.items() if name.startswith("retry-")
    } == RETRY_AFTER[given]
    assert answer.fields["x-should-retry"] == "false"
    assert answer.fields["x-ratelimit-remaining-requests"] == "0"
    assert play(target, STREAM).status == 200


def test_a_date_of_retry_after_lies_two_seconds_ahead(play: Ask) -> None:
    answer = play(f"llm-status/{MESSAGES}?retry_after=date&status=529", STREAM)
    dates = (answer.fields["date"], answer.fields["retry-after"])
    sent, again = map(parsedate_to_datetime, dates)
    assert 2 <= (again - sent).total_seconds() <= 3
    assert json.loads(answer.body)["error"]["type"] == "overloaded_error"


def test_a_quota_refuses_until_it_is_refilled() -> None:
    with HammsServer(beginning_port=0) as server:
        address = server.address("path")
        target = f"/mode/llm-quota/{CHAT}?rpm=2"
        answers = [ask(address, target, STREAM) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[2].fields["retry-after"] == "30"
        assert 29_000 < int(answers[2].fields["retry-after-ms"]) <= 30_000
        assert ask(address, target + "&key=other", STREAM).status == 200


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("read", ["head", "body"])
def test_a_dropped_post_is_answered_the_second_time(play: Ask, how: str, read: str) -> None:
    target = f"llm-drop-post/{CHAT}?{QUERY}&how={how}&read={read}"
    dropped = play(target, STREAM + b" " * 100_000)
    assert (dropped.status, dropped.ending) == (0, how)
    assert text_of(CHAT, play(target, STREAM).body) == TEXT


@pytest.mark.parametrize(
    ("kind", "path", "octets"),
    [
        ("no-data", CHAT, b"retry: 3000\n\n"),
        ("event-only", CHAT, b"event: message\n\n"),
        ("event-only", MESSAGES, b"event: content_block_delta\n\n"),
        ("comment", CHAT, b": keep-alive\n\n"),
        ("empty", CHAT, b"data: \n\n"),
        ("unknown", CHAT, b'event: hamms.unknown\ndata: {"type":"hamms.unknown"}\n\n'),
        ("ping", MESSAGES, b'event: ping\ndata: {"type":"ping"}\n\n'),
        ("json", CHAT, b'data: {"id":"cu\n\n'),
        ("json", MESSAGES, b'event: content_block_delta\ndata: {"id":"cu\n\n'),
        ("array", CHAT, b"data: []\n\n"),
        ("null", MESSAGES, b"event: content_block_delta\ndata: null\n\n"),
        ("html", CHAT, b"data: <html><body><h1>502 Bad Gateway</h1></body></html>\n\n"),
        ("error-null", CHAT, b'data: {"error":null}\n\n'),
    ],
)
def test_one_odd_event_stands_in_a_healthy_stream(
    play: Ask, kind: str, path: str, octets: bytes
) -> None:
    whole = play(f"llm-ok/{path}?{QUERY}", STREAM).chunks
    chunks = play(f"llm-bad-event/{path}?{QUERY}&after=2&kind={kind}", STREAM).chunks
    assert [chunk for chunk in chunks if chunk not in whole] == [octets] or octets in whole
    at = next(
        nth for nth, (one, other) in enumerate(zip(whole, chunks, strict=False)) if one != other
    )
    assert chunks == [*whole[:at], octets, *whole[at:]]
    assert text_of(path, b"".join(whole[:at])) == "t0 t1 "


@SHAPES
def test_a_token_can_come_twice_or_late(play: Ask, path: str) -> None:
    repeated = play(f"llm-repeat/{path}?{QUERY}&after=1", STREAM).body
    assert text_of(path, repeated) == "t0 t1 t1 t2 t3 n1"
    swapped = play(f"llm-repeat/{path}?{QUERY}&after=1&kind=swap", STREAM).body
    assert text_of(path, swapped) == "t0 t2 t1 t3 n1"


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_one_more_token_follows_the_end(play: Ask, path: str) -> None:
    whole = play(f"llm-ok/{path}?{QUERY}", STREAM).chunks
    chunks = play(f"llm-after-end/{path}?{QUERY}", STREAM).chunks
    assert chunks[:-1] == whole
    assert text_of(path, chunks[-1]) == "after the end"
    if path == RESPONSES:
        numbers = [value["sequence_number"] for value in values(b"".join(chunks))]
        assert numbers == list(range(len(chunks)))


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
@pytest.mark.parametrize(
    ("how", "reasons"),
    [
        ("clean", ()),
        ("finish", (b'"tool_calls"}]', b'"stop_reason":"tool_use"', b"event: response.completed")),
        ("length", (b'"length"', b'"stop_reason":"max_tokens"', b"event: response.incomplete")),
    ],
)
def test_the_arguments_of_a_tool_call_end_too_early(
    play: Ask, path: str, how: str, reasons: tuple[bytes, ...]
) -> None:
    body = play(f"llm-tool-cut/{path}?{QUERY}&after=2&how={how}", STREAM).body
    assert b"t1 " in body
    assert b"t2" not in body
    assert any(reason in body for reason in reasons) is bool(reasons)
    assert (TERMINALS[path].partition(b".")[0] in body) is (how != "clean") or path == RESPONSES


def test_an_answer_without_a_stream_fails_on_its_own(play: Ask) -> None:
    target = f"llm-nonstream/{CHAT}?{QUERY}"
    whole = play(f"llm-ok/{CHAT}?{QUERY}", DOCUMENT)
    for kind in ("cut", "stall"):
        answer = play(f"{target}&kind={kind}", DOCUMENT)
        assert answer.fields["content-length"] == str(len(whole.body))
        assert answer.body == whole.body[: len(whole.body) // 2]
        assert answer.ending == "fin"
    assert play(f"{target}&kind=slow", DOCUMENT).body == whole.body
    assert text_of(CHAT, play(target, STREAM).body) == TEXT


def test_faults_are_entered_in_the_ledger_only_if_they_are_played(
    server: HammsServer, play: Ask
) -> None:
    play(f"llm-cut/{CHAT}", DOCUMENT)
    assert not server.ledger.fired("llm-cut")
    play(f"llm-cut/{CHAT}?key=k", STREAM)
    assert server.ledger.fired("llm-cut", key="k")


def test_http_1_0_clients_get_a_stream_that_ends_with_the_connection(play: Ask) -> None:
    old = play(f"llm-ok/{CHAT}?{QUERY}", STREAM, version="1.0")
    assert (text_of(CHAT, old.body), old.ending) == (TEXT, "fin")
    assert "transfer-encoding" not in old.fields
    closing = play(f"llm-ok/{CHAT}?{QUERY}", STREAM, Connection="close")
    assert closing.fields["connection"] == "close"
    assert play(f"llm-cut/{CHAT}", method="HEAD").status == 200


def test_the_nonce_comes_from_a_field_too(play: Ask) -> None:
    body = play("llm-ok/?tokens=2", X_Hamms_Nonce="n2").body
    assert texts(body) == ["t0", "t1 n2"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the timers of sockets")
@pytest.mark.parametrize("keeps_alive", [True, False])
def test_the_ledger_records_tcp_keep_alives_of_a_client(keeps_alive: bool) -> None:
    with HammsServer(beginning_port=0) as server:
        door = server.open("llm-nonstream", kind="slow", delay=0.2)
        with socket.create_connection(door.address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keeps_alive)
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        (connection,) = server.ledger.connections(door.name)
        assert connection.keeps_alive is keeps_alive


def test_the_ledger_has_body_digest_and_idempotency_key_of_each_attempt(
    server: HammsServer, play: Ask
) -> None:
    for key in ("a", "b"):
        play(f"llm-drop-post/{CHAT}", STREAM, Idempotency_Key=key)
    first, second = server.ledger.requests("llm-drop-post")
    assert (first.idempotency_key, second.idempotency_key) == ("a", "b")
    assert first.body_sha256 == second.body_sha256
    assert first.connection is not second.connection
    assert [first.struck, second.struck] == [True, False]
