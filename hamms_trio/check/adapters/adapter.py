"""One adapter: a program that speaks the line protocol, or a command that sends one request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hamms_trio.errors import HammsError

PROGRAMS = Path(__file__).with_name("programs")


class ClientMissing(HammsError):
    """The client of an adapter, or its runtime, is not on this machine; the run skips the adapter."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A program that runs clients.

    Attributes:
        command: its name on the path, or its own path.
        install: how to install it.
        arguments: what precedes the client's name; ``{program}`` is the driver, ``{built}`` its build's folder.
        program: the driver's file in `PROGRAMS`.
        build: the command that builds the driver into ``{built}``, for languages that need one.
        in_folder: True if a place is the folder that has the client's package, rather than the command's path.
    """

    command: str
    install: str
    arguments: tuple[str, ...]
    program: str
    build: tuple[str, ...] = ()
    in_folder: bool = False


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A client that the check can run by its name.

    Attributes:
        runtime: runs the driver that speaks the line protocol; None for a command that sends one request.
        command: that command, with placeholders.
        install: how to install the client; "" if it comes with its runtime.
        timeout: what the client's timeout bounds, as its documentation says.
        shape: the stream that it reads, ``chat``, ``messages`` or ``plain``, if it is a client of streams.
    """

    name: str
    timeout: str
    runtime: Runtime | None = None
    command: tuple[str, ...] = ()
    install: str = ""
    shape: str = ""
