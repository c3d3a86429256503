"""A resource of the API as a row of a table: a method, a path, and a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import unquote

from msgspec import Struct

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is not a JSON document: octets of some media type."""

    media_type: str
    octets: bytes


@dataclass(frozen=True)
class ApiResource(Generic[C]):
    """One method of one resource.

    Attributes:
        path: relative to ``/_hamms/``; its last segment may be a name in braces, which stands for any one segment.
        act: called with the API, the segment in place of that name, and the body.
        gives: the type of the answer's document; None for an answer without content, or without a type.
        takes: the type of the document in the request's body; None if it has no body.
    """

    method: str
    path: str
    act: Callable[[C, str, bytes], Struct | dict[str, object] | File | None]
    gives: type[Struct] | None
    status: HTTPStatus = HTTPStatus.OK
    takes: type[Struct] | None = None

    @property
    def parameter(self) -> str | None:
        """The name in braces, or None."""
        _, brace, name = self.path.partition("{")
        return name.rstrip("}") if brace else None

    def argument(self, path: str) -> str | None:
        """Return the segment in place of the name in braces, "" if there is none, or None for another path."""
        if self.parameter is None:
            return "" if path == self.path else None
        beginning = self.path.partition("{")[0]
        segment = path.removeprefix(beginning)
        if not path.startswith(beginning) or not segment or "/" in segment:
            return None
        return unquote(segment)


def find_resource(
    resources: Iterable[ApiResource[C]], method: str, path: str
) -> tuple[ApiResource[C], str] | None:
    """Return the resource of a request, and its argument; HEAD finds the resource of GET."""
    method = "GET" if method == "HEAD" else method
    for resource in resources:
        argument = resource.argument(path)
        if resource.method == method and argument is not None:
            return resource, argument
    return None


def allowed_methods(resources: Iterable[ApiResource[C]], path: str) -> list[str]:
    """Return the methods of the resources at this path."""
    return [each.method for each in resources if each.argument(path) is not None]
