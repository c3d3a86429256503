"""Every status code, with the framing and the fields that it requires."""

from __future__ import annotations

import http.client
import json
import subprocess
from pathlib import Path

import h11
import httpx
import pytest
import requests

from hamms_trio import HammsServer
from tests.clients import raw
from tests.clients.adapters import CLIENTS, fetch
from tests.clients.outcomes import SAFETY_NET, Answer
from tests.clients.programs import curl

WITHOUT_BODY = (204, 205, 304)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_one_connection_carries_every_status_in_turn(hamms: HammsServer, method: str) -> None:
    connection = http.client.HTTPConnection(*hamms.address("status"), timeout=SAFETY_NET)
    for status in range(200, 600):
        connection.request(method, f"/?status={status}", body=b"x" if method == "POST" else None)
        response = connection.getresponse()
        body = response.read()
        has_body = status not in WITHOUT_BODY and method != "HEAD"

        assert response.status == status
        assert bool(body) is has_body
        assert (response.getheader("Content-Length") is None) is (status in (204, 304))
        assert not has_body or json.loads(body)["status"] == status
    connection.close()

    assert len(hamms.ledger.requests("status")) == 400
    assert len(hamms.ledger.connections("status")) == 1


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [200, 205, 304, 404, 429, 500, 599])
def test_each_client_understands_the_status(hamms: HammsServer, client: str, status: int) -> None:
    answer = CLIENTS[client](hamms.url("status", status=status), SAFETY_NET)

    assert isinstance(answer, Answer)
    assert answer.status == status
    assert bool(answer.body) is (status not in WITHOUT_BODY)


@pytest.mark.parametrize("status", [600, 799, 999])
def test_statuses_above_599_are_sent(hamms: HammsServer, status: int) -> None:
    assert CLIENTS["http.client"](hamms.url("status", status=status), SAFETY_NET) == Answer(
        status, json.dumps({"status": status, "reason": "", "success": False}).encode()
    )


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (201, "Location", "/?status=200"),
        (401, "WWW-Authenticate", "Basic "),
        (405, "Allow", ""),
        (407, "Proxy-Authenticate", "Basic "),
        (416, "Content-Range", "bytes */"),
        (426, "Upgrade", ""),
        (429, "Retry-After", "1"),
        (503, "Retry-After", "1"),
    ],
)
def test_a_status_comes_with_the_field_it_needs(
    hamms: HammsServer, status: int, name: str, value: str
) -> None:
    answer = requests.get(hamms.url("status", status=status), timeout=SAFETY_NET)

    assert answer.headers[name].startswith(value)
    assert answer.headers["Server"].startswith("Hamms/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_to_a_200(hamms: HammsServer, status: int) -> None:
    answer = requests.get(hamms.url("status", status=status), timeout=SAFETY_NET)

    assert answer.status_code == 200
    assert [passed.status_code for passed in answer.history] == [status]


@pytest.mark.parametrize("status", [100, 102, 103, 104, 150, 199])
def test_an_interim_response_is_followed_by_a_200(hamms: HammsServer, status: int) -> None:
    ours = h11.Connection(h11.CLIENT)
    events: list[object] = []
    with raw.connected(hamms.address("status")) as sock:
        request = h11.Request(
            method="GET", target=f"/?status={status}", headers=[("Host", "hamms")]
        )
        sock.sendall((ours.send(request) or b"") + (ours.send(h11.EndOfMessage()) or b""))
        while not events or not isinstance(events[-1], h11.EndOfMessage):
            event = ours.next_event()
            if event is h11.NEED_DATA:
                ours.receive_data(sock.recv(4096))
            else:
                events.append(event)

    interim, final = events[:2]
    assert isinstance(interim, h11.InformationalResponse)
    assert isinstance(final, h11.Response)
    assert (interim.status_code, final.status_code) == (status, 200)


def test_httpx_skips_early_hints(hamms: HammsServer) -> None:
    with httpx.Client(timeout=SAFETY_NET) as client:
        answers = [client.get(hamms.url("status", status=status)) for status in (103, 404, 103)]

    assert [answer.status_code for answer in answers] == [200, 404, 200]
    assert len(hamms.ledger.connections("status")) == 1


def test_switching_protocols_ends_http_on_the_connection(hamms: HammsServer) -> None:
    request = b"GET /?status=101 HTTP/1.1\r\nHost: hamms\r\n\r\n"
    (message,) = raw.messages(raw.exchange(hamms.address("status"), request))

    assert message.status == 101
    assert message.fields["connection"] == "upgrade"


@pytest.mark.parametrize(
    "slug", ["status", "retries", "head-size", "pace-first-byte", "type-not-accepted"]
)
def test_head_gets_the_content_length_and_no_body(hamms: HammsServer, slug: str) -> None:
    parameters = {"sleep": 0} if slug == "pace-first-byte" else {}
    url = hamms.url(slug, "/", **parameters)
    with requests.Session() as session:
        heads = [session.head(url, timeout=SAFETY_NET) for _ in range(3)]

    assert {head.content for head in heads} == {b""}
    assert all(int(head.headers["Content-Length"]) > 0 for head in heads)
    assert len(hamms.ledger.connections(slug)) == 1


def test_fetch_gets_the_answer_to_head(hamms: HammsServer) -> None:
    assert fetch(hamms.url("status", status=404), SAFETY_NET, "HEAD") == Answer(404, b"")


@pytest.mark.parametrize("slug", ["status", "retries", "type-not-accepted"])
def test_curl_sends_a_large_body_after_100_continue(
    hamms: HammsServer, tmp_path: Path, slug: str
) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"x" * 3 * 1024 * 1024)
    command = [curl(), "--silent", "--max-time", f"{SAFETY_NET}"]
    command += ["--header", "Expect: 100-continue", "--data-binary", f"@{body}"]
    written = ["--output", "-", "--write-out", "\n%{http_code} %{exitcode}", hamms.url(slug)]
    done = subprocess.run([*command, *written], capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == f"{500 if slug == 'retries' else 200} 0"


def test_a_form_post_that_expects_100_gets_it(hamms: HammsServer) -> None:
    head = (
        b"POST /counters HTTP/1.1\r\nHost: hamms\r\nContent-Length: 7\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Connection: close\r\nExpect: 100-continue\r\n\r\n"
    )
    with raw.connected(hamms.address("retries")) as sock:
        sock.sendall(head)
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"tries=7")
        (message,) = raw.messages(raw.receive_all(sock))

    assert message.status == 200
    assert json.loads(message.body)["tries_remaining"] == 7
