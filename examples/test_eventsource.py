"""Runs eventsource.test.mjs beside a server of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from hamms_trio import HammsServer

HERE = Path(__file__).parent


@pytest.mark.skipif(
    not (which("node") and (HERE / "node_modules" / "eventsource").exists()),
    reason="needs Node and, in examples/, npm install",
)
def test_an_event_source_in_node(hamms: HammsServer) -> None:
    host, port = hamms.address("path")
    ran = subprocess.run(
        ["node", "--test", str(HERE / "eventsource.test.mjs")],
        env={**os.environ, "HAMMS_URL": f"http://{host}:{port}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
