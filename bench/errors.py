"""What is raised when a figure can't be had."""

from __future__ import annotations


class Unmeasurable(Exception):
    """A measurement could not be made; the message says why."""
