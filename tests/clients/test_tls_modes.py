"""Real clients and TLS that fails: which of them refuse, which accept, and that all accept the control."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.modes import CATALOGUE
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import SAFETY_NET, Answer, Failure

NONCE = "tls-modes"
BRIEF = 0.3  # seconds; for handshakes that are meant to time out
LEAVE = b"Q\n"  # s_client's command to leave

OK, REFUSED, TIMEOUT = "accepts", "refuses", "times out"
CLIENTS = ["http.client", "requests", "httpx", "aiohttp", "curl", "fetch", "node:http"]

EVERYWHERE = ("http.client", "curl")  # clients that meet every mode by default
FOR_ALL = (
    "tls-expired",
    "tls-no-san",
    "tls13-only",
    "tls-client-cert-required-13",
    "tls-handshake-hang",
    "tls-bad-mac",
    "tls-close-notify-no-fin",
)

# The outcome with every client, or with most and then with those that differ.
OUTCOMES: dict[str, str | tuple[str, dict[str, str]]] = {
    "tls-expired": REFUSED,
    "tls-self-signed": REFUSED,
    "tls-wrong-host": REFUSED,
    "tls-incomplete-chain": REFUSED,
    "tls-name-constraints-excluded": REFUSED,
    "tls-eku-client-only": REFUSED,
    # Only urllib3's own check of names does without the common name (RFC 9110 §4.3.4).
    "tls-no-san": (OK, {"requests": REFUSED}),
    "tls-no-common-name": OK,
    "tls-expired-cross-sign": OK,
    "tls-untrusted-cross-sign": REFUSED,
    "tls10-only": REFUSED,
    "tls12-only": OK,
    "tls13-only": OK,
    "tls-hello-retry": OK,
    "tls-client-cert-required-13": REFUSED,
    # node:http destroys the socket, and reports that.
    "tls-handshake-hang": (TIMEOUT, {"node:http": REFUSED}),
    "tls-alert": REFUSED,
    "tls-plain-http": REFUSED,
    "tls-rst-after-clienthello": REFUSED,
    "tls-alpn-none": OK,
    "tls-alpn-unoffered": REFUSED,
    "tls-bad-mac": REFUSED,
    "tls-close-notify-no-fin": OK,
}


@pytest.fixture(scope="module")
def hamms() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, speed=1000) as server:
        yield server


@pytest.fixture(scope="module")
def root(hamms: HammsServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the root that clients are to trust."""
    path = tmp_path_factory.mktemp("root") / "ca.pem"
    path.write_text(hamms.ca_pem)
    return path


def outcome(url: str, client: str, root: Path, timeout: float = SAFETY_NET) -> str:
    """Send a GET, and say how the client took it; an answer has to have the whole canary."""
    with SESSIONS[client](timeout=timeout, authority=root) as session:
        try:
            answer = session.outcome("GET", url)
        except Exception:  # noqa: BLE001 # each client has errors of TLS of its own
            return REFUSED
    if isinstance(answer, Answer):
        assert examine(answer.body, nonce=NONCE).is_exact
        return OK
    return TIMEOUT if answer is Failure.TIMEOUT else REFUSED


def sample() -> list[tuple[str, str]]:
    """Pair two clients with every mode, and the others with a few."""
    is_all = os.environ.get("HAMMS_CLIENTS") == "all"
    return [
        (name, client)
        for name in OUTCOMES
        for client in CLIENTS
        if is_all or client in EVERYWHERE or name in FOR_ALL
    ]


@pytest.mark.parametrize(("name", "client"), sample())
def test_a_client_has_the_outcome_of_the_table_for_a_tls_fault(
    hamms: HammsServer, root: Path, name: str, client: str
) -> None:
    expected = OUTCOMES[name]
    if isinstance(expected, tuple):
        expected = expected[1].get(client, expected[0])
    timeout = BRIEF if name == "tls-handshake-hang" else SAFETY_NET
    with hamms.open(name, nonce=NONCE) as door:
        url = f"https://localhost:{door.port}/"
        assert outcome(url, client, root, timeout) == expected
        if expected is REFUSED:
            assert hamms.ledger.connections(door.name)[0].struck


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["tls-pathlen", "tls10-only"])
def test_a_client_accepts_the_control(
    hamms: HammsServer, root: Path, name: str, client: str
) -> None:
    assert CATALOGUE[name].control == f"{name} share=0"
    with hamms.open(name, share=0, nonce=NONCE) as door:
        assert outcome(f"https://localhost:{door.port}/", client, root) == OK


def s_client(port: int, root: Path, *options: str) -> str:
    """Return what openssl s_client prints about a handshake."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    where = ["-connect", f"127.0.0.1:{port}", "-servername", "localhost"]
    trust = ["-CAfile", str(root), "-verify_hostname", "localhost", "-verify_return_error"]
    done = subprocess.run(
        [program, "s_client", *where, *trust, *options],
        input=LEAVE,
        capture_output=True,
        timeout=SAFETY_NET,
        check=False,
    )
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize(
    ("name", "options", "printed"),
    [
        ("tls-expired", (), "certificate has expired"),
        ("tls-untrusted-root", (), "unable to get local issuer certificate"),
        ("tls-wrong-host", (), "(?i)hostname mismatch"),
        ("tls-sig-md5", (), "(?i)too weak"),
        ("tls-hello-retry", (), "Server Temp Key: ECDH, (P-384|secp384r1)|Negotiated.*secp384r1"),
        ("tls12-only", (), r"Protocol *: TLSv1\.2|New, TLSv1\.2"),
        ("tls-revoked", ("-tlsextdebug",), "(?i)verify return code: 0|Verification: OK"),
        ("tls-alert", (), "alert number 40"),
        ("tls-alpn-mismatch", ("-alpn", "spdy/1"), "alert number 120"),
        ("tls-reversed-chain", (), "(?i)verification: OK|verify return code: 0"),
    ],
)
def test_s_client_names_the_fault(
    hamms: HammsServer, root: Path, name: str, options: tuple[str, ...], printed: str
) -> None:
    with hamms.open(name) as door:
        output = s_client(door.port, root, *options)

    assert re.search(printed, output), output


@pytest.mark.parametrize("how", ["crl", "ocsp"])
def test_the_server_says_that_a_certificate_is_revoked(
    hamms: HammsServer, root: Path, tmp_path: Path, how: str
) -> None:
    with hamms.open("tls-revoked", how=how) as door:
        printed = s_client(door.port, root, "-showcerts")
        pems = re.findall(
            "-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", printed, re.DOTALL
        )
        leaf, issuer = tmp_path / "leaf.pem", tmp_path / "issuer.pem"
        leaf.write_text(pems[0])
        issuer.write_text(pems[1])
        checked = (crl_verdict if how == "crl" else ocsp_verdict)(leaf, issuer, root)

    assert "revoked" in checked.lower(), checked


def crl_verdict(leaf: Path, issuer: Path, root: Path) -> str:
    options = ["-crl_check", "-crl_download", "-untrusted", str(issuer), "-CAfile", str(root)]
    return openssl("verify", *options, str(leaf))


def ocsp_verdict(leaf: Path, issuer: Path, root: Path) -> str:
    url = openssl("x509", "-in", str(leaf), "-noout", "-ocsp_uri").strip()
    options = ["-issuer", str(issuer), "-cert", str(leaf), "-CAfile", str(root), "-no_nonce"]
    return openssl("ocsp", *options, "-url", url)


def openssl(*arguments: str) -> str:
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, timeout=SAFETY_NET, check=False
    )
    return done.stdout + done.stderr
