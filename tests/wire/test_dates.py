"""HTTP dates (RFC 9110 §5.6.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, strategies as st

from hamms_trio.wire.fields.dates import imf_fixdate, parse_http_date
from tests.wire.pieces import DETERMINISTIC

NOW = 1_800_000_000  # Fri, 15 Jan 2027 08:00:00 GMT
EXAMPLE = 784_111_777

DATES: list[tuple[str, int | None]] = [
    # RFC 9110 §5.6.7's own examples
    ("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
    ("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE),
    ("Sun Nov  6 08:49:37 1994", EXAMPLE),
    # the first and last dates of the format
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
    ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
    ("Wed Nov 16 08:49:37 1994", EXAMPLE + 10 * 86400),
    # a leap second is the second after it, and a day's name is not held against anybody
    ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
    ("Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
    # no such moment
    ("Sun, 00 Nov 1994 08:49:37 GMT", None),
    ("Thu, 29 Feb 2023 12:00:00 GMT", None),
    ("Sun, 31 Nov 1994 08:49:37 GMT", None),
    ("Sun, 06 Nov 1994 24:49:37 GMT", None),
    ("Sun, 06 Nov 1994 08:60:37 GMT", None),
    ("Sun, 06 Nov 1994 08:49:61 GMT", None),
    ("Sun, 06 Nov 0000 08:49:37 GMT", None),
    ("Sun Nov    08:49:37 1994", None),
    # another syntax
    ("", None),
    ("0", None),
    ("784111777", None),
    ("1994-11-06T08:49:37Z", None),
    ("sun, 06 nov 1994 08:49:37 gmt", None),  # HTTP-date is case-sensitive
    ("Sun, 6 Nov 1994 08:49:37 GMT", None),
    ("Sun,  06 Nov 1994 08:49:37 GMT", None),
    ("Sun, 06 Nov 1994 8:49:37 GMT", None),
    ("Sun, 06 Nov 1994 08:49 GMT", None),
    ("Sun, 06 Nov 1994 08:49:37", None),
    ("Sun, 06 Nov 1994 08:49:37 UTC", None),
    ("Sun, 06 Nov 1994 08:49:37 +0000", None),
    ("Sun, 06 Nov 94 08:49:37 GMT", None),
    ("Sun, 06-Nov-94 08:49:37 GMT", None),
    ("Sunday, 06-Nov-1994 08:49:37 GMT", None),
    ("Sun Nov 06 08:49:37 1994 GMT", None),
    ("Sun, 06 Nov 1994 08:49:37 GMT ", None),
    ("Sun, 06 Nov 1994 08:49:37 GMT\n", None),
    ("Sun, \u0660\u0666 Nov 1994 08:49:37 GMT", None),
    ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", None),
]


@pytest.mark.parametrize(("text", "seconds"), DATES)
def test_a_date_is_read_in_its_three_forms_and_no_other(text: str, seconds: int | None) -> None:
    assert parse_http_date(text, now=NOW) == seconds


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "year"),
    [
        (moment(1994, 11, 6), 1994),
        (moment(2026, 11, 21), 1994),  # 2094 would be 68 years ahead
        (moment(2044, 11, 6, 8, 49, 36), 1994),  # one second more than 50 years ahead
        (moment(2044, 11, 6, 8, 49, 37), 2094),  # exactly 50
        (moment(2094, 1, 1), 2094),
        (moment(2099, 1, 1), 2094),
    ],
)
def test_two_digits_of_a_year_are_never_more_than_50_years_ahead(now: float, year: int) -> None:
    expected = moment(year, 11, 6, 8, 49, 37)

    assert parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now=now) == expected


@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"),  # RFC 9110 §5.6.7
        (784887151, "Tue, 15 Nov 1994 08:12:31 GMT"),  # RFC 9110 §6.6.1
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (1709251199.999, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (4102444800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        (253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_a_date_is_written_as_imf_fixdate(seconds: float, date: str) -> None:
    assert imf_fixdate(seconds) == date


@given(st.integers(0, 253_402_300_799))
@DETERMINISTIC
def test_a_written_date_is_read_back(seconds: int) -> None:
    there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    assert parse_http_date(imf_fixdate(seconds), now=NOW) == seconds
    assert (
        parse_http_date(there.strftime("%a %b %e %H:%M:%S ") + f"{there.year:04}", now=NOW)
        == seconds
    )
    assert parsedate_to_datetime(imf_fixdate(seconds)) == there


@given(st.text(alphabet="SunMon, 0169:-GMTNov4837\xe9", max_size=40))
@DETERMINISTIC
def test_any_text_is_read_without_an_error(text: str) -> None:
    seconds = parse_http_date(text, now=NOW)

    assert seconds is None or isinstance(seconds, int)
