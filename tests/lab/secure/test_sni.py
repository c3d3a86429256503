"""Modes that are chosen by the name in a ClientHello, and in the tunnels of the proxy form."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.errors import ParameterError
from tests.clients import raw, tls

NONCE = "ab12"


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, speed=1000) as running:
        yield running


@pytest.fixture(autouse=True)
def _afresh(server: HammsServer) -> None:
    server.start_afresh()


def curl(server: HammsServer, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    trusted = ("--cacert", str(server.ca_file))
    command = ["curl", "--silent", "--noproxy", "*", *trusted, "--max-time", "30"]
    return subprocess.run([*command, *arguments], capture_output=True, check=False)


def url(server: HammsServer, label: str, door: str = "path") -> str:
    return f"https://{label}.hamms.localhost:{server.ports[door]}/"


@pytest.mark.parametrize("door", ["path", "sni"])
@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("ok", 0),
        ("tls-ed25519", 0),
        ("tls-expired", 60),  # CURLE_PEER_FAILED_VERIFICATION
        ("tls-expired--days-0p5", 60),
        ("tls-expired--share-0", 0),  # its control
        ("tls-alert--code-70", 35),  # CURLE_SSL_CONNECT_ERROR
        ("frame-cl-short-fin", 18),  # CURLE_PARTIAL_FILE
        ("tcp-close-after-data", 52),  # CURLE_GOT_NOTHING
    ],
)
def test_the_name_chooses_the_mode(server: HammsServer, door: str, label: str, code: int) -> None:
    got = curl(server, url(server, label, door))

    assert got.returncode == code
    (connection,) = server.ledger.connections()
    assert connection.slug == label.partition("--")[0]
    assert connection.tls is not None
    assert connection.tls.server_name == f"{label}.hamms.localhost"


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ("status--status-503", 503),
        ("nonsense", 404),
        ("tls-alert--code-x", 400),
        ("tcp-refused", 409),
    ],
)
def test_a_name_is_answered_within_tls(server: HammsServer, label: str, status: int) -> None:
    got = curl(server, "--write-out", "%{http_code}", "--output", "/dev/null", url(server, label))

    assert (got.returncode, got.stdout) == (0, b"%d" % status)


def test_without_a_name_each_request_chooses(server: HammsServer) -> None:
    address = server.address("sni")
    context = tls.trusting(server.ca_pem)
    with tls.connected(address, context, "127.0.0.1") as client:
        client.shake_hands()
        octets = client.ask(
            b"GET /mode/status/?status=418 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        )
    (message,) = raw.messages(octets)
    assert message.status == 418


def test_the_control_api_answers_over_tls(server: HammsServer) -> None:
    port = server.ports["path"]
    got = curl(server, f"https://127.0.0.1:{port}/_hamms/health")

    assert json.loads(got.stdout)["status"] == "ok"


@pytest.mark.parametrize(
    ("label", "code"),
    [("ok", 0), ("tls-expired", 60), ("tls-handshake-hang", 28), ("frame-cl-short-fin", 18)],
)
def test_a_tunnel_ends_at_a_mode_over_tls(server: HammsServer, label: str, code: int) -> None:
    proxy = f"http://127.0.0.1:{server.ports['path']}"
    patience = ("--max-time", "0.5") if code == 28 else ()
    got = curl(
        server, *patience, "--noproxy", "", "--proxy", proxy, f"https://{label}.hamms.localhost/"
    )

    assert got.returncode == code


def test_a_proxy_over_tls_has_tunnels_with_tls_within(server: HammsServer) -> None:
    proxy = ("--proxy", f"https://127.0.0.1:{server.ports['path']}", "--noproxy", "")
    trusted = ("--proxy-cacert", str(server.ca_file))
    got = curl(server, *proxy, *trusted, f"https://ok.hamms.localhost/?nonce={NONCE}")

    assert examine(got.stdout, nonce=NONCE).is_exact


@pytest.mark.parametrize(
    ("slug", "code"), [("proxy-connect-wrong-host", 60), ("proxy-connect-200-length", 0)]
)
def test_a_mode_of_proxies_speaks_tls_in_its_tunnel(
    server: HammsServer, slug: str, code: int
) -> None:
    with server.open(slug) as door:
        proxy = ("--proxy", door.url(), "--noproxy", "")
        assert curl(server, *proxy, "https://localhost/").returncode == code


def test_a_url_has_the_arguments_of_a_mode_in_its_host(server: HammsServer) -> None:
    sni = server.ports["sni"]
    assert server.url("tls-alert", code=70) == (
        f"https://tls-alert--code-70.hamms.localhost:{sni}/"
    )
    assert server.url("tls-ed25519", "/a?b=c") == (
        f"https://tls-ed25519.hamms.localhost:{sni}/a?b=c"
    )
    assert server.url("tls-alert") == f"https://127.0.0.1:{server.ports['tls-alert']}/"
    with pytest.raises(ParameterError, match="open\\("):
        server.url("tls-wrong-host", san="a/b")
    assert server.url("tls-expired", days=0.5) == (
        f"https://tls-expired--days-0p5.hamms.localhost:{sni}/"
    )


def test_a_silent_client_keeps_nobody_waiting(server: HammsServer) -> None:
    with socket.create_connection(server.address("sni")) as silent:
        silent.sendall(b"\x16\x03\x01\x01\x00")
        assert curl(server, url(server, "ok")).returncode == 0


def test_node_finds_a_mode_by_name(server: HammsServer) -> None:
    script = """
const https = require("node:https");
const options = {port: process.argv[1], host: "127.0.0.1", servername: process.argv[2]};
https.get(options, r => { r.resume(); console.log(r.statusCode); }).on("error", e => console.log(e.code));
"""
    variables = {"NODE_EXTRA_CA_CERTS": str(server.ca_file), "PATH": os.environ["PATH"]}
    seen = {}
    for label in ("ok", "tls-expired"):
        arguments = ["node", "-e", script, str(server.ports["sni"]), f"{label}.hamms.localhost"]
        done = subprocess.run(arguments, env=variables, capture_output=True, check=False)
        seen[label] = done.stdout.strip()
    assert seen == {"ok": b"200", "tls-expired": b"CERT_HAS_EXPIRED"}


def test_openssl_names_the_version(server: HammsServer) -> None:
    host, port = server.address("tls12-only")
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", str(server.ca_file)]
    done = subprocess.run(
        [*command, "-verify_return_error", "-brief"],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert b"TLSv1.2" in done.stderr
    assert b"Verification: OK" in done.stderr


def test_resumed_sessions_of_both_versions_are_in_the_ledger(server: HammsServer) -> None:
    for slug in ("tls12-only", "tls13-only"):
        context = tls.trusting(server.ca_pem)
        session: ssl.SSLSession | None = None
        for _ in range(2):
            with tls.connected(server.address(slug), context) as client:
                if session is not None:
                    client.tls.session = session
                client.shake_hands()
                client.ask()
                session = client.tls.session
        handshakes = [r.tls.agreed for r in server.ledger.connections(slug) if r.tls]
        assert [agreed and agreed.is_resumed for agreed in handshakes] == [False, True], slug
