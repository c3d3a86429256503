"""Certificates made on the fly, and what is said of those that can't be used."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from hamms_trio.certificates import (
    ServerCertificate,
    make_certificates,
    server_context,
    throwaway_certificates,
)
from hamms_trio.cli import main
from hamms_trio.errors import CertificateUnusable


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


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
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
def test_what_is_no_host_gets_no_certificate(tmp_path: Path, name: str) -> None:
    with pytest.raises(CertificateUnusable, match=name):
        make_certificates(tmp_path / "new", [name])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "cert.pem", "key.pem"])
def test_what_somebody_else_has_put_there_is_not_replaced(tmp_path: Path, name: str) -> None:
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


def test_the_command_makes_what_openssl_verifies(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["certs", str(tmp_path), "--name", "example.test"])
    assert done.exit_code == 0, done.output
    assert f"curl --cacert {tmp_path / 'ca.pem'}" in done.output
    verified = subprocess.run(
        [
            "openssl",
            "verify",
            "-verify_hostname",
            "example.test",
            "-CAfile",
            tmp_path / "ca.pem",
            tmp_path / "cert.pem",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


def test_what_curl_is_to_be_given_can_be_pasted(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["certs", str(tmp_path / "of mine")])
    (told,) = (line for line in done.output.splitlines() if "--cacert" in line)
    assert shlex.split(told)[-2:] == ["--cacert", str(tmp_path / "of mine" / "ca.pem")]


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
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
