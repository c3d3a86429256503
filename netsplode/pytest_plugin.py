"""The pytest fixture ``netsploder``.

This module imports little, because pytest imports the plugins of every installed package at each start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netsplode.tracker import Netsploder


@pytest.fixture
def netsploder() -> Iterator[Netsploder]:
    """Reset the TCP connections that this test opens: ``netsploder.reset_tcp_connections()``.

    Connections that were open before are spared: databases of earlier fixtures, debuggers, pytest-xdist.
    The connections of fixtures that come after this one count as the test's own.
    """
    from netsplode.tracker import create_netsploder

    with create_netsploder() as made:
        yield made
