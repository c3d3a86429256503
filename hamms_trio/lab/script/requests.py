"""The requests that show a failure mode's fault: one plain GET for most of them."""

from __future__ import annotations

from hamms_trio.lab.doors import Door

GET = b"GET / HTTP/1.1\r\nHost: hamms.test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: hamms.test\r\n"
RANGE = b"GET / HTTP/1.1\r\nHost: hamms.test\r\nRange: bytes=32768-\r\n\r\n"
UPLOAD = POST + b"Content-Length: 2048\r\n\r\n" + b"a" * 2048
IN_CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
TUNNEL = b"CONNECT hamms.test:80 HTTP/1.1\r\nHost: hamms.test:80\r\n\r\n"
# A client of a SOCKS5 proxy without authentication, which asks for hamms.test:80 by name (RFC 1928 §3, §4).
SOCKS_REQUESTS = [b"\x05\x01\x00", b"\x05\x01\x00\x03\x0ahamms.test\x00\x50"]
ABSOLUTE = GET.replace(b" / ", b" http://hamms.test/ ")
CONDITION = b'If-None-Match: "hamms-1"'
EXPECTING = [POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", b"body"]
# A few tokens are enough to show a stream's fault.
STREAM = GET.replace(b"/ ", b"/?tokens=4&after=2&n=2 ")
LATER = STREAM.replace(b"\r\n\r\n", b"\r\nLast-Event-ID: 2\r\n\r\n")
DOCUMENT = b"POST /?tokens=4 HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 2\r\n\r\n{}"
CALL = (
    b"POST /?tokens=4&after=2 HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 46\r\n\r\n"
    b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}'
)
MCP = ("cut", "empty-data", "heartbeat", "line-separators", "resume")


def at(target: bytes, *lines: bytes) -> bytes:
    """Return a GET of another target than /, with more field lines."""
    head = GET.replace(b" / ", b" " + target + b" ")
    return head.replace(b"\r\n\r\n", b"".join(b"\r\n" + line for line in (*lines, b"\r\n")))


# Requests for modes whose fault one plain GET does not show.
REQUESTS = {
    "coding-empty-body": [GET, GET.replace(b"GET", b"HEAD"), GET.replace(b"/ ", b"/?status=204 ")],
    "coding-unasked": [GET, GET.replace(b"\r\n\r\n", b"\r\nAccept-Encoding: gzip, br\r\n\r\n")],
    "conn-421-once": [GET] * 2,
    "conn-drop-after-request": [GET, UPLOAD],
    "conn-idle-fin": [UPLOAD],
    "conn-inject-same-segment": [GET] * 2,
    "conn-inject-idle": [GET] * 2,
    "conn-keepalive-timeout-0": [GET] * 2,
    "conn-surplus-crlf": [GET] * 2,
    "ok-keepalive": [GET] * 2,
    "ok-redirect": [GET, GET.replace(b"/ ", b"/target ")],
    "ok-upload": [UPLOAD],
    "sequence": [GET.replace(b"/ ", b"/?sequence=ok,status--status-503,frame-cl-short-fin ")] * 3,
    "auth-digest-stale": [GET] * 2,
    "auth-downgrade": [GET, at(b"/", b"Authorization: Digest username=ann")],
    "cache-304-with-cl": [GET, at(b"/", CONDITION), GET],
    "cache-etag-lies": [GET, at(b"/", CONDITION), *[at(b"/?case=same-etag")] * 2],
    "cookie-expiry-edge": [GET, at(b"/back", b"Cookie: edge=1; hamms=1")],
    "cookie-flood": [at(b"/?n=2"), at(b"/back", b"Cookie: flood0=a; flood1=a")],
    "cookie-foreign-domain": [GET, at(b"/back", b"Cookie: hamms=1")],
    "cookie-scope-leak": [GET, at(b"/?attr=port"), at(b"/?attr=host"), at(b"/back")],
    "proxy-407": [TUNNEL, TUNNEL, ABSOLUTE],
    "proxy-connect-200-length": [TUNNEL, GET],
    "proxy-connect-200-reason": [TUNNEL, GET],
    "proxy-connect-close": [TUNNEL],
    "proxy-connect-garbage": [TUNNEL],
    "proxy-connect-hang": [TUNNEL],
    "proxy-connect-status": [TUNNEL, ABSOLUTE],
    "proxy-connect-wrong-host": [TUNNEL, GET],
    "proxy-socks-hang": SOCKS_REQUESTS,
    "proxy-socks-refused": SOCKS_REQUESTS,
    "proxy-socks-wrong-version": SOCKS_REQUESTS[:1],
    "redirect-count": [GET, at(b"/hop/4"), at(b"/hop/5")],
    "redirect-cross-origin-auth": [GET, at(b"/?to=host"), at(b"/elsewhere", b"X-Api-Key: secret")],
    "redirect-loop": [GET, at(b"/?kind=ping-pong"), at(b"/hop/7?kind=unique&status=308")],
    "redirect-method": [GET, at(b"/landing", b"Cookie: a=b")],
    "redirect-post-stream": [
        UPLOAD.replace(b"/ ", b"/?nonce=a "),
        UPLOAD.replace(b"/ ", b"/landing?nonce=a "),
        at(b"/landing?nonce=a"),
    ],
    "conn-pipelined-out-of-order": [at(b"/first") + at(b"/second"), at(b"/third")],
    "retries": [GET] * 4,
    "range-ignored": [RANGE],
    "range-wrong-start": [RANGE],
    "range-200-partial": [RANGE],
    "range-206-unasked": [GET, RANGE],
    "range-total-changes": [RANGE],
    "range-416-loop": [RANGE] * 2,
    "range-invalid-content-range": [RANGE],
    "range-multipart-broken": [RANGE],
    "range-short": [RANGE],
    "range-flaky-chain": [RANGE],
    "retry-after": [GET] * 2,
    "retry-after-seconds": [GET] * 2,
    "retry-after-date": [GET] * 2,
    "retry-after-huge": [GET] * 2,
    "retry-after-negative": [GET] * 2,
    "retry-non-idempotent": [UPLOAD] * 2,
    "retry-storm": [GET] * 2,
    "retry-425": [GET] * 2,
    "retry-ratelimit-headers": [GET] * 2,
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
    "tcp-close-after-request": [UPLOAD],
    "tcp-rst-after-request": [UPLOAD],
    "tcp-rst-mid-request": [UPLOAD],
    "tcp-never-read": [UPLOAD],
    "tcp-slow-read": [UPLOAD],
    "tcp-drop-1-of-10": [GET] * 10,
    "tcp-drop-random": [GET.replace(b"/ ", b"/?every=2 ")] * 2,
    "xml-xxe": [GET, GET.replace(b"/ ", b"/entity ")],
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
    """Return the requests that show the fault of this door's mode."""
    is_stream = any(parameter.name == "tokens" for parameter in door.mode.parameters)
    return REQUESTS.get(door.name, [STREAM if is_stream else GET])
