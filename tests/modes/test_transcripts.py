"""Each mode, on the wire, compared with its reviewed transcript."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamms_trio.cli.catalogue import listed_doors
from hamms_trio.lab.doors import Door
from hamms_trio.modes import CATALOGUE
from hamms_trio.testing import check_transcript
from hamms_trio.testing.transcript import GET

REVIEWED = Path(__file__).parent / "transcripts"
DOORS = listed_doors(CATALOGUE)
POST = b"POST / HTTP/1.1\r\nHost: hamms.test\r\n"
UPLOAD = POST + b"Content-Length: 2048\r\n\r\n" + b"a" * 2048
IN_CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
EXPECTING = [POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", b"body"]
# A few tokens show the point of a stream.
STREAM = GET.replace(b"/ ", b"/?tokens=4&after=2&n=2 ")
LATER = STREAM.replace(b"\r\n\r\n", b"\r\nLast-Event-ID: 2\r\n\r\n")
DOCUMENT = b"POST /?tokens=4 HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 2\r\n\r\n{}"
CALL = (
    b"POST /?tokens=4&after=2 HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 46\r\n\r\n"
    b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}'
)
MCP = ("cut", "empty-data", "heartbeat", "line-separators", "resume")
# Requests to modes of which one plain GET does not show the point.
REQUESTS = {
    "conn-421-once": [GET] * 2,
    "conn-drop-after-request": [GET, UPLOAD],
    "conn-idle-fin": [UPLOAD],
    "conn-inject-same-segment": [GET] * 2,
    "conn-inject-idle": [GET] * 2,
    "conn-keepalive-timeout-0": [GET] * 2,
    "conn-surplus-crlf": [GET] * 2,
    "retries": [GET] * 4,
    "status-204-body": [GET.replace(b"/ ", b"/?first=1 ")] * 2,
    "status-304-body": [GET.replace(b"/ ", b"/?first=1 ")] * 2,
    "status-head-body": [GET.replace(b"GET", b"HEAD"), GET],
    "upload-100-then-close": EXPECTING,
    "upload-chunked-411": [IN_CHUNKS, UPLOAD],
    "upload-early-200": [UPLOAD],
    "upload-early-413": [UPLOAD],
    "upload-echo-digest": [*EXPECTING, IN_CHUNKS],
    "upload-expect-417": [EXPECTING[0]],
    "upload-expect-final": [EXPECTING[0]],
    "upload-expect-ignored": EXPECTING,
    "tcp-drop-random": [GET.replace(b"/ ", b"/?every=2 ")] * 2,
    **dict.fromkeys(("llm-drop-post", "llm-status", "sse-reconnect"), [STREAM] * 2),
    **{f"mcp-{name}": [CALL] for name in MCP},
    "llm-nonstream": [DOCUMENT],
    "llm-quota": [STREAM.replace(b"tokens", b"rpm=1&tokens")] * 2,
    "sse-last-event-id": [STREAM, LATER, LATER.replace(b"ID: 2", b"ID: 4")],
    "sse-endless-line": [STREAM.replace(b"tokens=4", b"max=40000")],
    "sse-id": [STREAM, LATER],
    "sse-retry-abuse": [STREAM, LATER],
}


def requests_to(door: Door) -> list[bytes]:
    is_stream = any(parameter.name == "tokens" for parameter in door.mode.parameters)
    return REQUESTS.get(door.name, [STREAM if is_stream else GET])


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_mode_sends_what_was_reviewed(door: Door) -> None:
    check_transcript(door, REVIEWED / f"{door.name}.txt", requests_to(door))


def test_there_is_no_transcript_without_its_mode() -> None:
    assert {path.stem for path in REVIEWED.iterdir()} == {door.name for door in DOORS}
