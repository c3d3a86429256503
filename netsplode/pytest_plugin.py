"""The fixture ``netsploder``. Light: pytest imports the plugins of every installed package at each start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netsplode.tracker import Netsploder


@pytest.fixture
def netsploder() -> Iterator[Netsploder]:
    """Resets the TCP connections that this test opens: ``netsploder.reset_tcp_connections()``.

    What was open before is spared: databases of earlier fixtures, debuggers, pytest-xdist. Fixtures that
    come after this one are the test's own.
    """
    from netsplode.tracker import create_netsploder

    with create_netsploder() as made:
        yield made
