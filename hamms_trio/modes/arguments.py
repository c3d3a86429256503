"""The arguments of one encounter: from the mode's defaults, the door, and the request's query, in this order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hamms_trio.errors import ParameterError
from hamms_trio.modes.declare import FailureMode
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.model.environment import State
from hamms_trio.modes.model.modifiers import modifiers_of
from hamms_trio.modes.model.parameters import Parameter, Value
from hamms_trio.wire import RequestHead, parse_form

LETTERS_OF_A_NEAR_MISS = 5  # a shorter name may well be the client's own
_REMEMBERED_QUERIES = 256
_REMEMBERED_QUERY_LENGTH = 256


class Resolver:
    """The maker of encounters with one failure mode at one door.

    Encounters are cached by the mode's own fields in the query and by the names of the others, since the client's
    own values may differ in each request.

    Args:
        given: arguments that the door gives instead of the mode's defaults.
        fixed: names among those that the query does not override: it may have names like them for another purpose.
        base: the part of the request's path that belongs to the door.
        exempt: pairs of a slug and a name that is no misspelt parameter, though it looks like one.
    """

    def __init__(
        self,
        mode: FailureMode,
        given: Mapping[str, Value],
        *,
        fixed: Collection[str] = (),
        base: str = "",
        exempt: State[bool] | None = None,
    ) -> None:
        self._mode = mode
        self._given = dict(given)
        self._fixed = fixed
        self._base = base
        self._exempt = State[bool]() if exempt is None else exempt
        self._modifiers = frozenset(p.name for p in mode.modifiers)
        self._own = self._modifiers.union(p.name for p in mode.parameters)
        self._given_modifiers = modifiers_of(self._values(mode.modifiers, {}))
        # Names of the clients' own parameters, which repeat although their values differ.
        self._unlike_any: set[str] = set()
        self._without_query = self._resolve({})
        self._known: dict[str | tuple[str, ...], Encounter] = {}

    def __call__(self, request: RequestHead | None) -> Encounter:
        """Return the encounter of a request, or of a client that has sent nothing yet.

        Raises:
            ParameterError: a value has the wrong type or is out of range, or a name is a near miss.
            MalformedRequest: the query is too long.
        """
        query = request.query_string if request is not None else ""
        if not query:
            return self._without_query
        if len(query) > _REMEMBERED_QUERY_LENGTH:
            return self._resolve(parse_form(query))
        key = self._key(query)
        known = self._known.get(key)
        if known is None:
            known = self._resolve(parse_form(query))
            if len(self._known) >= _REMEMBERED_QUERIES:
                self._known.clear()
            self._known[key] = known
        return known

    def _key(self, query: str) -> str | tuple[str, ...]:
        """Return what the encounter of a query depends on: its own fields, and the names of the others."""
        if "%" in query or "+" in query:
            return query
        own = self._own
        pairs = query.split("&")
        return tuple([p if (name := p.partition("=")[0]) in own else name for p in pairs])

    def _resolve(self, query: Mapping[str, str]) -> Encounter:
        mode = self._mode
        others = tuple([name for name in query if name not in self._own])
        arguments = self._values(mode.parameters, query)
        values = self._given_modifiers
        if not self._modifiers.isdisjoint(query):
            values = modifiers_of(self._values(mode.modifiers, query))
        self._refuse_near_misses(set(others) - self._unlike_any)
        return Encounter(
            mode.slug,
            mode.act,
            arguments,
            self._base,
            others,
            mode.decides,
            mode.lenient,
            mode.needs_http11,
            values,
            mode.nonce,
            str(arguments.get("key", values.key)),
            mode.mended,
        )

    def _values(
        self, parameters: tuple[Parameter, ...], query: Mapping[str, str]
    ) -> dict[str, Value]:
        """Return the value of each parameter: from the query, the door, or the declaration."""
        return {
            p.name: p.parse(query[p.name])
            if p.name in query and p.name not in self._fixed
            else self._given.get(p.name, p.default)
            for p in parameters
        }

    def _refuse_near_misses(self, names: set[str]) -> None:
        known = (*self._mode.parameters, *self._mode.modifiers)
        for name in sorted(names):
            near = [parameter for parameter in known if is_near_miss(name, parameter.name)]
            if near and (self._mode.slug, name) not in self._exempt:
                raise ParameterError(
                    f"{self._mode.slug} has no parameter {name!r}: did you mean "
                    f"{near[0].name!r}, {near[0].takes}?"
                )
            if not near and len(name) <= _REMEMBERED_QUERY_LENGTH:
                if len(self._unlike_any) >= _REMEMBERED_QUERIES:
                    self._unlike_any.clear()
                self._unlike_any.add(name)


def is_near_miss(name: str, parameter: str) -> bool:
    """Return True if one insertion, deletion, substitution or swap turns ``name`` into ``parameter``."""
    if len(parameter) < LETTERS_OF_A_NEAR_MISS or abs(len(name) - len(parameter)) > 1:
        return False
    if name == parameter:
        return False
    at = next((i for i, (a, b) in enumerate(zip(name, parameter, strict=False)) if a != b), None)
    if at is None:  # one is the other's beginning
        return True
    rest, expected = name[at:], parameter[at:]
    return (
        rest[1:] == expected[1:]
        or rest[1:] == expected
        or rest == expected[1:]
        or (rest[:2] == expected[:2][::-1] and rest[2:] == expected[2:])
    )
