"""Quantities with units on the command line: seconds, percent, factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    Parameter = click.ParamType[float | None]
else:
    Parameter = click.ParamType  # generic only in newer releases

SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0, "h": 3600.0}
MILLISECONDS = {unit: worth * 1e3 for unit, worth in SECONDS.items() if unit}
PERCENT = {"%": 0.01}
FACTOR = {"": 1.0, "x": 1.0}
OFF = "off"

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([a-z%]*)")


class Quantity(Parameter):
    """A number with a unit, 0 or more.

    Args:
        name: of the quantity, in messages.
        units: the factor of each unit; "" if a number may have none.
        most: the largest result.
        may_be_off: True if ``off`` is a value too; its result is None.
    """

    def __init__(
        self, name: str, units: Mapping[str, float], *, most: float, may_be_off: bool = False
    ) -> None:
        self.name = name
        self._units = units
        self._most = most
        self._may_be_off = may_be_off

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Convert a value of the command line."""
        if isinstance(value, float):  # a default
            return value
        if value == OFF and self._may_be_off:
            return None
        match = _QUANTITY.fullmatch(str(value))
        if match is None or match[2] not in self._units:
            self.fail(f"{value!r} is not {self._forms()}", param, ctx)
        worth = self._units[match[2]]
        amount = float(match[1]) * worth
        if not 0 <= amount <= self._most:
            self.fail(f"{value} is not from 0 to {self._most / worth:.15g}{match[2]}", param, ctx)
        return amount

    def _forms(self) -> str:
        units = ", ".join(unit for unit in self._units if unit)
        if not units:
            return "a number"
        alone = " or none" if "" in self._units else ""
        off = f", nor {OFF!r}" if self._may_be_off else ""
        return f"a number with the unit {units}{alone}{off}"
