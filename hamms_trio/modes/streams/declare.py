"""The declaration of a failure mode that answers with a stream.

Its coroutine receives a `Stream` instead of a peer and a request. Its parameters are its own keyword-only arguments
and those of a family's common ones, which are declared once.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Concatenate, Unpack, get_type_hints

from hamms_trio.modes.declare import Declared, FailureMode, OnRequest, on_request
from hamms_trio.modes.model.parameters import Value
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.modes.streams.stream import Stream
from hamms_trio.wire import RequestHead

OnStream = Callable[Concatenate[Stream, ...], Awaitable[None]]


def on_stream(
    common: Callable[..., object],
    *,
    decides: bool = False,
    unread: bool = False,
    shape: str = "path",
    **declared: Unpack[Declared],
) -> Callable[[OnStream], FailureMode]:
    """Declare a failure mode that acts on requests for a stream; a HEAD is answered with the head alone.

    Args:
        common: has the common parameters as its keyword-only arguments; the mode's own win.
        decides: True if the mode itself decides when it strikes, and receives requests for a document, too.
            Otherwise those are answered truthfully.
        shape: of all answers, unless a parameter names another.
        unread: True if the mode receives requests before their content is read.
        declared: see `FailureMode`.
    """

    def declare(act: OnStream) -> FailureMode:
        own = _keywords(act)
        shared = {name: each for name, each in _keywords(common).items() if name not in own}
        taken = _keywords(Stream.__init__).keys()

        async def play(peer: Peer, request: RequestHead, **arguments: Value) -> None:
            of_stream = {name: value for name, value in arguments.items() if name in taken}
            of_stream.setdefault("shape", shape)
            stream = Stream(peer, request, **of_stream)  # type: ignore[arg-type] # each by its name
            if not unread:
                await stream.read()
            if request.method == "HEAD":
                await stream.show_head()
            elif decides:
                await act(stream, **{name: arguments[name] for name in own})
            elif stream.is_done or not stream.is_wanted:
                await stream.play_healthy()
            else:
                peer.strike()
                await act(stream, **{name: arguments[name] for name in own})

        adopt(play, act, {**own, **shared}, _hints(common))
        return on_request(**declared, decides=True)(play)

    return declare


def adopt(
    play: OnRequest,
    act: Callable[..., object],
    parameters: dict[str, inspect.Parameter],
    hints: Mapping[str, object],
) -> None:
    """Let ``play`` look like ``act``: its name, its description, and these parameters."""
    play.__name__, play.__doc__ = act.__name__, act.__doc__
    play.__module__, play.__qualname__ = act.__module__, act.__qualname__
    play.__annotations__ = {**hints, **_hints(act)}
    play.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]


@cache  # since many modes share the common parameters
def _keywords(function: Callable[..., object]) -> Mapping[str, inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each for each in parameters if each.kind is each.KEYWORD_ONLY}


@cache
def _hints(function: Callable[..., object]) -> Mapping[str, object]:
    return get_type_hints(function, include_extras=True)
