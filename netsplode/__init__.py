"""Break TCP connections on purpose.

Each name is imported when it is first used, so the import of this package takes almost no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netsplode.api import reset_connection as reset_connection
    from netsplode.connection import Connection as Connection
    from netsplode.connections import find_connections as find_connections
    from netsplode.errors import (
        AmbiguousConnection as AmbiguousConnection,
        ConnectionNotFound as ConnectionNotFound,
        MissingCapability as MissingCapability,
        NetsplodeError as NetsplodeError,
        ResetTimeout as ResetTimeout,
        TechniqueUnavailable as TechniqueUnavailable,
        UnsupportedConnection as UnsupportedConnection,
    )
    from netsplode.pending import PendingReset as PendingReset
    from netsplode.privileges import Capability as Capability, capabilities as capabilities
    from netsplode.result import End as End, ResetResult as ResetResult
    from netsplode.tracker import (
        Netsploder as Netsploder,
        create_netsploder as create_netsploder,
        track_connections as track_connections,
    )

_HOME = {
    "AmbiguousConnection": "errors",
    "Capability": "privileges",
    "Connection": "connection",
    "ConnectionNotFound": "errors",
    "End": "result",
    "MissingCapability": "errors",
    "NetsplodeError": "errors",
    "Netsploder": "tracker",
    "PendingReset": "pending",
    "ResetResult": "result",
    "ResetTimeout": "errors",
    "TechniqueUnavailable": "errors",
    "UnsupportedConnection": "errors",
    "capabilities": "privileges",
    "create_netsploder": "tracker",
    "find_connections": "connections",
    "reset_connection": "api",
    "track_connections": "tracker",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'netsplode' has no attribute {name!r}")
    found = getattr(import_module(f"netsplode.{_HOME[name]}"), name)
    globals()[name] = found
    return found
