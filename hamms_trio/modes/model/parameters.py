"""The parameters of failure modes: their types, units and ranges."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import (
    Annotated,
    Protocol,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from hamms_trio.errors import CatalogueError, ParameterError

Value = int | float | str | bool | None

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# A number with its decimal point in a host's name.
_POINT = re.compile(r"([+-]?[0-9]*)[pP]([0-9]+(?:[eE][+-]?[0-9]+)?)")
_DOT = "-dot-"  # for a dot of a text in a host's name
_domains: set[type] = set()  # classes that were checked to have every method of `Domain`
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@runtime_checkable
class Domain(Protocol):
    """The values that a parameter may have."""

    def takes(self, kind: type) -> str:
        """Describe the allowed values, for people."""

    def describe(self) -> dict[str, object]:
        """Describe the allowed values, for programs."""

    def read(self, text: str, kind: type) -> Value:
        """Return the value for which ``text`` stands.

        Raises:
            ValueError: the text stands for none; the message completes "NAME ...", or is empty.
        """

    def to_label(self, value: Value) -> str:
        """Write a value as it stands in the name of a host, where no dot can stand; `from_label` reads it."""

    def from_label(self, text: str) -> str:
        """Return the text for `read` of a value in the name of a host."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number's unit and the least and greatest value it takes."""

    unit: str
    minimum: int
    maximum: int

    def takes(self, kind: type) -> str:
        noun = "an integer" if kind is int else "a number"
        return f"{noun} from {self.minimum} to {self.maximum} ({self.unit})"

    def describe(self) -> dict[str, object]:
        return {"unit": self.unit, "minimum": self.minimum, "maximum": self.maximum}

    def read(self, text: str, kind: type) -> Value:
        if not (_INTEGER if kind is int else _NUMBER).fullmatch(text):
            raise ValueError
        value: int | float = int(text) if kind is int else float(text)
        if not self.minimum <= value <= self.maximum:
            raise ValueError
        return value

    def to_label(self, value: Value) -> str:
        return str(value).replace(".", "p")

    def from_label(self, text: str) -> str:
        return f"{match[1]}.{match[2]}" if (match := _POINT.fullmatch(text)) else text


@dataclass(frozen=True, slots=True)
class Length:
    """A text's greatest length in characters."""

    maximum: int

    def takes(self, kind: type) -> str:
        return f"a text of at most {self.maximum} characters"

    def describe(self) -> dict[str, object]:
        return {"maximum_length": self.maximum}

    def read(self, text: str, kind: type) -> Value:
        if len(text) > self.maximum:
            raise ValueError(f"is {len(text)} characters long")
        return text

    def to_label(self, value: Value) -> str:
        return str(value).replace(".", _DOT)

    def from_label(self, text: str) -> str:
        return text.replace(_DOT, ".")


class Choice:
    """Alternatives, each by its name: ``Annotated[str, Choice("lf", "cr")]``. The default is the first."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._by_label = {self.to_label(name): name for name in names}
        if len(self._by_label) < len(names):
            raise CatalogueError(f"two of {', '.join(names)} are the same in the name of a host")

    def takes(self, kind: type) -> str:
        return f"one of {', '.join(self.names)}"

    def describe(self) -> dict[str, object]:
        return {"choices": list(self.names)}

    def read(self, text: str, kind: type) -> Value:
        if text not in self.names:
            raise ValueError
        return text

    def to_label(self, value: Value) -> str:
        return str(value).replace(".", "")

    def from_label(self, text: str) -> str:
        return self._by_label.get(text, text)


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """Either of two values."""

    def takes(self, kind: type) -> str:
        return "true or false (or 1, 0, yes, no)"

    def describe(self) -> dict[str, object]:
        return {"choices": ["true", "false"]}

    def read(self, text: str, kind: type) -> Value:
        try:
            return _FLAGS[text.lower()]
        except KeyError:
            raise ValueError from None

    def to_label(self, value: Value) -> str:
        return str(value).lower()

    def from_label(self, text: str) -> str:
        return text


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
LongText = Annotated[str, Length(4096)]
Flag = Annotated[bool, YesOrNo()]
End = Annotated[str, Choice("fin", "rst", "hang")]  # see `Peer.end`
Size = Annotated[int, Range("octets", 0, 1024 * MEBIBYTE)]
Rate = Annotated[float, Range("octets per second", 1, 1024 * MEBIBYTE)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a failure mode, read from its signature."""

    name: str
    kind: type[int] | type[float] | type[str] | type[bool]
    domain: Domain
    default: Value

    @classmethod
    def of(cls, name: str, annotation: object, default: object) -> Parameter:
        """Read a parameter from a signature.

        Raises:
            CatalogueError: the parameter has no type of this module, or no default that a client could give.
        """
        if get_origin(annotation) in (Union, UnionType):
            # "Seed | None": None stands for the server's own
            (annotation,) = (a for a in get_args(annotation) if a is not type(None))
        if len(get_args(annotation)) != 2:
            raise CatalogueError(f"the parameter {name!r} has no type of modes.parameters")
        kind, domain = get_args(annotation)
        if type(domain) not in _domains:  # the check of a protocol is slow
            if not isinstance(domain, Domain):
                raise CatalogueError(f"the type of the parameter {name!r} lacks methods of Domain")
            _domains.add(type(domain))
        if isinstance(domain, Choice) and default != domain.names[0]:
            raise CatalogueError(f"the default of {name!r} is not its first choice")
        if not isinstance(default, int | float | str | None):
            raise CatalogueError(f"the parameter {name!r} has no default")
        return cls(name, kind, domain, default)

    @classmethod
    def all_of(cls, owner: Callable[..., object]) -> tuple[Parameter, ...]:
        """Read the parameters from a signature: the keyword-only ones, or the fields of a dataclass.

        Raises:
            CatalogueError: see `of`.
        """
        hints = get_type_hints(owner, include_extras=True)
        knobs = inspect.signature(owner).parameters.values()
        wanted = [k for k in knobs if isinstance(owner, type) or k.kind is k.KEYWORD_ONLY]
        return tuple(cls.of(k.name, hints[k.name], k.default) for k in wanted)

    @property
    def takes(self) -> str:
        """The values that may be given, for people."""
        return self.domain.takes(self.kind)

    def parse(self, text: str) -> Value:
        """Return the value for which ``text`` stands.

        Raises:
            ParameterError: the text stands for none, or for one out of range.
        """
        try:
            return self.domain.read(text, self.kind)
        except ValueError as error:
            problem = (
                f"{self.name} {error}" if error.args else f"{self.name}={text[:80]} can't be used"
            )
            raise ParameterError(f"{problem}: give {self.takes}") from None
