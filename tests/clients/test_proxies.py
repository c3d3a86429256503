"""Real clients and a proxy that is a failure mode: tunnels, refusals, and the clients that can't be given one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import Answer

NONCE = "proxied"
CLIENTS = [name for name, kind in SESSIONS.items() if kind.proxies]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_receives_the_origins_content_through_the_tunnel(
    hamms: HammsServer, tmp_path: Path, client: str
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(hamms.ca_pem)
    with hamms.open("proxy-connect-200-reason", nonce=NONCE) as door:
        proxy = f"http://127.0.0.1:{door.port}"
        with SESSIONS[client](authority=authority, proxy=proxy) as session:
            answer = session.get("https://origin.hamms.localhost/")

        assert examine(answer.body, nonce=NONCE).is_exact
        methods = [request.method for request in hamms.ledger.requests(door.name)]
        assert methods[0] == "CONNECT"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_asks_the_proxy_itself_for_plain_http(hamms: HammsServer, client: str) -> None:
    with hamms.open("proxy-connect-status", status=403) as door:
        with SESSIONS[client](proxy=f"http://127.0.0.1:{door.port}") as session:
            answer = session.outcome("GET", "http://origin.hamms.localhost/a")

        assert isinstance(answer, Answer)
        assert answer.status == 403
        (request,) = hamms.ledger.requests(door.name)
        assert (request.method, request.target) == ("GET", "http://origin.hamms.localhost/a")
