"""Certificates made on the fly, and the errors about unusable ones."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from hamms_trio.certificates import ServerCertificate, server_context
from hamms_trio.cli import main
from hamms_trio.errors import CertificateUnusable
from hamms_trio.pki.folder import make_certificates, throwaway_certificates


def test_the_authority_stays_and_the_certificate_is_new(tmp_path: Path) -> None:
    first = make_certificates(tmp_path)
    authority, certificate = first.authority.read_bytes(), first.certificate.read_bytes()
    again = make_certificates(tmp_path, ["example.test"])
    assert again.authority.read_bytes() == authority
    assert again.certificate.read_bytes() != certificate
    server_context(again.certificate, again.key)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    for key in (made.key, tmp_path / "ca-key.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_throwaway_certificates_leave_nothing_behind() -> None:
    with throwaway_certificates() as made:
        server_context(made.certificate, made.key)
        assert sorted(path.name for path in made.authority.parent.iterdir()) == [
            "ca.pem",
            "cert.pem",
            "key.pem",
        ]
    assert not made.authority.parent.exists()


def test_the_error_names_the_unusable_file(tmp_path: Path) -> None:
    one, other = make_certificates(tmp_path / "one"), make_certificates(tmp_path / "other")
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    for certificate, key, problem in [
        (tmp_path / "absent.pem", None, "absent.pem can't be read"),
        (junk, None, "junk.pem: .* expected a certificate and its key, in PEM"),
        (one.certificate, other.key, "they do not belong together"),
    ]:
        with pytest.raises(CertificateUnusable, match=problem):
            server_context(certificate, key)
    with pytest.raises(CertificateUnusable, match="no certificate for"):
        make_certificates(tmp_path, ["*.*.*"])
    (tmp_path / "file").touch()
    with pytest.raises(CertificateUnusable, match="file"):
        make_certificates(tmp_path / "file")


@pytest.mark.parametrize("name", ["me@example.test", "127.0.0.0/8"])
def test_a_name_that_is_no_host_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CertificateUnusable, match=name):
        make_certificates(tmp_path / "new", [name])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "cert.pem", "key.pem"])
def test_a_foreign_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("the only copy")
    with pytest.raises(CertificateUnusable, match=f"has {name}, .* another directory"):
        make_certificates(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "the only copy"}


def test_an_authority_that_can_not_sign_is_named(tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "one")
    other = make_certificates(tmp_path / "other")
    certificate = made.certificate.read_bytes()
    for authority, problem in [
        (other.authority.read_bytes(), "do not belong together"),
        (b"junk", "ca.pem .*expected a certificate and its key"),
    ]:
        made.authority.write_bytes(authority)
        with pytest.raises(CertificateUnusable, match=problem):
            make_certificates(tmp_path / "one")
        assert made.certificate.read_bytes() == certificate


@pytest.mark.parametrize("name", ["example.test", "127.0.0.1"])
def test_strict_verifiers_accept_the_certificate(tmp_path: Path, name: str) -> None:
    made = make_certificates(tmp_path, [name])
    of_name = "-verify_ip" if name[0].isdigit() else "-verify_hostname"
    strictly = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", of_name, name]
    verified = subprocess.run(
        [*strictly, "-CAfile", made.authority, made.certificate],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr

    leaf = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    trusted = Store([x509.load_pem_x509_certificate(made.authority.read_bytes())])
    subject = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    PolicyBuilder().store(trusted).build_server_verifier(subject).verify(leaf, [])


def test_extensions_are_critical_only_where_the_standards_say_so(tmp_path: Path) -> None:
    """RFC 5280 §4.2.1.3, §4.2.1.6, §4.2.1.9; RFC 8813 §3."""
    made = make_certificates(tmp_path)
    leaf = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    critical = {extension.oid for extension in leaf.extensions if extension.critical}
    assert critical == {x509.BasicConstraints.oid, x509.KeyUsage.oid}
    assert leaf.subject.rdns
    assert leaf.subject != leaf.issuer
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment) == (True, False)


def test_a_certificate_is_valid_no_longer_than_clients_accept(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    leaf = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    valid = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert valid <= timedelta(days=398)  # Apple's limit, the shortest of the browsers'


def test_the_command_makes_a_certificate_for_the_names_given(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["certs", str(tmp_path), "--name", "example.test"])
    assert done.exit_code == 0, done.output
    assert f"curl --cacert {tmp_path / 'ca.pem'}" in done.output
    leaf = x509.load_pem_x509_certificate((tmp_path / "cert.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["example.test"]


def test_the_printed_curl_argument_can_be_pasted(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["certs", str(tmp_path / "of mine")])
    (printed,) = (line for line in done.output.splitlines() if "--cacert" in line)
    assert shlex.split(printed)[-2:] == ["--cacert", str(tmp_path / "of mine" / "ca.pem")]


def test_the_command_reports_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, ["certs", str(tmp_path / "file" / "certs")])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no FIFOs")
async def test_a_certificate_that_can_not_be_read_stops_no_task(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    certificate = ServerCertificate(made.certificate, made.key)
    before = certificate.context
    made.certificate.unlink()
    os.mkfifo(made.certificate)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_turns)
            with pytest.raises(CertificateUnusable, match="nothing to read in"):
                await certificate.reload_in_thread(seconds=0.05)
            with pytest.raises(CertificateUnusable, match="still waits"):
                await certificate.reload_in_thread()
            nursery.cancel_scope.cancel()
    finally:
        made.certificate.open("wb").close()  # ends the thread
    assert turns
    assert certificate.context is before


async def test_a_certificate_is_reloaded_in_a_thread(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    certificate = ServerCertificate(made.certificate, made.key)
    before = certificate.context
    await certificate.reload_in_thread()
    assert certificate.context is not before
