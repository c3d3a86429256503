"""Modes with the same outcome for all 47 clients of a measurement: curl and http.client reproduce the outcome."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.control.outcomes import of_catalogue
from tests.clients import outcomes
from tests.clients.adapters import CLIENTS
from tests.clients.outcomes import SAFETY_NET, Answer, Failure

BRIEF = 0.15  # seconds; for exchanges that are meant to time out
NONCE = "outcomes"


@dataclass(frozen=True)
class Row:
    """A mode, the query of the request, and the outcome that ``clients`` clients had."""

    slug: str
    query: str
    outcome: str
    clients: int

    def __str__(self) -> str:
        return f"{self.slug}-{self.outcome}"


def read_rows() -> list[Row]:
    rows = of_catalogue().items()
    return [Row(slug, each.query, each.outcome, each.clients) for slug, each in rows]


def outcome_class(outcome: outcomes.Outcome) -> str:
    """Name the class of an outcome as the table does."""
    if isinstance(outcome, Answer):
        found = examine(outcome.body, nonce=NONCE)
        return "ok" if found.is_exact else str(found)
    return "hang" if outcome is Failure.TIMEOUT else "err"


@pytest.mark.parametrize("client", ["curl", "http.client"])
@pytest.mark.parametrize("row", read_rows(), ids=str)
def test_a_client_has_the_outcome_that_all_clients_had(
    hamms: HammsServer, row: Row, client: str
) -> None:
    timeout = BRIEF if row.outcome == "hang" else SAFETY_NET
    url = f"{hamms.url(row.slug, '/')}?nonce={NONCE}&{row.query}"

    assert outcome_class(CLIENTS[client](url, timeout)) == row.outcome
