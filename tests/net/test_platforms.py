"""Platforms without Linux's epoll, timerfd, sendfile and fcntl."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from hamms_trio.errors import HubUnavailable
from hamms_trio.net.hubs.hub import CHOICE, open_hub


def test_server_and_load_work_without_linux_system_calls() -> None:
    """Run a child process without epoll, timerfd, sendfile, fcntl and TCP_CONGESTION."""
    script = textwrap.dedent("""
        import os, select, socket, sys, types
        import trio  # trio itself keeps its epoll
        import netsplode

        elsewhere = types.ModuleType("select")
        vars(elsewhere).update({n: v for n, v in vars(select).items() if "epoll" not in n.lower()})
        sys.modules["select"] = elsewhere
        sys.modules["fcntl"] = None
        del os.sendfile, os.preadv, socket.TCP_CONGESTION

        from hamms_trio import HammsServer
        from hamms_trio.load.generate import generate
        from hamms_trio.load.plan import Plan
        from hamms_trio.load.plan.request import make_request
        from hamms_trio.load.plan.target import parse_url

        with HammsServer(beginning_port=0) as server:
            url = parse_url(server.url("status"))
            plan = Plan(concurrency=2, requests=10, duration=30.0)
            result = trio.run(generate, url, make_request(url), plan)
            assert result.outcome.tally.statuses == {200: 10}, result
        assert "hamms_trio.net.hubs.trio_hub" in sys.modules
        assert "hamms_trio.net.hubs.alarm" not in sys.modules
        import hamms_trio.http.serving.server
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_environment_chooses_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "trio")
    assert type(open_hub()).__name__ == "TrioHub"
    monkeypatch.setenv(CHOICE, "kqueue")
    with pytest.raises(HubUnavailable, match="there is no hub 'kqueue': choose epoll or trio"):
        open_hub()
    assert type(open_hub("trio")).__name__ == "TrioHub"  # an argument overrides the environment
