"""The families sse and ndjson on the wire, read as the standard says."""

from __future__ import annotations

import json

import pytest

from tests.modes.streams.conftest import Ask
from tests.modes.streams.reading import Answer, EventSource, texts

QUERY = "tokens=4&nonce=n1"
TOKENS = ["t0", "t1", "t2", "t3 n1"]
STREAM = b'{"stream": true}'

EXACT = [
    "sse-crlf-split/?case=lf",
    "sse-crlf-split/?case=crlf",
    "sse-crlf-split/?case=cr",
    "sse-crlf-split/?case=mixed",
    "sse-bytewise/?",
    "sse-nospace/?case=none",
    "sse-bom/?case=one",
    "sse-bom/?case=two",
    "sse-bom/?case=split",
    "sse-eof-without-blank/?",
]


@pytest.mark.parametrize("target", EXACT)
def test_a_correct_reader_gets_exactly_the_tokens(play: Ask, target: str) -> None:
    body = play(f"{target}&{QUERY}").body
    assert body != play(f"llm-ok/?{QUERY}").body or "split" in target or "bytewise" in target
    assert texts(body) == TOKENS


@pytest.mark.parametrize("target", EXACT)
@pytest.mark.parametrize("shape", ["chat", "responses", "messages"])
def test_the_grammar_holds_whatever_the_data_is(play: Ask, target: str, shape: str) -> None:
    healthy = texts(play(f"llm-ok/?shape={shape}&{QUERY}").body)
    found = texts(play(f"{target}&shape={shape}&{QUERY}", STREAM).body)
    if "eof" in target:  # the marker of the end is the event that is discarded
        healthy.pop()
    assert found == healthy


LINE_ENDS = {"lf": {b"\n"}, "cr": {b"\r"}, "crlf": {b"\r", b"\n"}, "mixed": {b"\r", b"\n"}}


@pytest.mark.parametrize("case", LINE_ENDS)
def test_each_line_end_is_split_over_chunks(play: Ask, case: str) -> None:
    chunks = play(f"sse-crlf-split/?case={case}&{QUERY}").chunks
    assert {chunk[-1:] for chunk in chunks} == LINE_ENDS[case]
    assert not any(end in chunk[:-1] for chunk in chunks for end in (b"\r", b"\n"))


CHARACTERS = {
    "u2028": "\u2028",
    "u2029": "\u2029",
    "u0085": "\x85",
    "vt": "\v",
    "ff": "\f",
    "u001c": "\x1c\x1d\x1e",
}


@pytest.mark.parametrize("char", CHARACTERS)
def test_characters_that_are_no_line_ends_stay_in_the_data(play: Ask, char: str) -> None:
    mark = CHARACTERS[char]
    found = texts(play(f"sse-line-separators/?char={char}&{QUERY}").body)
    assert found == [f"t0{mark}", f"t1{mark}", f"t2{mark}", f"t3{mark} n1"]


def test_json_cannot_hold_control_characters(play: Ask) -> None:
    assert play("sse-line-separators/?char=vt&shape=chat").status == 400
    found = texts(play(f"sse-line-separators/?shape=chat&{QUERY}", STREAM).body)
    assert json.loads(found[1])["choices"][0]["delta"]["content"] == "t0\u2028 "


def test_characters_are_split_over_chunks(play: Ask) -> None:
    answer = play(f"sse-utf8-split/?{QUERY}")
    assert texts(answer.body) == [f"{word}é€😀{rest}" for word, rest in
                                  (("t0", ""), ("t1", ""), ("t2", ""), ("t3", " n1"))]  # fmt: skip
    assert [chunk[-1] for chunk in answer.chunks[:3]] == [0xC3, 0xE2, 0xF0]


def test_each_octet_can_have_a_chunk_of_its_own(play: Ask) -> None:
    assert {len(chunk) for chunk in play(f"sse-bytewise/?{QUERY}").chunks} == {1}


def test_data_lines_are_joined_by_lf(play: Ask) -> None:
    assert texts(play(f"sse-multiline/?{QUERY}").body)[0] == "t0\n\nt0"
    healthy = texts(play(f"llm-ok/?shape=messages&{QUERY}").body)
    found = texts(play(f"sse-multiline/?shape=messages&{QUERY}", STREAM).body)
    assert list(map(json.loads, found)) == list(map(json.loads, healthy))
    assert all("\n" in data for data in found)


def test_one_of_two_spaces_is_dropped(play: Ask) -> None:
    assert texts(play(f"sse-nospace/?case=two&{QUERY}").body) == [f" {token}" for token in TOKENS]


def test_a_byte_order_mark_in_the_middle_is_data(play: Ask) -> None:
    found = texts(play(f"sse-bom/?case=middle&{QUERY}").body)
    assert found == ["t0", "t1", "\ufefft2", "t3 n1"]


def test_the_id_of_a_discarded_event_is_not_taken(play: Ask) -> None:
    body = play(f"sse-eof-without-blank/?{QUERY}").body
    assert body.endswith(b"id: 5\ndata: never dispatched\n")
    assert EventSource().read(body).last_event_id == "4"


def test_an_endless_line_ends_at_its_limit(play: Ask) -> None:
    answer = play("sse-endless-line/?max=40000&rate=10000000")
    assert answer.body == b"data: " + b"x" * 40000
    assert answer.ending == "fin"


@pytest.mark.parametrize(("interval", "comments"), [("1", 3), ("0", 0)])
def test_a_stream_falls_silent_but_for_comments(play: Ask, interval: str, comments: int) -> None:
    answer = play(f"sse-silent/?{QUERY}&after=2&hold=3&interval={interval}")
    assert texts(answer.body) == TOKENS[:2]
    assert answer.body.count(b": keep-alive\n\n") == comments
    assert answer.ending == "fin"


def reconnect(play: Ask, target: str) -> tuple[EventSource, list[Answer]]:
    """Come back with the last id until the server says that there is no more, or refuses."""
    source = EventSource()
    answers: list[Answer] = []
    while len(answers) < 10:
        fields = {"Last_Event_ID": source.last_event_id} if source.last_event_id else {}
        answers.append(answer := play(target, **fields))
        if answer.status != 200:
            break
        source.read(answer.body)
    return source, answers


COMING_BACK = {
    "sse-id/?case=nul&after=2": [200, 200, 204],
    "sse-id/?case=empty&after=2": [200, 200, 204],
    "sse-id/?case=only&after=2": [200, 200, 204],
    "sse-last-event-id/?n=3": [200, 200, 204],
    "sse-retry-abuse/?n=1": [200, 200, 200, 200, 204],
    "sse-reconnect/?n=1&times=2&how=rst": [200, 200, 200, 204],
    "sse-reconnect/?n=1&times=1&how=clean": [200, 200, 204],
    "sse-redirect/moved?": [200, 204],
    "sse-wrong-type/?": [200, 204],
    "llm-ok/?": [200, 204],
}


@pytest.mark.parametrize("target", COMING_BACK)
def test_a_client_that_reconnects_gets_each_event_once(play: Ask, target: str) -> None:
    source, answers = reconnect(play, f"{target}&{QUERY}")
    assert [answer.status for answer in answers] == COMING_BACK[target]
    assert [event.data for event in source.events] == TOKENS


def test_an_id_can_be_longer_than_a_head(play: Ask) -> None:
    source, answers = reconnect(play, f"sse-id/?case=long&after=2&{QUERY}")
    assert len(source.last_event_id) > 64 * 1024
    assert [answer.status for answer in answers] == [200, 431]


def test_an_empty_id_resets_the_last_one(play: Ask) -> None:
    body = play(f"sse-id/?case=empty&after=2&{QUERY}").body
    assert EventSource().read(body).last_event_id == ""


@pytest.mark.parametrize(("how", "ending"), [("fin", "fin"), ("rst", "rst"), ("clean", "complete")])
def test_a_reconnection_follows_any_end(play: Ask, how: str, ending: str) -> None:
    answer = play(f"sse-reconnect/?n=2&how={how}&retry=0.25&{QUERY}")
    assert EventSource().read(answer.body).retry == 250
    assert (texts(answer.body), answer.ending) == (TOKENS[:2], ending)


@pytest.mark.parametrize(
    ("value", "line", "taken"),
    [
        ("zero", b"retry: 0\n", 0),
        ("huge", b"retry: 99999999999999999999\n", 99999999999999999999),
        ("negative", b"retry: -1\n", None),
        ("letters", b"retry: soon\n", None),
        ("octal", b"retry: 0100\n", 100),
    ],
)
def test_a_retry_field_holds_an_odd_value(
    play: Ask, value: str, line: bytes, taken: int | None
) -> None:
    body = play(f"sse-retry-abuse/?value={value}&{QUERY}").body
    assert body.startswith(line)
    assert EventSource().read(body).retry == taken


REFUSALS = {
    "sse-204/?": (204, {}),
    "sse-500/?": (500, {"content-type": "application/json"}),
    "sse-500/?status=503": (503, {"retry-after": "1"}),
    "sse-wrong-type/?": (200, {"content-type": "text/plain"}),
    "sse-redirect/?": (302, {"location": "/mode/sse-redirect/moved"}),
    "sse-redirect/?status=307": (307, {"location": "/mode/sse-redirect/moved"}),
}


@pytest.mark.parametrize("target", REFUSALS)
def test_a_stream_is_refused_on_connecting_or_on_coming_back(play: Ask, target: str) -> None:
    status, fields = REFUSALS[target]
    first = play(f"{target}&{QUERY}")
    late = f"{target}&at=reconnect&after=2&{QUERY}"
    assert texts(play(late).body) == TOKENS[:2]
    for answer in (first, play(late, Last_Event_ID="2")):
        assert answer.status == status
        assert all(answer.fields[name].startswith(value) for name, value in fields.items())


@pytest.mark.parametrize(("how", "ending"), [("clean", "complete"), ("fin", "fin"), ("rst", "rst")])
def test_the_last_line_of_ndjson_is_cut(play: Ask, how: str, ending: str) -> None:
    whole = play(f"llm-ok/ndjson?{QUERY}").chunks
    answer = play(f"ndjson-truncated/?how={how}&{QUERY}")
    *lines, last = answer.chunks
    assert lines == whole[:-1]
    assert whole[-1].startswith(last)
    assert len(last) < len(whole[-1])
    assert answer.ending == ending


@pytest.mark.parametrize(
    ("case", "separator"), [("both", b"\r\n\r\n"), ("blank", b"\n\n"), ("crlf", b"\r\n")]
)
def test_ndjson_holds_blank_lines_and_crlf(play: Ask, case: str, separator: bytes) -> None:
    whole = play(f"llm-ok/ndjson?{QUERY}").body
    answer = play(f"ndjson-blank/?case={case}&{QUERY}")
    assert answer.fields["content-type"] == "application/x-ndjson"
    assert answer.body == whole.replace(b"\n", separator)
