"""The names of one server: slugs, their aliases, and the names of doors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hamms_trio.errors import ParameterError, UnknownMode

SUGGESTIONS = 3


class Names:
    """All names under which the failure modes of one server are found.

    Args:
        parameters: the names of each mode's parameters, by slug.
        aliases: the slug for which each alias stands.
        doors: the slug of each door's mode, by the door's name; None if each request of the door chooses.
    """

    def __init__(
        self,
        parameters: Mapping[str, tuple[str, ...]],
        aliases: Mapping[str, str] | None = None,
        doors: Mapping[str, str | None] | None = None,
    ) -> None:
        self._parameters = parameters
        self._aliases = dict(aliases or {})
        self.doors: dict[str, str | None] = dict(doors or {})

    def slug(self, name: str) -> str | None:
        """Return the slug for ``name``, or None if that is only the name of a door.

        Raises:
            UnknownMode: nothing has this name.
        """
        if name in self._parameters:
            return name
        if name in self._aliases:
            return self._aliases[name]
        if name in self.doors:
            return None
        raise UnknownMode(describe_unknown(name, self))

    def with_doors(self, doors: Mapping[str, str | None]) -> Names:
        """Return the names with those of doors added."""
        return Names(self._parameters, self._aliases, doors)

    def check_parameters(self, name: str, given: Iterable[str]) -> None:
        """Refuse a parameter that the mode of this name does not have.

        Raises:
            UnknownMode: nothing has this name.
            ParameterError: the mode has no such parameter.
        """
        slug = self.slug(name) or self.doors[name]
        check_parameters(name, given, self._parameters[slug] if slug else ())

    def __contains__(self, name: str) -> bool:
        return name in self._parameters or name in self._aliases or name in self.doors

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._parameters, *self._aliases, *self.doors)))


def check_parameters(
    name: str, given: Iterable[str], known: tuple[str, ...], modifiers: tuple[str, ...] = ()
) -> None:
    """Refuse a parameter that is neither among ``known`` nor a modifier.

    Raises:
        ParameterError: ``name`` has no such parameter.
    """
    for parameter in given:
        if parameter not in known and parameter not in modifiers:
            takes = ", ".join(known) or "none"
            if modifiers:
                takes += f", and the modifiers {', '.join(modifiers)}"
            raise ParameterError(f"{name} has no parameter {parameter!r}; it takes {takes}")


def describe_unknown(name: str, known: Iterable[str]) -> str:
    """Return the error message for an unknown name, with near misses."""
    from difflib import get_close_matches  # only now, because serving needs nothing of it

    listed = list(known)
    close = get_close_matches(name, listed, n=SUGGESTIONS, cutoff=0.5)
    close += [other for other in listed if name and name in other and other not in close]
    if not close:
        close = get_close_matches(name, listed, n=SUGGESTIONS, cutoff=0.0)
    suggested = " or ".join(close[:SUGGESTIONS])
    return (
        f"there is no failure mode {name!r}: did you mean {suggested}? hamms-trio modes lists all"
    )
