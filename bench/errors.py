"""The errors of measurements."""

from __future__ import annotations


class Unmeasurable(Exception):
    """A measurement failed; the message gives the reason."""


class NotInstalled(Exception):
    """A measurement needs an optional program that is missing; the message names its package."""
