"""Payloads that a client could misread."""

from __future__ import annotations

import json
import re

import pytest

from hamms_trio import HammsServer
from hamms_trio.modes.families.type.charsets import LINES
from hamms_trio.modes.families.type.json_payloads import NUMBERS
from tests.clients import raw
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import Answer

REAL = ["curl", "http.client", "requests", "httpx", "aiohttp"]


@pytest.mark.parametrize("by", ["chunks", "segments"])
@pytest.mark.parametrize("client", REAL)
def test_split_characters_arrive_whole(hamms: HammsServer, client: str, by: str) -> None:
    with SESSIONS[client]() as session:
        answer = session.get(hamms.url("charset-split", "/", by=by))

    assert isinstance(answer, Answer)
    assert answer.body == b"".join(LINES)


@pytest.mark.parametrize("bom", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_json_behind_a_byte_order_mark_is_json(hamms: HammsServer, bom: str) -> None:
    body = raw.get(hamms.url("charset-bom", "/", bom=bom)).body

    assert json.loads(body.decode(bom).removeprefix("\ufeff"))["message"]


def test_an_external_entity_leads_back_to_the_mode(hamms: HammsServer) -> None:
    document = raw.get(hamms.url("xml-xxe", "/"))
    found = re.search(rb'SYSTEM "([^"]+)"', document.body)
    assert found
    assert not hamms.ledger.fired("xml-xxe")
    assert raw.get(found[1].decode()).body == b"a secret\n"
    assert hamms.ledger.fired("xml-xxe")


@pytest.mark.parametrize("depth", [1, 70_000])
def test_arrays_lie_each_within_the_other(hamms: HammsServer, depth: int) -> None:
    assert raw.get(hamms.url("json-deep", "/", depth=depth)).body == b"[" * depth + b"]" * depth


@pytest.mark.parametrize("case", NUMBERS)
def test_a_number_is_sent_as_it_is(hamms: HammsServer, case: str) -> None:
    assert raw.get(hamms.url("json-numbers", "/", case=case)).body == NUMBERS[case]
