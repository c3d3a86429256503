"""``hamms-trio workbench --enable-tls``, in a process of its own, with curl."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamms_trio.pki.folder import make_certificates
from tests import forks
from tests.forks import HAMMS, Forked
from tests.http.commands import SAFETY_NET, Run, starting

TLS = ["--enable-tls", "--https-port", "0"]


@pytest.fixture
def run() -> Iterator[Run]:
    with starting("workbench") as run:
        yield run


def curl(*arguments: str) -> str:
    if shutil.which("curl") is None:
        pytest.skip("the command curl is needed")
    done = subprocess.run(
        ["curl", "-sS", "--max-time", str(SAFETY_NET), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_is_sent_from_http_to_https_and_trusts_the_authority(run: Run, tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "certs")
    files = ["--cert-file", str(made.certificate), "--key-file", str(made.key)]
    ready = tmp_path / "ready.json"
    running = run(*TLS, *files, "--ready-file", str(ready))
    where = json.loads(ready.read_text())
    assert where["workbench"]["url"] == f"https://127.0.0.1:{running.port}"
    url = f"http://localhost:{where['redirect']['port']}/submit"
    asked = ["--location", "--cacert", str(made.authority), "--data", "hello", url]
    assert curl(*asked) == "Received POST body: hello"
    assert running.stop()[0] == 0


def test_without_a_certificate_one_is_made_and_its_authority_named(
    run: Run, tmp_path: Path
) -> None:
    ready = tmp_path / "ready.json"
    command = ["workbench", *TLS, "--no-redirect-http", "--ready-file", str(ready)]
    with Forked(HAMMS, *command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        authority = process.stdout.readline().split()[-2]
        assert "is ready on https://" in process.stdout.readline()
        url = json.loads(ready.read_text())["workbench"]["url"]
        assert curl("--cacert", authority, url) == "Hello World"
        process.send_signal(signal.SIGTERM)
        assert process.wait(SAFETY_NET) == 0
    assert not Path(authority).exists()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this platform has no SIGHUP")
def test_a_hangup_loads_the_certificate_anew(run: Run, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    running = run(*TLS, "--cert-file", str(made.certificate), "--key-file", str(made.key), "-v")

    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", running.port))

    def wait_for_log(text: str) -> None:
        assert running.process.stderr is not None
        while text not in running.process.stderr.readline():
            pass

    before = shown()
    make_certificates(tmp_path)
    running.process.send_signal(signal.SIGHUP)
    wait_for_log("action=reload")
    after = shown()
    assert after != before
    made.key.write_text("no key")
    running.process.send_signal(signal.SIGHUP)
    wait_for_log("the previous certificate stays in use")
    assert shown() == after
    made.certificate.unlink()
    os.mkfifo(made.certificate)
    running.process.send_signal(signal.SIGHUP)
    assert shown() == after  # while nobody writes to it
    running.process.send_signal(signal.SIGHUP)
    wait_for_log("the previous certificate stays in use")
    assert shown() == after
    assert running.stop()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--cert-file", "x.pem"], "--cert-file and --key-file are for --enable-tls"),
        (["--enable-tls", "--key-file", "x.pem"], "--key-file goes with --cert-file"),
        (["--enable-tls", "--cert-file", "x.pem"], "x.pem can't be read"),
        (["--https-port", "0"], "--https-port and --redirect-http are for --enable-tls"),
        (["--no-redirect-http"], "--https-port and --redirect-http are for --enable-tls"),
        (["--enable-tls", "--cert-file", __file__], "there is no certificate, or no key"),
        (["--codecrafters-mode", "--directory", "absent"], "--directory absent is no directory"),
    ],
)
def test_unusable_options_are_usage_errors(
    arguments: list[str], problem: str, tmp_path: Path
) -> None:
    done = forks.run(HAMMS, "workbench", *arguments, cwd=tmp_path)
    assert (done.returncode, problem in done.stderr) == (2, True), done.stderr
