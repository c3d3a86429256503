"""The declaration of a failure mode.

The function's name is the slug, its docstring the documentation, and its keyword-only arguments the parameters that
a door gives, or a client in its query.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Concatenate, Required, TypedDict, Unpack

from hamms_trio.modes.drivers import (
    BLACKHOLE,
    HTTP1,
    HTTPS,
    RAW,
    REFUSE,
    SOCKS,
    TLS,
    TLS_AT_ONCE,
    Driver,
    Https,
    Tls,
    serve_over_tls,
)
from hamms_trio.modes.model.expectation import Expectation
from hamms_trio.modes.model.modifiers import MODIFIERS
from hamms_trio.modes.model.parameters import Parameter, Value
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import OPEN, PortKind, Reach
from hamms_trio.pki.terms import HEALTHY_TERMS, Terms
from hamms_trio.recording.names import check_parameters
from hamms_trio.wire import RequestHead
from hamms_trio.wire.tls.client_hello import ClientHello

Arguments = Mapping[str, Value]
# The same for all arguments, or made of them.
PortChoice = PortKind | Callable[[Arguments], PortKind]
OnNothing = Callable[..., Awaitable[None]]
OnConnect = Callable[Concatenate[Peer, ...], Awaitable[None]]
OnRequest = Callable[Concatenate[Peer, RequestHead, ...], Awaitable[None]]
OnClientHello = Callable[Concatenate[Peer, ClientHello, ...], Awaitable[None]]
MakeTerms = Callable[..., Terms]


@dataclass(frozen=True, eq=False, kw_only=True)
class FailureMode:
    """One way to fail a client: what it does, when it acts, and what it provokes.

    Attributes:
        act: the coroutine function.
        driver: meets the client before the mode acts.
        client: what a correct client owes.
        aliases: other slugs of the mode.
        issues: public reports of clients with this fault, such as ``psf/requests#4956`` (see `links`).
        decides: True if the mode itself decides when it strikes, by ``peer.strike()``.
        lenient: True if the mode receives malformed requests, which are refused otherwise.
        needs_http11: True if an HTTP/1.0 client gets a healthy answer instead, because the lie needs HTTP/1.1.
        crosses: True if the mode leads clients to the other origin, whose door is then served beside it.
        port: the kind of port that the mode's own doors have.
        own_port: the reason why a mode that acts on requests needs a port of its own; "" for none.
        defaults: the mode's own defaults of modifiers.
        nonce: the canary's, where the client gives none; "" for a new one in each exchange.
        terms: makes the terms of the handshake from the arguments; None if the mode is not about them.
        mended: the terms of the handshake where a mode of TLS does not strike: the same without its one fault.
    """

    act: Callable[..., Awaitable[None]]
    driver: Driver
    client: Expectation
    aliases: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    decides: bool = False
    lenient: bool = False
    needs_http11: bool = False
    crosses: bool = False
    port: PortChoice = OPEN
    own_port: str = ""
    defaults: Arguments = field(default_factory=dict)
    nonce: str = ""
    terms: MakeTerms | None = None
    mended: Terms = HEALTHY_TERMS

    @cached_property
    def slug(self) -> str:
        return self.act.__name__.replace("_", "-")

    @property
    def family(self) -> str:
        return self.family_module.rpartition(".")[2]

    @property
    def family_module(self) -> str:
        """The module that is the family, or the package if the family has several modules."""
        before, families, within = self.act.__module__.partition(".families.")
        return before + families + within.partition(".")[0]

    @property
    def summary(self) -> str:
        """The first line of the description, as plain text."""
        return self.description.partition("\n")[0].replace("``", "")

    @property
    def description(self) -> str:
        return inspect.getdoc(self.act) or ""

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses of the public reports; GitHub redirects those of pull requests."""
        return tuple(
            f"https://github.com/{repository}/issues/{number}"
            for repository, number in (issue.split("#") for issue in self.issues)
        )

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return Parameter.all_of(self.act)

    @cached_property
    def modifiers(self) -> tuple[Parameter, ...]:
        """The modifiers that apply: all except those that share their name with a parameter of the mode."""
        own = {parameter.name for parameter in self.parameters}
        return tuple(
            replace(modifier, default=self.defaults.get(modifier.name, modifier.default))
            for modifier in MODIFIERS
            if modifier.name not in own
        )

    @property
    def needs_port(self) -> str | None:
        """The reason why the mode needs a port of its own; None if a shared door can reach it."""
        return self.driver.needs_port or self.own_port or None

    @property
    def speaks_tls(self) -> bool:
        """True if the mode's clients have to speak TLS."""
        return isinstance(self.driver, (Tls, Https))

    @property
    def control(self) -> str:
        """The mode and argument with which the fault is mended, so that a client must accept; "" without TLS."""
        return f"{self.slug} share=0" if isinstance(self.driver, Tls) else ""

    @cached_property
    def obstacle(self) -> str | None:
        """The reason why this system can't play the mode; None if it can."""
        if self.terms is None:
            return None
        from hamms_trio.pki.contexts import obstacle  # only now: ssl takes long to import

        return obstacle(self.terms())

    def port_kind(self, given: Arguments) -> PortKind:
        """Return the kind of port of a door that gives these arguments."""
        if isinstance(self.port, PortKind):
            return self.port
        return self.port({p.name: given.get(p.name, p.default) for p in self.parameters})

    def arguments(self, given: Mapping[str, str]) -> dict[str, Value]:
        """Return the value of each parameter, given or default; ignore other names.

        Raises:
            ParameterError: a value has the wrong type or is out of range.
        """
        return {
            p.name: p.parse(given[p.name]) if p.name in given else p.default
            for p in self.parameters
        }

    def checked(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Check values for some parameters, given as values or as text.

        Raises:
            ParameterError: there is no such parameter, or it does not take this value.
        """
        if not given:  # as for most doors; to read the parameters takes a while
            return {}
        known = {p.name: p for p in (*self.parameters, *self.modifiers)}
        own, modifiers = (tuple(p.name for p in some) for some in (self.parameters, self.modifiers))
        check_parameters(self.slug, given, own, modifiers)
        return {name: known[name].parse(str(value)) for name, value in given.items()}


class Declared(TypedDict, total=False):
    """The arguments of every decorator; `FailureMode` describes them."""

    client: Required[Expectation]
    aliases: tuple[str, ...]
    issues: tuple[str, ...]


class DeclaredAtConnect(Declared, total=False):
    """The arguments of `on_connect`."""

    decides: bool
    port: PortChoice


class DeclaredAtRequest(DeclaredAtConnect, total=False):
    """The arguments of `on_request`."""

    lenient: bool
    needs_http11: bool
    crosses: bool
    own_port: str
    defaults: Arguments
    nonce: str


class DeclaredAtHello(Declared, total=False):
    """The arguments of `on_client_hello`."""

    decides: bool
    mended: Terms


def never_accepts(**declared: Unpack[Declared]) -> Callable[[OnNothing], FailureMode]:
    """Declare a failure mode whose port is bound but never listens."""
    port = PortKind(Reach.REFUSED)
    return lambda act: FailureMode(act=act, driver=REFUSE, port=port, **declared)


def never_answers(**declared: Unpack[Declared]) -> Callable[[OnNothing], FailureMode]:
    """Declare a failure mode whose port leaves each SYN without an answer."""
    port = PortKind(Reach.BLACKHOLE)
    return lambda act: FailureMode(act=act, driver=BLACKHOLE, port=port, **declared)


def on_connect(**declared: Unpack[DeclaredAtConnect]) -> Callable[[OnConnect], FailureMode]:
    """Declare a failure mode that acts as soon as a client connects."""
    return lambda act: FailureMode(act=act, driver=RAW, **declared)


def on_socks(**declared: Unpack[DeclaredAtConnect]) -> Callable[[OnConnect], FailureMode]:
    """Declare a failure mode that acts as soon as a client of a SOCKS proxy connects."""
    return lambda act: FailureMode(act=act, driver=SOCKS, **declared)


def on_request(
    *, needs_tls: bool = False, **declared: Unpack[DeclaredAtRequest]
) -> Callable[[OnRequest], FailureMode]:
    """Declare a failure mode that acts each time a request's head has arrived.

    Args:
        needs_tls: True if its fault needs TLS: its own doors speak it, and at shared doors the mode must check.
        declared: see `FailureMode`.
    """
    driver = HTTPS if needs_tls else HTTP1
    return lambda act: FailureMode(act=act, driver=driver, **declared)


def on_client_hello(
    **declared: Unpack[DeclaredAtHello],
) -> Callable[[OnClientHello], FailureMode]:
    """Declare a failure mode that acts once a client's ClientHello has arrived."""
    return lambda act: FailureMode(act=act, driver=TLS, **declared)


def before_client_hello(**declared: Unpack[Declared]) -> Callable[[OnConnect], FailureMode]:
    """Declare a failure mode of TLS that acts as soon as a client connects."""
    return lambda act: FailureMode(act=act, driver=TLS_AT_ONCE, **declared)


def insists(
    *, mended: Terms = HEALTHY_TERMS, **declared: Unpack[Declared]
) -> Callable[[MakeTerms], FailureMode]:
    """Declare a failure mode whose whole fault is the terms of its handshake.

    A client that accepts them is answered healthily.

    Args:
        mended: the terms of its control: the same without the one fault.
        declared: see `FailureMode`.
    """

    def declare(terms: MakeTerms) -> FailureMode:
        @wraps(terms)
        async def act(peer: Peer, hello: ClientHello, **arguments: Value) -> None:
            await serve_over_tls(peer, terms(**arguments))

        return FailureMode(act=act, driver=TLS, terms=terms, mended=mended, **declared)

    return declare
