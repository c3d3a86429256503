"""What the parser remembers must not change what it reads, nor grow."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import HeadTooLarge, MalformedRequest, RequestError
from hamms_trio.wire import (
    RequestHead,
    RequestReader,
    parse_head,
    request as module,
    request_line,
    section,
    split_request_id,
)
from hamms_trio.wire.memory import MOST_SIGHTINGS, Memory
from tests.wire.playing import DETERMINISTIC, octet_by_octet, read_heads

MEMORIES: tuple[Memory[Any], ...] = (
    request_line._LINES,
    section._LINES,
    section._NAMES,
    section._SECTIONS,
    module._HEADS,
)
SIGHTINGS = (module._SEEN_ONCE, section._SEEN_ONCE)
ATTRIBUTES = [name for name in RequestHead.__slots__ if name != "_query"] + ["query", "has_body"]


def forget() -> None:
    for memory in MEMORIES:
        memory.clear()
    for sightings in SIGHTINGS:
        sightings.clear()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forget()
    yield
    forget()


def attributes(request: RequestHead) -> dict[str, object]:
    return {name: getattr(request, name) for name in ATTRIBUTES}


def get(*fields: bytes, target: bytes = b"/", host: bytes = b"a") -> bytes:
    return b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"Host: " + host, *fields, b"", b""))


FIELD_LINES = st.sampled_from(
    (
        b"Connection: close",
        b"connection:close",
        b"Connection: keep-alive",
        b"Content-Length: 3",
        b"Content-Length: 0",
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue",
        b"X: a",
        b"X:",
        b"x: \xff",
        b"Accept: text/html;q=0.5, */*",
    )
)
HEADS = st.builds(
    lambda method, target, minor, fields: b"\r\n".join(
        (method + b" " + target + b" HTTP/1." + minor, b"Host: a", *fields, b"", b"")
    ),
    st.sampled_from((b"GET", b"POST", b"HEAD", b"get", b"OPTIONS")),
    st.sampled_from((b"/", b"/a?b=c&d", b"*", b"http://a/b?c=d")),
    st.sampled_from((b"0", b"1", b"2")),
    st.lists(FIELD_LINES, max_size=4),
)


def outcome(octets: bytes) -> dict[str, object] | str:
    try:
        (request,), rest = read_heads([octets])
    except MalformedRequest as error:
        return str(error)
    assert rest == b""
    return attributes(request)


@given(HEADS)
@DETERMINISTIC
def test_a_remembered_head_equals_one_read_afresh(octets: bytes) -> None:
    forget()
    fresh = outcome(octets)
    assert [outcome(octets) for _ in range(3)] == [fresh] * 3
    module._HEADS.clear()  # its field lines are remembered still
    assert outcome(octets) == fresh
    forget()
    assert outcome(octets) == fresh


@given(st.lists(HEADS, max_size=6))
@DETERMINISTIC
def test_field_lines_remembered_from_other_heads_change_nothing(others: list[bytes]) -> None:
    fresh = []
    for octets in others:
        forget()
        fresh.append(outcome(octets))
    for octets in (*others, *others):
        outcome(octets)
    assert [outcome(octets) for octets in others] == fresh


def test_a_head_is_remembered_when_it_comes_again() -> None:
    first, second, third = (read_heads([get()])[0][0] for _ in range(3))
    assert first is not second
    assert second is third


@pytest.mark.parametrize(
    "field", [b"Content-Length: 1", b"Expect: 100-continue", b"X: " + b"x" * 4096]
)
def test_a_head_with_a_body_or_of_great_length_is_not_remembered(field: bytes) -> None:
    for _ in range(3):
        parse_head(get(field))
    assert not module._HEADS


def test_a_refused_head_is_never_remembered() -> None:
    for _ in range(3):
        with pytest.raises(MalformedRequest):
            parse_head(get(b"Host: b"))
    assert not module._HEADS
    assert not module._SEEN_ONCE


def test_a_remembered_head_that_came_in_two_pieces_leaves_the_next_untouched() -> None:
    """The place where the search for its end was resumed must be forgotten with it."""
    long, short = get(b"X: " + b"x" * 100), get()
    for _ in range(3):
        parse_head(long)
    reader = RequestReader()
    reader.feed(long[:-1])
    assert reader.next_head() is None
    reader.feed(long[-1:])
    assert reader.next_head() is module._HEADS[long]
    reader.feed(short)
    request = reader.next_head()
    assert request is not None
    assert request.octets == short


def test_octet_by_octet_a_remembered_head_is_found_too() -> None:
    first, second, third = (read_heads(octet_by_octet(get()))[0][0] for _ in range(3))
    assert second is third
    assert attributes(first) == attributes(third)


def test_the_memories_stay_bounded() -> None:
    for number in range(20_000):
        octets = get(b"X-%d: %s" % (number, b"x" * 200), target=b"/%d" % number)
        assert parse_head(octets).target == f"/{number}"
        assert parse_head(octets).target == f"/{number}"
    for memory in MEMORIES:
        assert 0 < len(memory) <= memory._entries
        assert max(map(len, memory)) <= memory._octets
    for sightings in SIGHTINGS:
        assert 0 < len(sightings) <= MOST_SIGHTINGS
    assert sum(map(sys.getsizeof, module._HEADS)) < 5_000_000


@pytest.mark.parametrize(
    "line", [b"X-A", b"X-Ab", b"X-A b", b"X-A\0: b", b"X-A: \0", b"X-A: \x7f", b"X-A : b"]
)
def test_a_name_that_is_remembered_excuses_nothing(line: bytes) -> None:
    parse_head(get(b"X-A: 1"))
    with pytest.raises(MalformedRequest):
        parse_head(get(line))


@pytest.mark.parametrize("value", [b"\xa0caf\xe9", b"a\tb", b"", b"\xad"])
def test_a_name_that_is_remembered_may_have_any_value(value: bytes) -> None:
    parse_head(get(b"X-A: 1"))
    assert parse_head(get(b"X-A:" + value)).get("x-a") == value.strip(b" \t").decode("latin-1")


def test_long_field_lines_are_not_remembered() -> None:
    parse_head(get(b"X: " + b"x" * section._LINES._octets))
    assert list(section._LINES) == [b"Host: a"]


LINES = st.builds(
    lambda method, target, version: method + b" " + target + b" " + version,
    st.sampled_from((b"GET", b"get", b"M-SEARCH", b"G T", b"G\xc9T", b"")),
    st.one_of(
        st.sampled_from((b"*", b"/", b"//", b"/?", b"/#", b"/??#?", b"http://a/b?c", b"a:1", b"")),
        st.text("/?#%a\x7f\xc3 !~\"'[]", max_size=8).map(lambda text: text.encode("latin-1")),
    ),
    st.sampled_from((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.1\r", b"X/1.1")),
)


@given(LINES)
@DETERMINISTIC
def test_a_usual_request_line_is_read_as_any_other(line: bytes) -> None:
    def outcome(read: Any) -> object:
        try:
            return read(line)
        except RequestError as problem:
            return type(problem), str(problem)

    assert outcome(request_line.read_request_line) == outcome(request_line._read_unusual_line)


@given(HEADS, st.sampled_from((b"abc", b"1", b"a/b=c")), st.integers(0, 3))
@DETERMINISTIC
def test_a_head_is_read_the_same_with_its_name_cut_out_before(
    octets: bytes, name: bytes, at: int
) -> None:
    lines = octets.split(b"\r\n")
    lines.insert(min(1 + at, len(lines) - 2), b"X-Request-ID: " + name)
    named = b"\r\n".join(lines)
    parts = split_request_id(named)
    assert parts == (octets, name, named.index(b": " + name + b"\r\n") + 2)
    try:
        whole = parse_head(named)
    except RequestError as problem:
        with pytest.raises(type(problem), match=re.escape(str(problem))):
            parse_head(named, parts)
    else:
        assert attributes(parse_head(named, parts)) == attributes(whole)


def test_lines_are_counted_with_the_one_that_was_cut_out() -> None:
    most = get(*[b"a:"] * (section.MAX_FIELD_LINES - 1))
    for _ in range(3):
        parse_head(most)
    named = most[:-2] + b"X-Request-ID: 1\r\n\r\n"
    with pytest.raises(HeadTooLarge):
        parse_head(named, split_request_id(named))
