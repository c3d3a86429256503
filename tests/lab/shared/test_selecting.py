"""The universal door: the mode of each request, by path, Host, proxy form, field or armed fault."""

from __future__ import annotations

import subprocess
from shutil import which

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from tests.clients import raw

SAFETY_NET = 60.0
NONCE = "ab12"


def get(server: HammsServer, target: str, **fields: str) -> requests.Response:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    url = server.url("path").rstrip("/") + target
    return requests.get(url, headers=headers, timeout=SAFETY_NET, allow_redirects=False)


def exchange(server: HammsServer, octets: bytes, door: str = "path") -> bytes:
    with raw.connected(server.address(door)) as client:
        client.sendall(octets)
        return raw.receive_all(client)


@pytest.mark.parametrize(
    "host",
    [
        "status--status-503.hamms.localhost",
        "status--status-503.hamms.localhost:5599",
        "STATUS--STATUS-503.Hamms.Localhost",
        "status--status-503.hamms",
    ],
)
def test_the_host_chooses_mode_and_arguments(server: HammsServer, host: str) -> None:
    assert get(server, "/v1/x", Host=host).status_code == 503


@pytest.mark.parametrize(
    ("selected", "status"),
    [("status", 200), ("status?status=429", 429), ("status--status-418", 418), ("nope", 404)],
)
def test_a_field_chooses_mode_and_arguments(
    server: HammsServer, selected: str, status: int
) -> None:
    assert get(server, "/v1/x", X_Hamms_Mode=selected).status_code == status
    assert get(server, "/v1/x", x_hamms_mode=selected).status_code == status


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("/v1/orders?status=open", {"X-Hamms-Mode": "status?status=503"}),
        ("/v1/orders?status=open", {"Host": "status--status-503.hamms.localhost"}),
        ("/mode/status--status-503/v1/orders?status=open", {}),
    ],
)
def test_a_query_of_the_client_s_own_overrides_no_argument(
    server: HammsServer, target: str, fields: dict[str, str]
) -> None:
    assert get(server, target, **fields).status_code == 503


def test_a_label_carries_modifiers_too(server: HammsServer) -> None:
    assert get(server, f"/mode/status--skip-1--nonce-{NONCE}/").text.startswith("0000000000 ab12")
    _, (request,) = server.ledger.of_nonce(NONCE)
    assert (request.slug, request.struck) == ("status", False)


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/_hamms/health", {"Host": "localhost", "X-Hamms-Mode": "status?status=503"}, 200),
        ("/mode/status--status-500/", {"Host": "status--status-503.hamms.localhost"}, 503),
        ("/mode/status--status-500/", {"X-Hamms-Mode": "status?status=429"}, 429),
        (
            "/x",
            {"Host": "status--status-503.hamms.localhost", "X-Hamms-Mode": "status?status=429"},
            503,
        ),
    ],
)
def test_the_first_door_in_precedence_chooses(
    server: HammsServer, target: str, fields: dict[str, str], status: int
) -> None:
    with server.arm("status", status=418):
        assert get(server, target, **fields).status_code == status


def test_the_proxy_form_comes_before_host_and_field(server: HammsServer) -> None:
    octets = (
        b"GET http://status--status-418.hamms/mode/status--status-500/ HTTP/1.1\r\n"
        b"Host: status--status-503.hamms.localhost\r\nX-Hamms-Mode: status\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert exchange(server, octets).startswith(b"HTTP/1.1 418 ")


@pytest.mark.skipif(which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("tunnel", [[], ["--proxytunnel"]], ids=["absolute-form", "CONNECT"])
def test_a_client_reaches_a_mode_through_its_proxy_setting(
    server: HammsServer, tunnel: list[str]
) -> None:
    url = "http://status--status-418.hamms/v1"
    proxy = ["--noproxy", "", "-x", server.url("path")]  # whatever no_proxy says here
    command = ["curl", "-s", *proxy, *tunnel, "-w", "%{http_code}", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_NET, check=True)
    assert done.stdout.endswith("418")
    (request,) = server.ledger.requests("status")
    assert request.connection.door == "path"


def test_a_tunnel_reaches_modes_that_act_before_a_request(server: HammsServer) -> None:
    octets = b"CONNECT tcp-accept-close.hamms:443 HTTP/1.1\r\nHost: tcp-accept-close.hamms\r\n\r\n"
    assert exchange(server, octets) == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert server.ledger.fired("tcp-accept-close")


def test_octets_sent_behind_connect_belong_to_the_tunnel(server: HammsServer) -> None:
    octets = (
        b"CONNECT status.hamms:80 HTTP/1.1\r\nHost: status.hamms\r\n\r\n"
        b"GET /?status=503 HTTP/1.1\r\nHost: status.hamms\r\nConnection: close\r\n\r\n"
    )
    _, _, answer = exchange(server, octets).partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "authority", ["example.com:80", "127.0.0.1:22", "localhost:80", "hamms:80"]
)
def test_a_tunnel_to_any_other_host_is_forbidden(server: HammsServer, authority: str) -> None:
    connect = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
    absolute = f"GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    assert exchange(server, connect.encode()).startswith(b"HTTP/1.1 403 ")
    assert exchange(server, absolute.encode()).startswith(b"HTTP/1.1 403 ")


def test_a_tunnel_to_a_port_that_refuses_is_409(server: HammsServer) -> None:
    octets = b"CONNECT tcp-refused.hamms:80 HTTP/1.1\r\nHost: tcp-refused.hamms\r\n\r\n"
    assert exchange(server, octets).startswith(b"HTTP/1.1 409 ")


@pytest.mark.parametrize("target", ["/elsewhere", "/v1/chat?staus=500&delay=9&nonce=ab12"])
def test_any_other_path_is_a_healthy_canary(server: HammsServer, target: str) -> None:
    answer = get(server, target)
    assert answer.status_code == 200
    assert examine(answer.content, nonce=answer.headers["X-Hamms-Nonce"]).is_exact


@pytest.mark.parametrize(
    "mode", ["conn-surplus-crlf", "head-obs-fold", "ok-chunked", "coding-unknown"]
)
def test_a_client_without_a_nonce_learns_the_one_of_its_answer(
    server: HammsServer, mode: str
) -> None:
    answer = requests.get(server.url("path", f"/mode/{mode}/x"), timeout=SAFETY_NET, stream=True)
    nonce = answer.headers["X-Hamms-Nonce"]
    assert examine(answer.raw.read(decode_content=False), nonce=nonce).is_exact
    (record,) = server.ledger.of_nonce(nonce)[1]
    assert record.slug == mode


def test_post_to_the_root_is_a_healthy_canary(server: HammsServer) -> None:
    answer = requests.post(server.url("path"), data="x", timeout=SAFETY_NET)
    assert answer.text.startswith("0000000000 ")


def test_only_holds_for_every_door() -> None:
    with HammsServer(beginning_port=0, only="status") as server:
        assert set(server.ports) == {"status", "armed", "path"}
        assert get(server, "/", X_Hamms_Mode="retries").status_code == 404
        assert get(server, "/", Host="retries.hamms.localhost").status_code == 404
        octets = b"CONNECT retries.hamms:80 HTTP/1.1\r\nHost: retries.hamms\r\n\r\n"
        assert exchange(server, octets).startswith(b"HTTP/1.1 404 ")
        with pytest.raises(LookupError):
            server.arm("retries")


def test_a_family_s_port_has_its_flagship_and_its_paths(server: HammsServer) -> None:
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(server.url("family-frame", "/v1"), timeout=SAFETY_NET)
    assert server.ledger.fired("frame-cl-short-fin")
    url = server.url("family-frame", "/mode/status--status-503/x")
    assert requests.get(url, timeout=SAFETY_NET).status_code == 503
