"""A running workbench and a client, on this test's own trio loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hamms_trio.workbench import Workbench, open_workbench


@pytest.fixture
async def workbench() -> AsyncIterator[Workbench]:
    async with open_workbench(port=0) as workbench:
        yield workbench


@pytest.fixture
async def client(workbench: Workbench) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=workbench.url) as client:
        yield client
