"""HTTP dates: the one form to send and the three to parse (RFC 9110 §5.6.7).

Times are whole seconds since 1970 without leap seconds. Nothing here reads a clock; the caller passes the time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DAY, _MONTH = "|".join(_DAYS), "|".join(_MONTHS)
_WEEKDAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS = (  # compiled at the first date, since dates are rare
    # Sun, 06 Nov 1994 08:49:37 GMT: IMF-fixdate
    rf"(?:{_DAY}), (?P<day>[0-9]{{2}}) (?P<month>{_MONTH}) (?P<year>[0-9]{{4}}) {_TIME} GMT",
    # Sunday, 06-Nov-94 08:49:37 GMT: RFC 850
    rf"(?:{_WEEKDAY}), (?P<day>[0-9]{{2}})-(?P<month>{_MONTH})-(?P<year>[0-9]{{2}}) {_TIME} GMT",
    # Sun Nov  6 08:49:37 1994: C's asctime()
    rf"(?:{_DAY}) (?P<month>{_MONTH}) (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
)


@lru_cache(maxsize=512)
def imf_fixdate(seconds: float) -> str:
    """Format a time as IMF-fixdate, independent of the locale; years 1 to 9999."""
    moment = _EPOCH + timedelta(seconds=seconds)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"


def parse_http_date(text: str, *, now: float) -> int | None:
    """Return the time of an HTTP-date, or None if the text is not one.

    A wrong name of the day is ignored, and second 60 is a leap second.

    Args:
        text: the field's value.
        now: seconds; decides the century of a year with two digits.
    """
    for form in _FORMS:
        if match := re.fullmatch(form, text):
            return _moment(match, now)
    return None


def _moment(match: re.Match[str], now: float) -> int | None:
    hour, minute, second = (int(match[part]) for part in ("hour", "minute", "second"))
    if second > 60:
        return None
    year, month, day = int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"])
    if len(match["year"]) == 2:
        year = _year_in_full(year, (month, day, hour, minute, second), now)
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    return int((moment - _EPOCH).total_seconds()) + second


def _year_in_full(year: int, within: tuple[int, ...], now: float) -> int:
    """Return the full year; more than 50 years in the future means the past (RFC 9110 §5.6.7)."""
    present = _EPOCH + timedelta(seconds=now)
    year += present.year - present.year % 100
    limit = (present.year + 50, *present.timetuple()[1:6])
    return year - 100 if (year, *within) > limit else year
