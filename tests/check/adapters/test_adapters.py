"""The adapters: each client speaks the line protocol, or says why it is skipped."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hamms_trio import HammsServer
from hamms_trio.check.adapters import ADAPTERS, ClientMissing, UnknownClient, find, prepared
from hamms_trio.check.client import Command, Lines
from tests.ports import free_ports

ROOT = Path(__file__).parents[3]
PLACES = {
    "niquests": ROOT / ".venvs" / "niquests" / "bin" / "python",
    **dict.fromkeys(("undici", "axios", "got"), ROOT / "examples"),
}
PATIENCE = 60.0  # seconds
WHOLE = 64 * 1024  # octets of a canary
SENT = b"\x00\xffa body"
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "plain": "/events"}
BODIES = sorted(name for name, adapter in ADAPTERS.items() if adapter.runtime and not adapter.shape)
STREAMS = sorted(name for name, adapter in ADAPTERS.items() if adapter.shape)


@contextmanager
def present(name: str) -> Iterator[Command | Lines]:
    """Prepare a client, or skip the test where this machine does not have the client."""
    place = PLACES.get(name)
    try:
        with prepared(f"{name}={place}" if place and place.exists() else name) as client:
            yield client
    except ClientMissing as missing:
        pytest.skip(str(missing))


def ask(client: Command | Lines, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """Let one process answer all requests."""
    lines = "".join(
        json.dumps({"id": number, **each}) + "\n" for number, each in enumerate(requests)
    )
    done = subprocess.run(
        client.argv,
        input=lines,
        cwd=client.directory,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [outcome["id"] for outcome in outcomes] == list(range(len(requests)))
    return outcomes


@pytest.mark.parametrize("name", BODIES)
def test_a_driver_sends_the_request_of_its_line(
    name: str, hamms: HammsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where drivers are built
    kept, strange, post = (
        hamms.open(slug).url("/a?b=c") for slug in ("ok-keepalive", "cookie-garbage", "ok-upload")
    )
    fields = {"X-Told": 'with "quotes" {and} braces', "Content-Type": "text/plain"}
    requests: list[dict[str, Any]] = [
        {"url": kept},
        {"url": f"http://127.0.0.1:{free_ports(1)}/"},
        {"url": strange},
        {"method": "POST", "url": post, "headers": fields, "body_b64": b64encode(SENT).decode()},
        {"url": kept},
        {"url": kept, "session": "other"},
    ]
    with present(name) as client:
        outcomes = ask(client, *(request | {"timeout": 20} for request in requests))
        assert client.version
    assert not any(tmp_path.iterdir())
    assert [outcome["ok"] for outcome in outcomes] == [True, False, True, True, True, True]
    assert outcomes[1]["error"]
    assert {len(b64decode(outcome["body_b64"])) for outcome in outcomes if outcome["ok"]} == {WHOLE}
    (request,) = hamms.ledger.requests("ok-upload")
    assert (request.method, request.body) == ("POST", SENT)
    assert {name.lower(): value for name, value in request.fields}["x-told"] == fields["X-Told"]
    first, second, third = (
        request.connection.number for request in hamms.ledger.requests("ok-keepalive")
    )
    assert (first == second, second == third) == (name != "php", False)  # PHP keeps none


@pytest.mark.parametrize("name", STREAMS)
def test_a_reader_of_streams_delivers_their_text(name: str, hamms: HammsServer) -> None:
    adapter = ADAPTERS[name]
    url = hamms.open("llm-ok", nonce="n1").url(PATHS[adapter.shape])
    with present(name) as client:
        (outcome,) = ask(client, {"url": url, "timeout": 20})
    words = b64decode(outcome["body_b64"]).decode().split()
    assert words[:3] == ["t0", "t1", "t2"]
    assert words[-1] == "n1"


@pytest.mark.parametrize("name", ["curl", "wget"])
def test_a_command_has_the_placeholders_of_the_check(name: str) -> None:
    with present(name) as client:
        assert isinstance(client, Command)
        assert {"{url}", "{timeout}", "{header}"} <= set(client.argv)
        assert client.version


def test_a_missing_client_is_reported_with_its_install_command(tmp_path: Path) -> None:
    for name, install in (
        (f"requests={tmp_path}/python", "install Python"),
        (f"axios={tmp_path}", "npm install axios"),
        (f"got={tmp_path}/none", "node_modules"),
    ):
        with pytest.raises(ClientMissing, match=install), prepared(name):
            pass


def test_a_name_that_no_adapter_has_gets_a_suggestion() -> None:
    with pytest.raises(UnknownClient, match="did you mean requests"):
        find("request")
