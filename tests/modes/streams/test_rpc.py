"""MCP over HTTP and gRPC-web on the wire."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from tests.modes.streams.conftest import Ask
from tests.modes.streams.reading import EventSource, values

QUERY = "tokens=3&nonce=n1"
CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"look_up"}}'
RESULT = {
    "jsonrpc": "2.0",
    "id": 7,
    "result": {"content": [{"type": "text", "text": "t0 t1 t2 n1"}], "isError": False},
}
MCP = ["mcp-cut", "mcp-resume", "mcp-heartbeat", "mcp-empty-data", "mcp-line-separators"]


@pytest.mark.parametrize("mode", MCP)
def test_everything_but_the_call_is_answered_truthfully(play: Ask, mode: str) -> None:
    first = play(f"{mode}/mcp?nonce=n1", b'{"id":"a","method":"initialize","params":{}}')
    assert json.loads(first.body)["result"]["serverInfo"]["name"] == "hamms"
    assert first.fields["mcp-session-id"] == "n1"
    tools = play(f"{mode}/mcp", b'{"id":"b","method":"tools/list"}')
    assert json.loads(tools.body)["id"] == "b"
    assert json.loads(tools.body)["result"]["tools"][0]["name"] == "look_up"
    assert play(f"{mode}/mcp", b'{"method":"notifications/initialized"}').status == 202
    assert play(f"{mode}/mcp").status == 405
    assert play(f"{mode}/mcp", b"", method="DELETE").status == 200


@pytest.mark.parametrize(("how", "ending"), [("clean", "complete"), ("fin", "fin"), ("rst", "rst")])
def test_a_call_is_cut_before_its_response(play: Ask, how: str, ending: str) -> None:
    answer = play(f"mcp-cut/mcp?{QUERY}&how={how}", CALL)
    assert answer.ending == ending
    assert [value["method"] for value in values(answer.body)] == ["notifications/message"] * 2
    assert play("mcp-cut/mcp", Last_Event_ID="7-2").status == 405


def test_a_call_is_resumed_by_get(play: Ask) -> None:
    answer = play(f"mcp-resume/mcp?{QUERY}&retry=0.25", CALL)
    source = EventSource().read(answer.body)
    assert (source.events[0].data, source.retry, source.last_event_id) == ("", 250, "7-2")
    rest = play(f"mcp-resume/mcp?{QUERY}", Last_Event_ID=source.last_event_id)
    assert [value.get("id") for value in values(rest.body)] == [None, 7]
    assert values(rest.body)[-1] == RESULT


def test_keep_alives_come_instead_of_the_response(play: Ask) -> None:
    answer = play(f"mcp-heartbeat/mcp?{QUERY}&hold=2", CALL)
    assert answer.chunks == [b": keep-alive\n\n"] * 4
    assert answer.ending == "fin"


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("id", b"id: 7-0\ndata: \n\n"),
        ("bare", b"data: \n\n"),
        ("event", b"event: message\ndata: \n\n"),
    ],
)
def test_empty_events_stand_before_each_message(play: Ask, kind: str, octets: bytes) -> None:
    answer = play(f"mcp-empty-data/mcp?{QUERY}&kind={kind}", CALL)
    assert all(chunk.startswith(octets) for chunk in answer.chunks)
    events = [event.data for event in EventSource().read(answer.body).events]
    assert json.loads(events[-1]) == RESULT


def test_separators_of_lines_stay_in_the_response(play: Ask) -> None:
    answer = play(f"mcp-line-separators/mcp?{QUERY}&char=u2029", CALL)
    result = values(answer.body)[-1]["result"]
    assert result["content"][0]["text"] == "t0\u2029 t1\u2029 t2\u2029 n1"  # type: ignore[index]


def frames(octets: bytes) -> list[tuple[int, bytes]]:
    """Return the frames of a body; the last one may be cut."""
    found = []
    while octets:
        length = int.from_bytes(octets[1:5], "big")
        found.append((octets[0], octets[5 : 5 + length]))
        octets = octets[5 + length :]
    return found


MESSAGE = (0, b"\x0a\x05t0 n1")
OK = (0x80, b"grpc-status:0\r\ngrpc-message:OK\r\n")


def test_messages_come_without_their_trailers(play: Ask) -> None:
    answer = play("grpcweb-no-trailers/pkg.Service/Call?nonce=n1", b"")
    assert answer.fields["content-type"] == "application/grpc-web+proto"
    assert (frames(answer.body), answer.ending) == ([MESSAGE], "complete")
    assert play("grpcweb-no-trailers/?how=rst", b"").ending == "rst"


def test_trailers_are_cut_behind_the_status(play: Ask) -> None:
    body = play("grpcweb-trailers-cut/?nonce=n1", b"").body
    assert frames(body) == [MESSAGE, (0x80, b"grpc-status:0\r\n")]
    assert len(body) < 5 + len(MESSAGE[1]) + 5 + len(OK[1])


def test_trailers_are_split_over_chunks(play: Ask) -> None:
    answer = play("grpcweb-trailers-split/?nonce=n1", b"")
    assert {len(chunk) for chunk in answer.chunks} == {1}
    assert frames(answer.body) == [MESSAGE, OK]


def test_an_error_in_the_head_has_messages_all_the_same(play: Ask) -> None:
    answer = play("grpcweb-trailers-only-body/?nonce=n1", b"")
    assert answer.fields["grpc-status"] == "13"
    assert frames(answer.body) == [MESSAGE]


@pytest.mark.parametrize(
    ("case", "first", "last"),
    [("error-last", "0", b"13"), ("error-first", "13", b"0"), ("same", "0", b"0")],
)
def test_the_status_comes_twice(play: Ask, case: str, first: str, last: bytes) -> None:
    answer = play(f"grpcweb-status-twice/?nonce=n1&case={case}", b"")
    assert answer.fields["grpc-status"] == first
    assert frames(answer.body)[-1] == (0x80, b"grpc-status:" + last + b"\r\ngrpc-message:last\r\n")


def test_clients_of_grpc_web_text_receive_base64(play: Ask) -> None:
    answer = play("grpcweb-trailers-cut/?nonce=n1", b"", Content_Type="application/grpc-web-text")
    assert answer.fields["content-type"] == "application/grpc-web-text+proto"
    assert frames(b"".join(map(b64decode, answer.chunks)))[0] == MESSAGE


def test_a_long_message_has_a_long_length(play: Ask) -> None:
    body = play("grpcweb-trailers-split/?tokens=1&nonce=" + "n" * 32, b"").body
    assert frames(body)[0][1][:2] == bytes((0x0A, 3 + 32))


def test_an_id_that_is_no_json_is_refused(play: Ask) -> None:
    assert play("mcp-resume/mcp", Last_Event_ID="{-2").status == 405
