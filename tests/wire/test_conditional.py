"""Preconditions and their precedence (RFC 9110 §13)."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from hamms_trio.wire.fields.conditional import Validators, evaluate, is_weak, range_applies
from hamms_trio.wire.fields.dates import imf_fixdate
from tests.wire.pieces import DETERMINISTIC

NOW = 1_800_000_000.0
MODIFIED = 1_700_000_000
STRONG = Validators('"x,y"', MODIFIED)  # a comma may stand in an entity tag (§8.8.3)
WEAK = Validators('W/"x,y"', MODIFIED)
UNDATED = Validators('"x,y"')
UNTAGGED = Validators(None, MODIFIED)

SAME, BEFORE, AFTER = (imf_fixdate(MODIFIED + by) for by in (0, -1, 1))

# §8.8.3.2's table: two tags, whether they are the same by strong and by weak comparison.
COMPARISONS = [
    ('W/"1"', 'W/"1"', False, True),
    ('W/"1"', 'W/"2"', False, False),
    ('W/"1"', '"1"', False, True),
    ('"1"', '"1"', True, True),
    ('"1"', 'W/"1"', False, True),
    ('"1"', '"2"', False, False),
]


@pytest.mark.parametrize(("given_tag", "current", "strongly", "weakly"), COMPARISONS)
def test_if_match_compares_strongly_and_if_none_match_weakly(
    given_tag: str, current: str, strongly: bool, weakly: bool
) -> None:
    validators = Validators(current)

    failed = evaluate("GET", {"if-match": given_tag}, validators, now=NOW)
    assert failed == (None if strongly else 412)
    failed = evaluate("GET", {"if-none-match": given_tag}, validators, now=NOW)
    assert failed == (304 if weakly else None)


# The value of a field that lists entity tags, and whether the strong "x,y" is in it.
LISTS = [
    ("*", True),
    ('"x,y"', True),
    ('"a", "x,y"', True),
    ('"x,y","a"', True),
    ('W/"a" ,\t"x,y"', True),
    (',, "a",,"x,y",', True),
    ('"\xe9", "x,y"', True),
    ('"", "x,y"', True),
    ('"a", "b"', False),
    ('"x"', False),
    ('"x', False),
    ("", False),
    (" ", False),
    (",", False),
    # what breaks the grammar lists nothing, not even what could be made out of it
    ("x,y", False),
    ('x, "x,y"', False),
    ('"x,y" "a"', False),
    ('"a" "x,y"', False),
    ('"x,y", *', False),
    ('*, "x,y"', False),
    ('"a"x,y"', False),
    ('"a b", "x,y"', False),
    ('w/"a", "x,y"', False),  # W/ is case-sensitive
    ('W / "a", "x,y"', False),
    ('"x,y', False),
    ("'x,y'", False),
]


@pytest.mark.parametrize(("field", "listed"), LISTS)
def test_a_list_of_entity_tags_has_the_current_one_or_not(field: str, listed: bool) -> None:
    assert evaluate("GET", {"if-match": field}, STRONG, now=NOW) == (None if listed else 412)
    assert evaluate("GET", {"if-none-match": field}, STRONG, now=NOW) == (304 if listed else None)


Fields = dict[str, str]

# Method, fields, validators, status: one row for each sentence.
SENTENCES: dict[str, tuple[str, Fields, Validators, int | None]] = {
    "nothing is demanded": ("GET", {}, STRONG, None),
    "13.1.1: false unless a listed tag matches": ("PUT", {"if-match": '"a"'}, STRONG, 412),
    "13.1.1: true if one does": ("PUT", {"if-match": '"x,y"'}, STRONG, None),
    "13.1.1: * is true of any representation": ("PUT", {"if-match": "*"}, UNTAGGED, None),
    "13.1.1: no tag is no match": ("PUT", {"if-match": '"x,y"'}, UNTAGGED, 412),
    "13.1.2: * is false of any representation": ("PUT", {"if-none-match": "*"}, UNTAGGED, 412),
    "13.1.2: 304 to GET": ("GET", {"if-none-match": '"x,y"'}, STRONG, 304),
    "13.1.2: 304 to HEAD": ("HEAD", {"if-none-match": '"x,y"'}, STRONG, 304),
    "13.1.2: 412 to any other": ("DELETE", {"if-none-match": '"x,y"'}, STRONG, 412),
    "13.1.2: weak tags do": ("GET", {"if-none-match": '"x,y"'}, WEAK, 304),
    "13.1.3: false at the same second": ("GET", {"if-modified-since": SAME}, STRONG, 304),
    "13.1.3: false if earlier": ("GET", {"if-modified-since": AFTER}, STRONG, 304),
    "13.1.3: true if later": ("GET", {"if-modified-since": BEFORE}, STRONG, None),
    "13.1.3: for HEAD too": ("HEAD", {"if-modified-since": SAME}, STRONG, 304),
    "13.1.3: ignored for other methods": ("POST", {"if-modified-since": SAME}, STRONG, None),
    "13.1.3: ignored if invalid": ("GET", {"if-modified-since": "yesterday"}, STRONG, None),
    "13.1.3: ignored if there are two": (
        "GET",
        {"if-modified-since": f"{SAME}, {SAME}"},
        STRONG,
        None,
    ),
    "13.1.3: ignored without a date to compare": (
        "GET",
        {"if-modified-since": SAME},
        UNDATED,
        None,
    ),
    "13.1.4: true at the same second": ("PUT", {"if-unmodified-since": SAME}, STRONG, None),
    "13.1.4: false if modified later": ("PUT", {"if-unmodified-since": BEFORE}, STRONG, 412),
    "13.1.4: false for GET too": ("GET", {"if-unmodified-since": BEFORE}, STRONG, 412),
    "13.1.4: ignored if invalid": ("PUT", {"if-unmodified-since": "today"}, STRONG, None),
    "13.1.4: ignored without a date to compare": (
        "PUT",
        {"if-unmodified-since": BEFORE},
        UNDATED,
        None,
    ),
    "13.2.2 step 1: If-Match decides, not If-Unmodified-Since": (
        "GET",
        {"if-match": '"x,y"', "if-unmodified-since": BEFORE},
        STRONG,
        None,
    ),
    "13.2.2 step 1: a false If-Match comes before If-None-Match": (
        "GET",
        {"if-match": '"a"', "if-none-match": '"x,y"'},
        STRONG,
        412,
    ),
    "13.2.2 step 2: a false If-Unmodified-Since comes before If-None-Match": (
        "GET",
        {"if-unmodified-since": BEFORE, "if-none-match": '"x,y"'},
        STRONG,
        412,
    ),
    "13.2.2 step 3: If-None-Match follows a true If-Match": (
        "GET",
        {"if-match": '"x,y"', "if-none-match": '"x,y"'},
        STRONG,
        304,
    ),
    "13.2.2 step 3: a true If-None-Match outweighs If-Modified-Since": (
        "GET",
        {"if-none-match": '"a"', "if-modified-since": SAME},
        STRONG,
        None,
    ),
    "13.2.2 step 3: so does a malformed one": (
        "GET",
        {"if-none-match": "x", "if-modified-since": SAME},
        STRONG,
        None,
    ),
    "13.2.2 step 4: If-Modified-Since follows a true If-Unmodified-Since": (
        "GET",
        {"if-unmodified-since": SAME, "if-modified-since": SAME},
        STRONG,
        304,
    ),
    "5.6.7: the RFC 850 form": (
        "GET",
        {"if-modified-since": "Tuesday, 14-Nov-23 22:13:20 GMT"},
        STRONG,
        304,
    ),
    "5.6.7: the asctime form": (
        "GET",
        {"if-modified-since": "Tue Nov 14 22:13:20 2023"},
        STRONG,
        304,
    ),
}


@pytest.mark.parametrize(
    ("method", "fields", "validators", "status"), SENTENCES.values(), ids=SENTENCES
)
def test_preconditions_have_the_outcomes_of_rfc_9110(
    method: str, fields: Fields, validators: Validators, status: int | None
) -> None:
    assert evaluate(method, fields, validators, now=NOW) == status


def by_the_flow_of_13_2_2(method: str, held: dict[str, bool | None]) -> int | None:
    """Evaluate the six steps of the section literally; None is an absent field."""
    step = 1
    while True:
        match step:
            case 1:
                if held["if-match"] is None:
                    step = 2
                elif held["if-match"]:
                    step = 3
                else:
                    return 412
            case 2:
                if held["if-unmodified-since"] is False:
                    return 412
                step = 3
            case 3:
                if held["if-none-match"] is None:
                    step = 4
                elif held["if-none-match"]:
                    return None
                else:
                    return 304 if method in ("GET", "HEAD") else 412
            case _:
                failed = method in ("GET", "HEAD") and held["if-modified-since"] is False
                return 304 if failed else None


VALUES: dict[str, dict[bool, str]] = {
    "if-match": {True: '"x,y"', False: '"a"'},
    "if-none-match": {True: '"a"', False: '"x,y"'},
    "if-modified-since": {True: BEFORE, False: SAME},
    "if-unmodified-since": {True: SAME, False: BEFORE},
}


def test_all_combinations_go_the_way_of_rfc_9110_13_2_2() -> None:
    truths: list[tuple[bool | None, ...]] = list(product((None, True, False), repeat=4))
    for method, held in product(("GET", "HEAD", "PUT"), truths):
        truth = dict(zip(VALUES, held, strict=True))
        fields = {name: VALUES[name][true] for name, true in truth.items() if true is not None}

        expected = by_the_flow_of_13_2_2(method, truth)
        assert evaluate(method, fields, STRONG, now=NOW) == expected, (method, fields)


# The value of If-Range, validators, seconds since the modification, whether Range counts (§13.1.5).
IF_RANGES: dict[str, tuple[str | None, Validators, float, bool]] = {
    "absent": (None, STRONG, 60, True),
    "the same strong tag": ('"x,y"', STRONG, 60, True),
    "another": ('"x"', STRONG, 60, False),
    "a weak tag, though it is the same": ('W/"x,y"', WEAK, 60, False),
    "a strong tag against a weak one": ('"x,y"', WEAK, 60, False),
    "a weak tag against a strong one": ('W/"x,y"', STRONG, 60, False),
    "no tag to compare with": ('"x,y"', UNTAGGED, 60, False),
    "a list": ('"x,y", "a"', STRONG, 60, False),
    "*": ("*", STRONG, 60, False),
    "the same date": (SAME, STRONG, 60, True),
    "a later date: it has to be exactly that": (AFTER, STRONG, 60, False),
    "an earlier date": (BEFORE, STRONG, 60, False),
    "the same date in another form": ("Tue Nov 14 22:13:20 2023", STRONG, 60, True),
    "a date that is not strong yet (8.8.2.2)": (SAME, STRONG, 0.9, False),
    "a date that is strong by now": (SAME, STRONG, 1, True),
    "no date to compare with": (SAME, UNDATED, 60, False),
    "neither": ("yesterday", STRONG, 60, False),
    "empty": ("", STRONG, 60, False),
}


@pytest.mark.parametrize(
    ("field", "validators", "age", "applies"), IF_RANGES.values(), ids=IF_RANGES
)
def test_if_range_asks_for_exactly_the_same_octets(
    field: str | None, validators: Validators, age: float, applies: bool
) -> None:
    fields = {} if field is None else {"if-range": field}

    assert range_applies(fields, validators, now=MODIFIED + age) is applies


def test_weak_tags_are_recognised_by_their_prefix() -> None:
    assert is_weak('W/"x"')
    assert not is_weak('"W/x"')


@pytest.mark.parametrize(
    "value", ['"' * 65536, '"a",' * 16000, "," * 65536, " " * 65536, ' "a" ' * 13000, 'W/"' * 20000]
)
def test_a_huge_list_is_read_in_linear_time(value: str) -> None:
    for number in range(20):
        evaluate("GET", {"if-none-match": f"{value}{number}"}, STRONG, now=NOW)


@given(st.text(alphabet='W/"x,y* \t\\\xe9', max_size=30))
@DETERMINISTIC
def test_any_field_is_read_without_an_error(field: str) -> None:
    assert evaluate("GET", {"if-none-match": field}, STRONG, now=NOW) in (None, 304)
    assert evaluate("GET", {"if-match": field}, STRONG, now=NOW) in (None, 412)
    assert range_applies({"if-range": field}, STRONG, now=NOW) is (field == '"x,y"')
