"""What the parser remembers must not change what it reads, nor grow."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import MalformedRequest
from hamms_trio.wire import RequestHead, RequestReader, parse_head, request as module
from tests.wire.playing import DETERMINISTIC, octet_by_octet, read_heads

MEMORIES = (
    module._REQUEST_LINES,
    module._FIELD_LINES,
    module._NAMES,
    module._HEADS,
    module._HEADS_SEEN_ONCE,
)
ATTRIBUTES = [name for name in RequestHead.__slots__ if name != "_query"] + ["query", "has_body"]


def forget() -> None:
    for memory in MEMORIES:
        memory.clear()


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
    assert not module._HEADS_SEEN_ONCE


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
    assert len(module._FIELD_LINES) <= module._MEMORY_ENTRIES
    assert len(module._HEADS) <= module._MEMORY_HEADS
    assert len(module._HEADS_SEEN_ONCE) <= module._MEMORY_ENTRIES
    assert max(map(len, module._FIELD_LINES)) <= module._MEMORY_LINE_OCTETS
    assert max(map(len, module._HEADS)) <= module.MEMORY_HEAD_OCTETS
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
    parse_head(get(b"X: " + b"x" * module._MEMORY_LINE_OCTETS))
    assert list(module._FIELD_LINES) == [b"Host: a"]
