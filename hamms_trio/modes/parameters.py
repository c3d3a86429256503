"""What a failure mode's parameters may be: their types, units and ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from hamms_trio.errors import ParameterError

Value = int | float | str | None

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Range:
    """A number's unit and the least and greatest value it takes."""

    unit: str
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Length:
    """A text's greatest length in characters."""

    maximum: int


DAY = 24 * 60 * 60
MEBIBYTE = 1024 * 1024

Seconds = Annotated[float, Range("seconds", 0, DAY)]
Octets = Annotated[int, Range("octets", 0, 64 * MEBIBYTE)]
Missing = Annotated[int, Range("octets", 1, 64 * MEBIBYTE)]
Times = Annotated[int, Range("times", 0, 1_000_000)]
Share = Annotated[float, Range("of all requests", 0, 1)]
Status = Annotated[int, Range("a status code", 100, 999)]
Seed = Annotated[int, Range("a seed", -(2**63), 2**63 - 1)]
Text = Annotated[str, Length(64)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One knob of a failure mode, read off its signature."""

    name: str
    kind: type[int] | type[float] | type[str]
    limit: Range | Length
    default: Value

    @classmethod
    def of(cls, name: str, annotation: object, default: Value) -> Parameter:
        if get_origin(annotation) in (
            Union,
            UnionType,
        ):  # "Seed | None": None stands for the server's own
            (annotation,) = (a for a in get_args(annotation) if a is not type(None))
        kind, limit = get_args(annotation)
        return cls(name, kind, limit, default)

    @property
    def takes(self) -> str:
        """What may be given, for people."""
        if isinstance(self.limit, Length):
            return f"a text of at most {self.limit.maximum} characters"
        noun = "an integer" if self.kind is int else "a number"
        limit = self.limit
        return f"{noun} from {limit.minimum} to {limit.maximum} ({limit.unit})"

    def parse(self, text: str) -> Value:
        """The value that ``text`` stands for.

        Raises:
            ParameterError: it stands for none, or for one out of range.
        """
        if isinstance(self.limit, Length):
            if len(text) > self.limit.maximum:
                raise ParameterError(
                    f"{self.name} is {len(text)} characters long: give {self.takes}"
                )
            return text
        value = self._number(text)
        if value is None or not self.limit.minimum <= value <= self.limit.maximum:
            raise ParameterError(f"{self.name}={text[:80]} can't be used: give {self.takes}")
        return value

    def _number(self, text: str) -> int | float | None:
        if self.kind is int:
            return int(text) if _INTEGER.fullmatch(text) else None
        return float(text) if _NUMBER.fullmatch(text) else None
