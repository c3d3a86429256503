"""Twins: modes that speak HTTP, over TLS, each 1000 ports above its own."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.canary import canary, examine
from hamms_trio.errors import UnknownMode
from hamms_trio.lab.doors import TWIN_PREFIX
from hamms_trio.net.observer import Ending
from tests.clients import raw, tls
from tests.ports import free_beginning_port, is_free

SAFETY_NET = 60.0
NONCE = "ab12"


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, tls=True, speed=1000) as running:
        yield running


@pytest.fixture
def trusts(server: HammsServer) -> ssl.SSLContext:
    server.start_afresh()
    return tls.trusting(server.ca_pem)


def address(server: HammsServer, name: str) -> raw.Address:
    return server.address(TWIN_PREFIX + name)


def test_each_mode_that_speaks_http_has_a_twin(server: HammsServer) -> None:
    twins = {name.removeprefix(TWIN_PREFIX) for name in server.ports if TWIN_PREFIX in name}
    others = {name for name in server.ports if TWIN_PREFIX not in name}

    assert {name for name in others - twins if not name.startswith("tls")} == {
        "tcp-refused",
        "tcp-syn-blackhole",
        "sni",
    }
    assert twins < others


def test_a_twin_is_1000_ports_above_its_mode() -> None:
    beginnings = iter(free_beginning_port, None)
    beginning = next(b for b in beginnings if all(is_free(b + 1000 + at) for at in (9, 98, 99)))
    only = ("status", "ok", "tls-expired")
    with HammsServer(beginning_port=beginning, tls=True, only=only) as server:
        assert server.url("status", tls=True) == f"https://127.0.0.1:{beginning + 1009}/"
        assert server.url("path", tls=True) == f"https://127.0.0.1:{beginning + 1099}/"
        assert server.url("tls-expired", tls=True) == f"https://127.0.0.1:{beginning + 63}/"
        assert "https-tls-expired" not in server.ports


def test_requests_gets_a_status_over_tls(server: HammsServer) -> None:
    url = server.url("status", tls=True, status=503)

    answer = requests.get(url, verify=str(server.ca_file), timeout=SAFETY_NET)

    assert answer.status_code == 503
    (request,) = server.ledger.requests("status", status=503)
    assert (request.status, request.connection.door) == (503, "https-status")


def test_without_twins_the_path_door_speaks_tls() -> None:
    with HammsServer(beginning_port=0, only=("ok", "status")) as server:
        url = server.url("ok", tls=True, nonce=NONCE)
        answer = requests.get(url, verify=str(server.ca_file), timeout=SAFETY_NET)
        plain = requests.get(server.url("ok", nonce=NONCE), timeout=SAFETY_NET)
    assert url.startswith("https://")
    assert answer.content == plain.content == canary(NONCE, len(plain.content))


def test_the_error_for_a_family_without_a_twin_names_the_remedy() -> None:
    with (
        HammsServer(beginning_port=0) as server,
        pytest.raises(UnknownMode, match="tls=True"),
    ):
        server.url("family-frame", tls=True)


def test_a_reset_within_tls_is_a_reset(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with tls.connected(address(server, "tcp-rst-after-request"), trusts) as client:
        client.shake_hands()
        with pytest.raises(ConnectionResetError):
            client.ask()
    server.ledger.wait_until(lambda ledger: ledger.connections()[0].ended is Ending.RST)


def test_a_body_is_cut_within_tls(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with tls.connected(address(server, "frame-cl-short-fin"), trusts) as client:
        client.shake_hands()
        octets = client.ask()
    assert octets.endswith(b'"the rest of this') or b"Content-Length: 2029" in octets


def test_a_body_drips_within_tls(server: HammsServer, trusts: ssl.SSLContext) -> None:
    with tls.connected(address(server, "pace-byte"), trusts) as client:
        client.shake_hands()
        before = len(client.records)
        octets = client.ask()
        assert len(client.records) - before >= len(octets) > 0


def test_a_door_of_one_test_speaks_tls(server: HammsServer) -> None:
    with server.open("frame-cl-short-hang", tls=True) as door:
        assert door.url().startswith("https://127.0.0.1:")
        with pytest.raises(requests.ConnectionError):
            requests.get(door.url(), verify=str(server.ca_file), timeout=0.2)


def test_plain_http_at_a_twin_gets_an_answer_that_names_https(server: HammsServer) -> None:
    plain = server.url("status", tls=True).replace("https:", "http:")

    answer = requests.get(plain, timeout=SAFETY_NET)

    assert answer.status_code == 400
    assert "https" in answer.json()["detail"]


def test_octets_that_are_no_client_hello_get_an_alert(server: HammsServer) -> None:
    octets = raw.exchange(address(server, "status"), b"\x16\x03\x01\x00\x05hello" + bytes(200))

    assert octets[:1] == b"\x15"  # the type of alerts (RFC 8446 §5.1)


def test_a_client_that_leaves_within_the_handshake_is_forgotten(server: HammsServer) -> None:
    server.start_afresh()
    with socket.create_connection(address(server, "status")) as client:
        client.sendall(b"\x16\x03\x01")
    server.ledger.wait_until(lambda ledger: all(r.closed for r in ledger.connections()))


@pytest.mark.parametrize(
    ("how", "code"),
    [("tls", 0), ("rst", 56), ("fin", 18)],
)
def test_curl_and_openssl_judge_a_cut_stream(
    server: HammsServer, trusts: ssl.SSLContext, how: str, code: int
) -> None:
    """Curl takes the missing close_notify for an end (RFC 9112 §9.8); OpenSSL reports it."""
    url = server.url("llm-cut", how=how, tls=True)
    trusted = ("--cacert", str(server.ca_file))
    command = ["curl", "--silent", "--noproxy", "*", *trusted, "--max-time", "30", url]
    assert subprocess.run(command, capture_output=True, check=False).returncode == code
    if how == "tls":
        target = url.partition("/mode")[2]
        request = f"GET /mode{target} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode()
        with tls.connected(address(server, "path"), trusts) as client:
            client.shake_hands()
            with pytest.raises(ssl.SSLEOFError):
                client.ask(request)


def test_a_cut_that_needs_tls_is_refused_without(server: HammsServer) -> None:
    answer = requests.get(server.url("llm-cut", how="tls"), timeout=SAFETY_NET)

    assert (answer.status_code, "needs TLS" in answer.json()["detail"]) == (409, True)


def test_a_downgrade_shows_which_secrets_a_client_takes_to_http(server: HammsServer) -> None:
    url = server.url("redirect-downgrade")
    secrets = {"Authorization": "Bearer secret", "X-Api-Key": "secret"}

    answer = requests.get(url, headers=secrets, verify=str(server.ca_file), timeout=SAFETY_NET)

    assert answer.url.startswith("http://")
    assert answer.json()["secrets"] == ["x-api-key"]


def test_the_other_origin_is_reached_over_tls_from_tls(server: HammsServer) -> None:
    url = server.url("redirect-cross-origin-auth", tls=True)

    answer = requests.get(url, verify=str(server.ca_file), timeout=SAFETY_NET)

    assert answer.url.startswith("https://")
    assert answer.json()["secrets"] == []


@pytest.mark.parametrize("name", ["armed", "https-armed"])
def test_an_armed_mode_of_tls_meets_the_next_connection(server: HammsServer, name: str) -> None:
    url = server.url("armed", f"/?nonce={NONCE}", tls=True)
    url = url.replace(str(server.ports["https-armed"]), str(server.ports[name]))
    with (
        server.arm("tls-expired"),
        pytest.raises(requests.exceptions.SSLError, match="expired"),
    ):
        requests.get(url, verify=str(server.ca_file), timeout=SAFETY_NET)
    answer = requests.get(url, verify=str(server.ca_file), timeout=SAFETY_NET)
    assert examine(answer.content, nonce=NONCE).is_exact


def test_the_files_of_the_root_go_with_the_server() -> None:
    with HammsServer(beginning_port=0, only=("ok",)) as server:
        file: Path = server.ca_file
        assert file.read_text() == server.ca_pem
        assert file.parent.stat().st_mode & 0o077 == 0
        first = server.ca_pem
    assert not file.parent.exists()
    with HammsServer(beginning_port=0, only=("ok",)) as server:
        assert server.ca_pem != first
