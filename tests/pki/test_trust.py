"""Trusting the lab's authority: its files, the command that prints how, and clients that follow it."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from shutil import which

import pytest
import requests
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from hamms_trio import HammsServer
from hamms_trio.cli import main
from hamms_trio.errors import CertificateUnusable
from hamms_trio.pki.authority import Authority
from hamms_trio.pki.folder import authority_in, make_certificates
from hamms_trio.pki.mint import Mint
from hamms_trio.pki.recipes import ChainRoot, below
from hamms_trio.pki.trust import PASSWORD
from tests.clients import tls

SAFETY_NET = 60.0
JAVA = """import java.net.URI;
import java.net.http.*;
public class Get {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode());
    }
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "new"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, ca_dir=folder) as running:
        yield running


def certs(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["certs", *map(str, arguments)])


def variables_of(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    words = shlex.split(result.output)
    return dict(word.split("=", 1) for word in words if word != "export")


def test_the_root_is_valid_for_a_week_and_for_this_machine_alone() -> None:
    root = Authority().root

    assert root.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=7)
    extension = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert extension.critical
    assert extension.value.permitted_subtrees == [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_network("127.0.0.0/8")),
        x509.IPAddress(ip_network("::1/128")),
    ]


def test_the_root_vouches_for_no_other_host() -> None:
    authority = Authority()
    recipe = below(ChainRoot.OURS, names=("bank.example",))
    leaf = Mint(authority).certificate(recipe)
    verifier = PolicyBuilder().store(Store([authority.root]))

    with pytest.raises(VerificationError):
        verifier.build_server_verifier(x509.DNSName("bank.example")).verify(leaf, [])


def test_a_folder_keeps_its_authority_for_later_runs(folder: Path, server: HammsServer) -> None:
    assert (folder / "ca.pem").read_text() == server.ca_pem
    with HammsServer(beginning_port=0, only=("ok",), ca_dir=folder) as later:
        assert later.ca_pem == server.ca_pem


def test_the_key_is_for_its_owner_only(folder: Path, server: HammsServer) -> None:
    assert stat.S_IMODE((folder / "ca-key.pem").stat().st_mode) == 0o600


def test_an_authority_that_expires_within_the_day_is_replaced(tmp_path: Path) -> None:
    expiring = Authority(days=0)
    (tmp_path / "ca.pem").write_bytes(expiring.pem)
    (tmp_path / "ca-key.pem").write_bytes(expiring.key_pem)

    assert authority_in(tmp_path).is_valid_for(days=6)
    assert (tmp_path / "ca.pem").read_bytes() != expiring.pem


def test_a_constrained_authority_is_not_used_where_none_is_wanted(tmp_path: Path) -> None:
    authority_in(tmp_path)
    with pytest.raises(CertificateUnusable, match="name constraints"):
        authority_in(tmp_path, is_constrained=False)


def test_the_authority_of_a_server_of_ones_own_serves_the_lab(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    with HammsServer(beginning_port=0, only=("ok",), ca_dir=tmp_path) as server:
        answer = requests.get(
            server.url("ok", tls=True), verify=str(made.authority), timeout=SAFETY_NET
        )
    assert answer.status_code == 200


def test_an_unconstrained_root_vouches_for_the_hosts_that_are_allowed() -> None:
    with HammsServer(
        beginning_port=0, only=("ok",), ca_unconstrained=True, allow_hosts=["lab.example"]
    ) as server:
        address = server.address("path")
        message = tls.get(address, tls.trusting(server.ca_pem), "lab.example")
    assert message.status == 200


def test_an_unconstrained_root_has_no_constraints() -> None:
    with HammsServer(beginning_port=0, only=("ok",), ca_unconstrained=True) as server:
        root = x509.load_pem_x509_certificate(server.ca_pem.encode())
    assert not any(each.oid == x509.NameConstraints.oid for each in root.extensions)


def test_the_variables_make_clients_trust_a_running_server(
    server: HammsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    variables = variables_of(certs("--env", "--server", server.url("path")))
    url = server.url("ok", tls=True)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert requests.get(url, timeout=SAFETY_NET).status_code == 200
    assert (
        subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-o", os.devnull, url], check=False
        ).returncode
        == 0
    )
    node = f"fetch({url!r}).then(r => console.log(r.status))"
    done = subprocess.run(["node", "-e", node], capture_output=True, check=False)
    assert done.stdout.strip() == b"200"


@pytest.mark.skipif(which("java") is None, reason="Java is not installed")
def test_java_trusts_the_truststore(server: HammsServer, folder: Path, tmp_path: Path) -> None:
    variables = variables_of(certs("--env", "--ca-dir", folder))
    source = tmp_path / "Get.java"
    source.write_text(JAVA)
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", str(source), server.url("ok", tls=True)],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "200", done.stderr


def test_the_exports_are_the_root(server: HammsServer, folder: Path, tmp_path: Path) -> None:
    pem, pkcs12 = tmp_path / "root.pem", tmp_path / "root.p12"
    result = certs("--ca-dir", folder, "--pem", pem, "--pkcs12", pkcs12)

    assert result.exit_code == 0, result.output
    assert pem.read_text() == server.ca_pem
    (entry,) = load_pkcs12(pkcs12.read_bytes(), PASSWORD.encode()).additional_certs
    assert entry.certificate == x509.load_pem_x509_certificate(server.ca_pem.encode())
    for client in ("curl", "requests", "Node", "Java", "Go"):
        (line,) = (line for line in result.output.splitlines() if line.startswith(client + " "))
        assert str(pkcs12 if client == "Java" else pem) in line


def test_a_client_certificate_opens_the_mode_that_wants_one(
    server: HammsServer, folder: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "me.pem"
    assert certs("--ca-dir", folder, "--client", mine).exit_code == 0
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    for name in ("tls-client-cert-required", "tls-client-cert-required-13"):
        host, port = server.address(name)
        url = f"https://{host}:{port}/"
        answer = requests.get(url, cert=str(mine), verify=str(server.ca_file), timeout=SAFETY_NET)
        assert answer.status_code == 200
        (record,) = server.ledger.connections(name)
        assert record.tls is not None
        assert record.tls.agreed is not None
        certificate = record.tls.agreed.client_certificate
        assert certificate == x509.load_pem_x509_certificate(mine.read_bytes()).public_bytes(
            Encoding.DER
        )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--server", "http://127.0.0.1:1"), "no server answers"),
        (("--server", "nonsense"), "is no URL"),
        (("--ca-dir", "absent"), "has no ca.pem"),
        (("here", "--env"), "--env is about an authority"),
        (("--server", "http://127.0.0.1:1", "--client", "x"), "no server answers"),
    ],
)
def test_an_error_is_one_line_with_the_remedy(arguments: tuple[str, ...], problem: str) -> None:
    result = certs(*arguments)

    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert problem in result.output
