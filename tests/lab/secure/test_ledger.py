"""TLS in the ledger: the handshake's outcome, the client's alerts, and its close_notify."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from hamms_trio import HammsServer
from tests.clients import tls

BAD_CERTIFICATE, UNKNOWN_CA, EXPIRED = 42, 48, 45  # RFC 8446 §6.2


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, speed=1000) as running:
        yield running


@pytest.fixture
def trusts(server: HammsServer) -> ssl.SSLContext:
    server.start_afresh()
    return tls.trusting(server.ca_pem)


def documented(server: HammsServer, nonce: str) -> dict[str, Any]:
    """Return what the control API says of TLS on the connection with this nonce."""
    connection = HTTPConnection(*server.address("path"))
    connection.request("GET", f"/_hamms/ledger/{nonce}")
    document = json.load(connection.getresponse())
    connection.close()
    (known,) = document["connections"]
    found: dict[str, Any] = known["tls"]
    return found


@pytest.mark.parametrize(
    ("slug", "version", "protocols"),
    [("tls12-only", "TLSv1.2", ["http/1.1"]), ("tls13-only", "TLSv1.3", ["http/1.1"])],
)
def test_the_api_has_the_outcome_of_the_handshake(
    server: HammsServer, trusts: ssl.SSLContext, slug: str, version: str, protocols: list[str]
) -> None:
    trusts.set_alpn_protocols(["h2", "http/1.1"])
    request = b"GET /?nonce=%s HTTP/1.1\r\nHost: a.test\r\n\r\n" % slug.encode()
    with tls.connected(server.address(slug), trusts) as client:
        client.shake_hands()
        client.tls.write(request)
        client.flush()
        server.ledger.wait_until(lambda ledger: bool(ledger.requests(slug)))
    known = documented(server, slug)
    assert (known["sni"], known["offered"]) == ("localhost", ["h2", "http/1.1"])
    assert (known["version"], known["alpn"]) == (version, protocols[0])
    assert (known["resumed"], known["client_certificate"], known["alerts"]) == (False, None, [])
    assert known["cipher"]


@pytest.mark.parametrize(
    ("slug", "alert"),
    [("tls-untrusted-root", UNKNOWN_CA), ("tls-expired", EXPIRED), ("tls-wrong-host", 42)],
)
def test_the_ledger_has_the_alert_of_a_client_that_refuses(
    server: HammsServer, trusts: ssl.SSLContext, slug: str, alert: int
) -> None:
    with tls.connected(server.address(slug), trusts) as client:
        with pytest.raises(ssl.SSLError):
            client.shake_hands()
        server.ledger.wait_until(lambda ledger: _alerts(ledger.connections()[0]) == [alert])
    (record,) = server.ledger.connections(slug)
    assert record.tls is not None
    assert record.tls.agreed is None


def test_the_ledger_has_the_alert_after_a_lie(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with tls.met(server, trusts, "tls-record-overflow") as client:
        with pytest.raises(ssl.SSLError):
            client.shake_hands()
        server.ledger.wait_until(lambda ledger: len(_alerts(ledger.connections()[0])) == 1)


@pytest.mark.parametrize("closes", [True, False])
def test_the_ledger_has_the_clients_close_notify(
    server: HammsServer, trusts: ssl.SSLContext, closes: bool
) -> None:
    with tls.connected(server.address("tls12-only"), trusts) as client:
        client.shake_hands()
        client.ask()
        if closes:
            client.tls.unwrap()
            client.flush()
    server.ledger.wait_until(lambda ledger: _close_notify(ledger.connections()[0]) is closes)


def test_curl_closes_as_it_should(server: HammsServer) -> None:
    server.start_afresh()
    url = server.url("tls13-only")
    subprocess.run(
        ["curl", "-s", "--noproxy", "*", "--cacert", str(server.ca_file), url, "-o", "/dev/null"],
        check=True,
    )
    server.ledger.wait_until(lambda ledger: _close_notify(ledger.connections()[0]) is True)


def test_a_client_of_plain_http_has_no_tls(server: HammsServer) -> None:
    server.start_afresh()
    connection = HTTPConnection(*server.address("path"))
    connection.request("GET", "/mode/ok/")
    connection.getresponse().read()
    connection.close()
    assert server.ledger.connections()[0].tls is None


def _alerts(record: Any) -> list[int]:
    return list(record.tls.alerts) if record.tls is not None else []


def _close_notify(record: Any) -> bool | None:
    closed: bool | None = record.tls.close_notify if record.tls is not None else None
    return closed
