"""How a failure mode is declared."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import ModuleType
from typing import Concatenate, get_type_hints

from hamms_trio.errors import CatalogueError, RequestError
from hamms_trio.modes.expectation import Expectation
from hamms_trio.modes.parameters import Parameter, Value
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead

_REMEMBERED_QUERIES = 256
_REMEMBERED_QUERY_LENGTH = 256


class Trigger(Enum):
    """When a failure mode acts. Each value completes the sentence "it acts ..."."""

    NEVER = "never: nothing listens"
    CONNECT = "as soon as a client connects"
    REQUEST = "on each request"


OnNothing = Callable[[], Awaitable[None]]
OnConnect = Callable[Concatenate[Peer, ...], Awaitable[None]]
OnRequest = Callable[Concatenate[Peer, RequestHead, ...], Awaitable[None]]


@dataclass(frozen=True, eq=False)
class FailureMode:
    """One way to fail a client: where it listens, when it acts, what it does, what it provokes."""

    offset: int
    client: Expectation
    act: Callable[..., Awaitable[None]]
    trigger: Trigger
    _by_query: dict[str, dict[str, Value]] = field(default_factory=dict, repr=False)

    @cached_property
    def slug(self) -> str:
        return self.act.__name__.replace("_", "-")

    @property
    def family(self) -> str:
        return self.act.__module__.rpartition(".")[2]

    @property
    def summary(self) -> str:
        """The first line of the description, as plain text."""
        return self.description.partition("\n")[0].replace("``", "")

    @property
    def description(self) -> str:
        return inspect.getdoc(self.act) or ""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        hints = get_type_hints(self.act, include_extras=True)
        signature = inspect.signature(self.act)
        knobs = [k for k in signature.parameters.values() if k.kind is k.KEYWORD_ONLY]
        return tuple(Parameter.of(k.name, hints[k.name], k.default) for k in knobs)

    def arguments(self, given: Mapping[str, str]) -> dict[str, Value]:
        """Every parameter's default, or what was given instead; other names are not ours.

        Raises:
            ParameterError: a value has the wrong type or is out of range.
        """
        return {
            p.name: p.parse(given[p.name]) if p.name in given else p.default
            for p in self.parameters
        }

    def arguments_of(self, request: RequestHead) -> dict[str, Value]:
        """The arguments in a request's query, remembered by its octets.

        Raises:
            ParameterError: a value has the wrong type or is out of range.
        """
        query = request.query_string
        known = self._by_query.get(query)
        if known is None:
            known = self.arguments(request.query)
            if len(query) <= _REMEMBERED_QUERY_LENGTH:
                if len(self._by_query) >= _REMEMBERED_QUERIES:
                    self._by_query.clear()
                self._by_query[query] = known
        return known

    async def play(self, peer: Peer) -> None:
        """Fail one client, for as long as it stays."""
        if self.trigger is Trigger.CONNECT:
            await self.act(peer, **self.arguments({}))
            await peer.finish()
            return
        while not peer.finished:
            request = None
            try:
                request = await peer.receive_head()
                await self.act(peer, request, **self.arguments_of(request))
            except RequestError as error:
                await peer.refuse(error, request)
            if not peer.is_ready():
                await peer.end_exchange()


def never_accepts(*, offset: int, client: Expectation) -> Callable[[OnNothing], FailureMode]:
    """Declare a failure mode whose port is held but never listens."""
    return lambda act: FailureMode(offset, client, act, Trigger.NEVER)


def on_connect(*, offset: int, client: Expectation) -> Callable[[OnConnect], FailureMode]:
    """Declare a failure mode that acts as soon as a client connects."""
    return lambda act: FailureMode(offset, client, act, Trigger.CONNECT)


def on_request(*, offset: int, client: Expectation) -> Callable[[OnRequest], FailureMode]:
    """Declare a failure mode that acts each time a request's head has arrived.

    The function's name is the slug, its docstring the documentation, and its keyword-only
    arguments the parameters a client may set in its query.
    """
    return lambda act: FailureMode(offset, client, act, Trigger.REQUEST)


def collect(*families: ModuleType) -> dict[str, FailureMode]:
    """Every failure mode declared in ``families``, by slug, in port order.

    Raises:
        CatalogueError: two modes share a slug or a port offset.
    """
    declared = [m for f in families for m in vars(f).values() if isinstance(m, FailureMode)]
    for claim in ("slug", "offset"):
        claims = Counter(getattr(mode, claim) for mode in declared)
        if contested := [value for value, count in claims.items() if count > 1]:
            raise CatalogueError(f"{claim} claimed twice: {contested}")
    return {mode.slug: mode for mode in sorted(declared, key=lambda mode: mode.offset)}
