"""Forms are read as urllib reads them, and within limits."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, strategies as st

from hamms_trio.errors import MalformedRequest
from hamms_trio.wire.fields.forms import MAX_FORM_FIELDS, MAX_FORM_OCTETS, parse_form

FORMS = st.text(st.sampled_from("ab=&%+2é;"), max_size=30)


@given(FORMS)
def test_a_form_is_read_as_urllib_reads_it(text: str) -> None:
    assert parse_form(text) == dict(parse_qsl(text, keep_blank_values=True))


@pytest.mark.parametrize("field", ["a=b", "a=%62"])
def test_a_form_has_a_limit_of_fields(field: str) -> None:
    fields = [field] * MAX_FORM_FIELDS
    assert parse_form("&".join(fields)) == {"a": "b"}
    with pytest.raises(MalformedRequest, match="more than 100 fields"):
        parse_form("&".join([*fields, field]))


def test_a_form_has_a_limit_of_octets() -> None:
    with pytest.raises(MalformedRequest, match="8192 octets"):
        parse_form("a" * (MAX_FORM_OCTETS + 1))
