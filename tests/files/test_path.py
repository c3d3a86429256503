"""Paths split into names that stay beneath the root (RFC 3986 §3.3, §5.2.4)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import MalformedRequest
from hamms_trio.files import OutsideRoot
from hamms_trio.files.path import encode, parse_path
from tests.wire.pieces import DETERMINISTIC

NAMES: dict[str, tuple[list[bytes], bool]] = {
    "": ([], True),
    "a": ([b"a"], False),
    "a/": ([b"a"], True),
    "a/b.txt": ([b"a", b"b.txt"], False),
    "%61%2Etxt": ([b"a.txt"], False),
    "a%20b": ([b"a b"], False),
    "a+b": ([b"a+b"], False),
    "%ff%FE": ([b"\xff\xfe"], False),
    "a\\b": ([b"a\\b"], False),
    "%0d%0a": ([b"\r\n"], False),
    # decoded once, and only once
    "%2561": ([b"%61"], False),
    "%252e%252e/x": ([b"%2e%2e", b"x"], False),
    "%252f": ([b"%2f"], False),
    # dot segments
    ".": ([], True),
    "./a": ([b"a"], False),
    "a/.": ([b"a"], True),
    "a/..": ([], True),
    "a/../b": ([b"b"], False),
    "a/b/../../c/": ([b"c"], True),
    "a/%2e%2e/b": ([b"b"], False),
    "a/.%2E/b": ([b"b"], False),
    "...": ([b"..."], False),
    "..a": ([b"..a"], False),
    "a..": ([b"a.."], False),
    # names that no file can have; the directory refuses them
    "a//b": ([b"a", b"", b"b"], False),
    "a%2Fb": ([b"a/b"], False),
}


OUTSIDE = [
    "..",
    "../",
    "../x",
    "a/../..",
    "a/../../b",
    "./../x",
    "%2e%2e/x",
    ".%2e/x",
    "%2E%2E",
    "..%2fx",
    "%2e%2e%2fx",
    "..%2F..%2Fetc%2Fpasswd",
    "a/..%2f..%2fx",
    "a/..%2f../x",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "/",
    "%2f",
    "a//../../x",
    "a%2fb/../../x",
    "/../x",
]

MALFORMED = [
    "%",
    "%6",
    "%zz",
    "a%",
    "%%61",
    "%-1",
    "% 1",
    "%00",
    "a%00b",
    "a.txt%00.html",
    "%u0061",
]


@pytest.mark.parametrize(("path", "names", "is_directory"), [(p, *n) for p, n in NAMES.items()])
def test_a_path_is_split_into_names(path: str, names: list[bytes], is_directory: bool) -> None:
    target = parse_path(path)

    assert (list(target.names), target.is_directory) == (names, is_directory)


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(OutsideRoot):
        parse_path(path)


@pytest.mark.parametrize("path", MALFORMED)
def test_broken_encoding_is_the_clients_fault(path: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_path(path)


@given(st.text(alphabet="./%2eEfF5cC\\a0", max_size=24))
@DETERMINISTIC
def test_no_path_crashes_or_goes_up(path: str) -> None:
    try:
        target = parse_path(path)
    except (OutsideRoot, MalformedRequest):
        return
    assert not {b".", b".."} & set(target.names)
    assert not any(b"\0" in name for name in target.names)


@given(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4), st.booleans())
@DETERMINISTIC
def test_names_encoded_as_a_path_are_parsed_back(names: list[bytes], is_directory: bool) -> None:
    kept = [name for name in names if not set(name) & set(b"/\0") and name not in (b".", b"..")]
    path = "/".join(map(encode, kept)) + ("/" if is_directory and kept else "")
    if not kept:
        return
    target = parse_path(path)

    assert list(target.names) == kept
    assert target.is_directory is is_directory
    assert target.path == path
    assert path.isascii()
    assert ":" not in path
