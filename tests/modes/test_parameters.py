"""Parameters of failure modes: their domains, parsing and error messages."""

from __future__ import annotations

from typing import Annotated

import pytest

from hamms_trio.errors import CatalogueError, ParameterError
from hamms_trio.modes.model.parameters import (
    DAY,
    MEBIBYTE,
    Choice,
    Flag,
    LongText,
    Missing,
    Octets,
    Parameter,
    Seconds,
    Seed,
    Share,
    Status,
    Text,
    Times,
    Value,
)

SECONDS = Parameter.of("interval", Seconds, 5.0)
OCTETS = Parameter.of("size", Octets, 0)
STATUS = Parameter.of("status", Status, 503)
SEED = Parameter.of("seed", Seed | None, None)
SHARE = Parameter.of("failrate", Share, 0.5)
TEXT = Parameter.of("key", Text, "default")
CASE = Parameter.of("case", Annotated[str, Choice("lf", "cr")], "lf")
FLAG = Parameter.of("close", Flag, False)


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (SECONDS, "0", 0.0),
        (SECONDS, "0.01", 0.01),
        (SECONDS, ".5", 0.5),
        (SECONDS, "5.", 5.0),
        (SECONDS, "+1e3", 1000.0),
        (SECONDS, "1E-3", 0.001),
        (SECONDS, "1e-999", 0.0),
        (SECONDS, "-0", 0.0),
        (SECONDS, str(DAY), float(DAY)),
        (OCTETS, "0", 0),
        (OCTETS, "+007", 7),
        (OCTETS, str(64 * MEBIBYTE), 64 * MEBIBYTE),
        (STATUS, "100", 100),
        (STATUS, "999", 999),
        (SEED, "-9223372036854775808", -(2**63)),
        (SEED, "9223372036854775807", 2**63 - 1),
        (SHARE, "1", 1.0),
        (TEXT, "", ""),
        (TEXT, "x" * 64, "x" * 64),
        (TEXT, "café\0 ", "café\0 "),
        (CASE, "cr", "cr"),
        (FLAG, "true", True),
        (FLAG, "1", True),
        (FLAG, "YES", True),
        (FLAG, "false", False),
        (FLAG, "0", False),
        (FLAG, "no", False),
    ],
)
def test_a_value_in_range_is_parsed(parameter: Parameter, text: str, value: Value) -> None:
    parsed = parameter.parse(text)
    assert parsed == value
    assert type(parsed) is parameter.kind


NOT_NUMBERS = [
    "", " ", " 1", "1 ", "1\n", "nan", "NaN", "inf", "-inf", "Infinity", "1_0", "_1", "0x10", "1e", "e1",
    "1e1.5", "--1", "+-1", "1,0", ".", "-", "\u0661", "\uff11", "\xb2", "\xbd", "true", "None",
]  # fmt: skip


@pytest.mark.parametrize("parameter", [SECONDS, OCTETS, SEED, SHARE], ids=lambda p: p.name)
@pytest.mark.parametrize("text", NOT_NUMBERS, ids=ascii)
def test_a_text_that_is_no_number_is_refused(parameter: Parameter, text: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parameter.parse(text)
    message = str(raised.value)
    assert parameter.name in message
    assert text in message
    assert str(parameter.domain.describe()["maximum"]) in message


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (OCTETS, "-1", f"size=-1 can't be used: give an integer from 0 to {64 * MEBIBYTE} (octets)"),
        (STATUS, "99", "status=99 can't be used: give an integer from 100 to 999 (a status code)"),
        (STATUS, "1000", "status=1000 can't be used: give an integer from 100 to 999 (a status code)"),
        (STATUS, "1.5", "status=1.5 can't be used: give an integer from 100 to 999 (a status code)"),
        (STATUS, "2e2", "status=2e2 can't be used: give an integer from 100 to 999 (a status code)"),
        (SECONDS, "-0.1", f"interval=-0.1 can't be used: give a number from 0 to {DAY} (seconds)"),
        (SECONDS, "86401", f"interval=86401 can't be used: give a number from 0 to {DAY} (seconds)"),
        (SECONDS, "1e999", f"interval=1e999 can't be used: give a number from 0 to {DAY} (seconds)"),
        (SHARE, "1.01", "failrate=1.01 can't be used: give a number from 0 to 1 (of all requests)"),
        (CASE, "crlf", "case=crlf can't be used: give one of lf, cr"),
        (FLAG, "on", "close=on can't be used: give true or false (or 1, 0, yes, no)"),
        (TEXT, "x" * 65, "key is 65 characters long: give a text of at most 64 characters"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(parameter: Parameter, text: str, message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parameter.parse(text)
    assert str(raised.value) == message
    assert raised.value.status == 400


@pytest.mark.parametrize("parameter", [SECONDS, OCTETS, SEED, TEXT], ids=lambda p: p.name)
@pytest.mark.parametrize(
    "text", ["1" * 20_000 + "x", "1" * 20_000, "1." * 10_000, "1e" + "9" * 20_000]
)
def test_the_error_for_a_huge_value_is_short(parameter: Parameter, text: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parameter.parse(text)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("annotation", "kind", "takes"),
    [
        (Seconds, float, "a number from 0 to 86400 (seconds)"),
        (Missing, int, "an integer from 1 to 67108864 (octets)"),
        (Times, int, "an integer from 0 to 1000000 (times)"),
        (Times | None, int, "an integer from 0 to 1000000 (times)"),
        (Text, str, "a text of at most 64 characters"),
        (LongText, str, "a text of at most 4096 characters"),
        (Flag, bool, "true or false (or 1, 0, yes, no)"),
    ],
)
def test_a_parameter_gets_kind_and_domain_from_its_annotation(
    annotation: object, kind: type[int] | type[float] | type[str], takes: str
) -> None:
    parameter = Parameter.of("x", annotation, None)
    assert parameter.kind is kind
    assert parameter.takes == takes
    assert parameter.default is None


class Anything:
    def takes(self, kind: type) -> str:
        return "anything"


def test_a_type_without_all_methods_of_a_domain_is_refused() -> None:
    with pytest.raises(CatalogueError, match="'name' lacks methods"):
        Parameter.of("name", Annotated[str, Anything()], "")
