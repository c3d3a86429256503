"""The content codings that a request accepts (RFC 9110 §12.5.3)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio.wire.fields.codings import coding_quality
from tests.wire.pieces import DETERMINISTIC

QUALITIES: list[tuple[str | None, str, float]] = [
    # RFC 9110 §12.5.3's own examples
    ("compress, gzip", "gzip", 1.0),
    ("compress, gzip", "br", 0.0),
    ("*", "br", 1.0),
    ("*", "identity", 1.0),
    ("compress;q=0.5, gzip;q=1.0", "compress", 0.5),
    ("compress;q=0.5, gzip;q=1.0", "gzip", 1.0),
    ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip", 1.0),
    ("gzip;q=1.0, identity; q=0.5, *;q=0", "identity", 0.5),
    ("gzip;q=1.0, identity; q=0.5, *;q=0", "br", 0.0),
    # nobody is sent a coding without having asked for it
    (None, "gzip", 0.0),
    ("", "gzip", 0.0),
    ("identity", "gzip", 0.0),
    # a quality of 0 is a refusal
    ("gzip;q=0", "gzip", 0.0),
    ("gzip;q=0.000", "gzip", 0.0),
    ("*;q=0, gzip", "gzip", 1.0),
    ("gzip;q=0, *", "gzip", 0.0),
    ("gzip;q=0, *", "br", 1.0),
    ("identity;q=0", "identity", 0.0),
    ("*;q=0", "identity", 0.0),
    ("*;q=0, identity;q=0.1", "identity", 0.1),
    # names are case-insensitive, x-gzip is gzip (§8.4.1), whitespace is allowed around the semicolon
    ("GZIP;Q=0.5", "gzip", 0.5),
    ("x-gzip;q=0.5", "gzip", 0.5),
    ("\tgzip \t;\t q=0.5 , br", "gzip", 0.5),
    ("br;q=0.1, br;q=0.7, br;q=0.3", "br", 0.7),
    (",,gzip,,", "gzip", 1.0),
    # malformed members are ignored, and only they
    ("gzip;q=2, br", "gzip", 0.0),
    ("gzip;q=-1, br", "gzip", 0.0),
    ("gzip;q=0.1234, br", "gzip", 0.0),
    ("gzip;q=, br", "gzip", 0.0),
    ("gzip;level=9, br", "gzip", 0.0),
    ("gzip br", "gzip", 0.0),
    ("gzip;q=2, br", "br", 1.0),
    ("zip", "gzip", 0.0),
    ("gzip2", "gzip", 0.0),
]


@pytest.mark.parametrize(("field", "coding", "expected"), QUALITIES)
def test_the_quality_of_a_coding(field: str | None, coding: str, expected: float) -> None:
    assert coding_quality(field, coding) == expected


@pytest.mark.parametrize("field", [None, "", "br;q=0", "gzip;q=0.001", "junk junk"])
def test_identity_is_acceptable_unless_it_is_refused(field: str | None) -> None:
    assert coding_quality(field, "identity") > 0


def test_a_named_coding_comes_before_one_that_is_only_not_refused() -> None:
    field = "gzip;q=0.001"

    assert coding_quality(field, "gzip") > coding_quality(field, "identity") > 0


@pytest.mark.parametrize(
    "value", ["," * 65000, "gzip;" * 10000, " " * 65000, "gzip;q=0." + "0" * 65000]
)
def test_a_huge_field_is_read_in_linear_time(value: str) -> None:
    for number in range(20):
        coding_quality(f"{number}{value}", "gzip")


@given(st.text(alphabet="gzipbr*;q=01., \t\xe9", max_size=40))
@DETERMINISTIC
def test_any_field_is_read_without_an_error(field: str) -> None:
    assert all(0 <= coding_quality(field, coding) <= 1 for coding in ("gzip", "br", "identity"))
