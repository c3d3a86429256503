"""Outcomes of named clients: two tables that were measured, and how to read them.

``by_version.tsv`` has a row for each door, which ``make clients-table`` writes: every client asks once by GET,
with its defaults; it follows redirects, asks for a tunnel, or trusts the authority where the mode is about these.
``of_catalogue.tsv`` has the modes that had one outcome with all clients of a larger measurement.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from msgspec import Struct

BY_VERSION = Path(__file__).with_name("by_version.tsv")
OF_CATALOGUE = Path(__file__).with_name("of_catalogue.tsv")

MEANINGS = {
    "whole": "delivered exactly the canary",
    "truncated": "delivered a part of the canary as the whole",
    "other": "delivered a body other than the canary",
    "empty": "delivered an empty body",
    "error": "reported an error",
    "waits": "waited, or were busy, until their time was over",
    "unable": "can't be given a proxy",
    "report": "delivered the report of the mode where the redirect led",
}
BROUGHT = "brought "  # begins what reached the other origin
ALIKE = {
    "ok": "delivered exactly the body that was sent",
    "err": "reported an error",
    "hang": "waited until a timeout of their own, if they had one, ended the call",
}


class Alike(Struct, frozen=True):
    """An outcome that all ``clients`` clients of a measurement had, when they asked with this query."""

    outcome: str
    query: str
    clients: int

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        asked = f" with `?{self.query}`" if self.query else ""
        return f"In November 2026, all {self.clients} clients of a measurement{asked} {ALIKE[self.outcome]}."


def meaning_of(outcome: str) -> str:
    """Explain an outcome of the first table."""
    if outcome.startswith(BROUGHT):
        return f"went to the other origin, and took along {outcome.removeprefix(BROUGHT)}"
    return MEANINGS.get(outcome, f"answered with {outcome}")


@cache
def by_version() -> tuple[list[str], dict[str, list[str]]]:
    """Read the clients with their versions, and their outcomes at every door of the table."""
    if not BY_VERSION.exists():
        return [], {}
    with BY_VERSION.open(encoding="utf-8", newline="") as file:
        (_, *clients), *rows = csv.reader(file, delimiter="\t")
    return clients, {door: outcomes for door, *outcomes in rows}


@cache
def of_catalogue() -> dict[str, Alike]:
    """Read the outcomes that all clients of a measurement had, by the mode's slug."""
    lines = OF_CATALOGUE.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t")
    return {row["slug"]: Alike(row["outcome"], row["query"], int(row["clients"])) for row in rows}
