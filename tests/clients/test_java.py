"""Java's own client and TLS that fails, in one run of the machine, since that takes long to start."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from shutil import which

import pytest

from hamms_trio import HammsServer
from hamms_trio.pki.trust import truststore, variables

PROGRAM = Path(__file__).with_name("Fates.java")
PATIENCE_MS = 4000
SAFETY_NET = 60.0
WHOLE = "answer 65536"
# The names of TLS modes, with the share of connections on which they strike, and what may become of a call.
FATES: list[tuple[str, float, str]] = [
    ("tls-expired", 1.0, "error"),
    ("tls-expired", 0.0, WHOLE),
    ("tls-self-signed", 1.0, "error"),
    ("tls-wrong-host", 1.0, "error"),
    ("tls-pathlen", 1.0, "error"),
    ("tls-pathlen", 0.0, WHOLE),
    ("tls-no-subject", 1.0, WHOLE),
    ("tls-eku-client-only", 1.0, "error"),
    ("tls13-only", 1.0, WHOLE),
    ("tls-hello-retry", 1.0, WHOLE),
    ("tls-alert", 1.0, "error"),
    ("tls-bad-mac", 1.0, "error"),
    ("tls-alpn-unoffered", 1.0, "error"),
    ("tls-truncation", 1.0, "answer 32768"),  # half of the body, taken for the whole
    ("tls-close-notify-no-fin", 1.0, f"timeout or {WHOLE}"),  # Java 17 waits for FIN
]


@pytest.mark.skipif(which("javac") is None, reason="no JDK is installed")
def test_java_refuses_hangs_or_accepts_as_the_table_says(tmp_path: Path) -> None:
    with HammsServer(beginning_port=0) as server, ExitStack() as doors:
        store = tmp_path / "root.p12"
        store.write_bytes(truststore(server.ca_pem.encode()))
        opened = [doors.enter_context(server.open(name, share=share)) for name, share, _ in FATES]
        urls = [f"https://localhost:{door.port}/" for door in opened]
        done = subprocess.run(
            ["java", "-XX:TieredStopAtLevel=1", str(PROGRAM), str(PATIENCE_MS), *urls],
            env={"PATH": os.environ["PATH"], **variables(tmp_path / "unused", store)},
            capture_output=True,
            text=True,
            timeout=SAFETY_NET,
            check=False,
        )

    fates = done.stdout.splitlines()
    assert len(fates) == len(FATES), done.stderr
    taken = {
        (name, share): fate
        for (name, share, allowed), fate in zip(FATES, fates, strict=True)
        if fate not in allowed.split(" or ")
    }
    assert taken == {}
