"""However a connection's octets are cut into pieces, they mean the same requests."""

from __future__ import annotations

from hypothesis import example, given, strategies as st

from hamms_trio.wire import chunk, last_chunk
from tests.wire.pieces import DETERMINISTIC, PLACES, cut, octet_by_octet, read_requests

TARGETS = st.sampled_from((b"/", b"/a?b=c", b"http://a/b", b"/" + b"x" * 300))
CONTENTS = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        (b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n\r\n", b"\r\n\r\n", b"\n")
    ),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """One request: its head, its body as sent, and its content."""
    line = b"GET " + draw(TARGETS) + b" HTTP/1.1\r\nHost: a\r\n"
    content = draw(CONTENTS)
    match draw(st.sampled_from(("none", "counted", "chunked"))):
        case "none":
            return line + b"\r\n", b"", b""
        case "counted":
            return line + b"Content-Length: %d\r\n\r\n" % len(content), content, content
        case _:
            parts = [part for part in cut(content, draw(PLACES)) if part]
            end = draw(st.sampled_from((last_chunk(), b"00;x=y\r\nTrailer: z\r\n\r\n")))
            body = b"".join(map(chunk, parts)) + end
            return line + b"Transfer-Encoding: chunked\r\n\r\n", body, content


@given(st.lists(requests(), max_size=5), PLACES, st.sampled_from((b"", b"\r\n", b"\r\n\r\n")))
@example([(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", b"")] * 5, [50], b"")
@DETERMINISTIC
def test_pipelined_requests_are_the_same_however_they_are_cut(
    pipeline: list[tuple[bytes, bytes, bytes]], places: list[int], between: bytes
) -> None:
    octets = b"".join(head + body + between for head, body, _ in pipeline)
    expected = [(head, content) for head, _, content in pipeline]
    assert read_requests([octets]) == expected
    assert read_requests(cut(octets, places)) == expected
    assert read_requests(octet_by_octet(octets)) == expected


def test_a_long_pipeline_is_the_same_whole_and_octet_by_octet() -> None:
    head = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
    expected = [(head % number, b"") for number in range(200)] * 3
    octets = b"".join(head for head, _ in expected)
    assert read_requests([octets]) == expected
    assert read_requests(octet_by_octet(octets)) == expected
