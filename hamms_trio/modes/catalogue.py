"""The catalogue: every failure mode that a server knows, ours and those of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import ModuleType

from hamms_trio.errors import CatalogueError
from hamms_trio.modes.declare import FailureMode
from hamms_trio.recording.names import Names

ModeSource = FailureMode | ModuleType | Iterable[FailureMode] | Iterable[ModuleType]


class Catalogue(Mapping[str, FailureMode]):
    """Failure modes by slug, in the order in which they were given.

    Args:
        sources: failure modes, or modules that declare some, or iterables of those.

    Raises:
        CatalogueError: two modes claim one slug or alias.
    """

    def __init__(self, *sources: ModeSource) -> None:
        modes = [mode for source in sources for mode in _modes_in(source)]
        modes = list(dict.fromkeys(modes))  # one that a module imports from another is there twice
        claims = Counter(name for mode in modes for name in (mode.slug, *mode.aliases))
        if contested := [name for name, count in claims.items() if count > 1]:
            raise CatalogueError(f"slug claimed twice: {', '.join(contested)}")
        self._modes = {mode.slug: mode for mode in modes}
        self.names = Names(
            _ParametersOf(self._modes),
            {alias: mode.slug for mode in modes for alias in mode.aliases},
        )

    def __getitem__(self, slug: str) -> FailureMode:
        return self._modes[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modes)

    def __len__(self) -> int:
        return len(self._modes)

    def find(self, name: str) -> FailureMode:
        """Return the mode with this slug or alias.

        Raises:
            UnknownMode: there is none.
        """
        slug = self.names.slug(name)
        assert slug is not None  # a catalogue has no doors
        return self._modes[slug]

    def extended(self, sources: Iterable[ModeSource]) -> Catalogue:
        """Return a catalogue with more modes appended, or this one if there are none.

        Raises:
            CatalogueError: two modes claim one slug or alias.
        """
        more = list(sources)
        return Catalogue(self._modes.values(), *more) if more else self


class _ParametersOf(Mapping[str, tuple[str, ...]]):
    """The names of each mode's parameters, read from its signature on demand.

    Reading all signatures takes as long as importing the modes.
    """

    def __init__(self, modes: Mapping[str, FailureMode]) -> None:
        self._modes = modes

    def __getitem__(self, slug: str) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self._modes[slug].parameters)

    def __contains__(self, slug: object) -> bool:
        return slug in self._modes

    def __iter__(self) -> Iterator[str]:
        return iter(self._modes)

    def __len__(self) -> int:
        return len(self._modes)


def modes_of_module(name: str) -> ModuleType:
    """Import a module for the failure modes that it declares, such as ``package.module``.

    Raises:
        CatalogueError: the module can't be imported, or declares none.
    """
    try:
        module = import_module(name)
    except ImportError as error:
        raise CatalogueError(f"can't import failure modes from {name!r}: {error}") from error
    if not any(_modes_in(module)):
        raise CatalogueError(f"the module {name!r} declares no failure mode")
    return module


def _modes_in(source: object) -> Iterator[FailureMode]:
    if isinstance(source, FailureMode):
        yield source
    elif isinstance(source, ModuleType):
        yield from (mode for mode in vars(source).values() if isinstance(mode, FailureMode))
    elif isinstance(source, Iterable) and not isinstance(source, str):
        for part in source:
            yield from _modes_in(part)
    else:
        raise CatalogueError(
            f"{source!r} is neither a failure mode nor a module that declares some"
        )
