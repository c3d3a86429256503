"""Everything netsplode raises on purpose."""

from __future__ import annotations


class NetsplodeError(Exception):
    """Base class; catch this to catch only ours."""


class UnsupportedConnection(NetsplodeError, TypeError):
    """There is no TCP connection inside this object, or none that can be reset."""
