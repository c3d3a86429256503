"""Forms: application/x-www-form-urlencoded, in queries and in content."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hamms_trio.errors import MalformedRequest

MAX_FORM_FIELDS = 100
MAX_FORM_OCTETS = 8 * 1024  # limit for a query too, since decoding a longer one is slow


def parse_form(text: str) -> dict[str, str]:
    """Return the fields of a form; the last value of a repeated name counts.

    Raises:
        MalformedRequest: the text is longer than `MAX_FORM_OCTETS`, or has more than `MAX_FORM_FIELDS`.
    """
    if not text:
        return {}
    if len(text) > MAX_FORM_OCTETS:
        raise MalformedRequest(f"a query or form of more than {MAX_FORM_OCTETS} octets")
    if "%" not in text and "+" not in text and text.count("&") < MAX_FORM_FIELDS:
        pairs = (pair.partition("=") for pair in text.split("&") if pair)
        return {name: value for name, _, value in pairs}  # a fifth of the time of `parse_qsl`
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        raise MalformedRequest(f"more than {MAX_FORM_FIELDS} fields in a query or form") from None
