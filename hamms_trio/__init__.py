"""The resilience lab for HTTP clients: listeners that each misbehave in one exact way.

Nothing heavy is imported before it is used: ``import hamms_trio`` takes a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hamms_trio.version import VERSION

if TYPE_CHECKING:
    from hamms_trio.app import Hamms as Hamms, open_hamms as open_hamms, serve as serve
    from hamms_trio.blocking import HammsServer as HammsServer
    from hamms_trio.checking import check_client as check, check_client as check_client
    from hamms_trio.file_server import HttpServer as HttpServer
    from hamms_trio.modes.model.environment import Limits as Limits
    from hamms_trio.workbench import (
        VerificationFailed as VerificationFailed,
        open_workbench as open_workbench,
    )

__version__ = VERSION

_HOMES = {
    "Hamms": "hamms_trio.app",
    "HammsServer": "hamms_trio.blocking",
    "HttpServer": "hamms_trio.file_server",
    "Limits": "hamms_trio.modes.model.environment",
    "VerificationFailed": "hamms_trio.workbench",
    "check_client": "hamms_trio.checking",
    "open_hamms": "hamms_trio.app",
    "open_workbench": "hamms_trio.workbench",
    "serve": "hamms_trio.app",
}

__all__ = [
    "Hamms",
    "HammsServer",
    "HttpServer",
    "Limits",
    "VerificationFailed",
    "__version__",
    "check",
    "check_client",
    "open_hamms",
    "open_workbench",
    "serve",
]


def __getattr__(name: str) -> object:
    if name == "check":  # a callable package
        from importlib import import_module

        return import_module("hamms_trio.check")
    if name not in _HOMES:
        raise AttributeError(f"module 'hamms_trio' has no attribute {name!r}")
    from importlib import import_module

    from hamms_trio.monkey_patches import refuse_patched_process

    refuse_patched_process()  # the import of trio would fail with a more obscure message
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
