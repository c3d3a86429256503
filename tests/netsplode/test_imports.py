"""The imports of a reset: no framework, no scapy and no injector that it does not need."""

from __future__ import annotations

import pytest

from tests.netsplode import alone
from tests.netsplode.scenes import on_linux

pytestmark = on_linux

HEAVY = ["anyio", "asyncio", "click", "hamms_trio", "netsplode.inject", "scapy", "ssl", "trio"]

SCENE = """
import socket, sys, netsplode
with socket.create_server(("127.0.0.1", 0)) as listener:
    peer = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
with ours, peer:
    {statement}
    try:
        peer.recv(1)
    except ConnectionResetError:
        print("reset", *set(sys.modules).intersection({heavy}))
"""

STATEMENTS = {
    "by its object": "netsplode.reset_connection(ours)",
    "by closing": "netsplode.reset_connection(ours, technique='close')",
    "by its addresses": "netsplode.reset_connection(ours.getsockname(), ours.getpeername())",
    "in a thread": "netsplode.reset_connection(ours, blocking=False).wait()",
    "with all others": """
    with netsplode.create_netsploder() as netsploder:
        netsploder.reset_server_tcp_connections(include_existing=True)""",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_reset_imports_nothing_heavy(statement: str) -> None:
    done = alone.interpret("-c", SCENE.format(statement=statement, heavy=HEAVY))
    assert (done.stdout, done.stderr) == ("reset\n", "")
