"""Verdicts that are just: what no standard demands is no failure, and what one demands is not overlooked.

Each client here does one thing right or wrong, as some real client does.
"""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import zstandard

from hamms_trio.canary import canary
from hamms_trio.check.client import Answer
from hamms_trio.check.grading.compare import Likeness, compare
from hamms_trio.check.grading.fields import misdelivered_field
from hamms_trio.check.grading.sent import SentAnswer, read_sent
from hamms_trio.check.plan.calls import SECRET_FIELDS, Place, calls_for
from hamms_trio.check.plan.needs import Need
from tests.check.checks import checked, classes, command, function, python

NONCE = "5eed"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Response:
    """A response as a client returns it."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def received(url: str, timeout: float | None = None) -> bytes:
    """Send a request on a connection of its own, and return all that comes until the end."""
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or 80)
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with socket.create_connection(place, timeout=timeout) as connected:
        connected.sendall(request.encode())
        data = b""
        while piece := connected.recv(65536):
            data += piece
        return data


def by_http_client(url: str, timeout: float | None = None) -> Response:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return Response(answer.read(), answer.status, dict(answer.getheaders()))
    finally:
        connection.close()


def without_head(url: str, timeout: float) -> bytes:
    """Return what follows the head, however long the head is."""
    return received(url, timeout).partition(b"\r\n\r\n")[2]


def careful(url: str, timeout: float) -> bytes:
    """Decode one coding and leave others alone, take a 205 for empty, refuse a 304, and report no status."""
    response = by_http_client(url, timeout)
    if response.status == 304:
        raise ValueError("nothing asked for this")
    coding = response.headers.get("Content-Encoding")
    body = zlib.decompress(response.body, 31) if coding == "gzip" else response.body
    return b"" if response.status == 205 else body


def persistent(url: str, timeout: float) -> bytes:
    """Try three times, each time with the whole timeout, as clients with a budget of retries do."""
    for _ in range(2):
        try:
            return by_http_client(url, timeout).body
        except OSError:
            continue
    return by_http_client(url, timeout).body


def test_each_attempt_of_a_client_has_its_own_timeout() -> None:
    report = checked(function(persistent), "tcp-accept-hang", "tcp-syn-blackhole", "pace-byte")
    assert classes(report) == {
        "tcp-accept-hang": "ok",
        "tcp-syn-blackhole": "ok",
        "pace-byte": "hang",
    }
    assert report.modes["tcp-accept-hang"].evidence.endswith("It took 3 attempts.")
    assert report.inferred["timeout.read"].value == "0.5 s"
    assert report.inferred["timeout.connect"].value == "0.5 s"


def test_a_head_that_the_ledger_does_not_keep_is_no_wrong_body() -> None:
    report = checked(function(without_head), "head-1m", "head-10m", timeout=5.0)
    assert set(classes(report).values()) == {"ok"}


def test_a_forbidden_trailer_may_be_refused_but_not_merged() -> None:
    merged = Answer(ok=True, headers={"Content-Length": "5"})
    assert misdelivered_field("chunk-trailer-forbidden", merged)
    assert not misdelivered_field("chunk-trailer-forbidden", Answer(ok=True))


@pytest.mark.parametrize("slug", ["head-nul-value", "head-bare-cr", "head-obs-fold"])
@pytest.mark.parametrize(
    ("value", "is_wrong"),
    [
        ("a b", False),
        ("a  b", False),
        ("a", True),
        ("a\0b", True),
        ("a\rb", True),
        ("a\r\n b", True),
    ],
)
def test_a_value_is_delivered_with_spaces_for_what_must_not_stay(
    slug: str, value: str, is_wrong: bool
) -> None:
    is_another = {"\0": "head-nul-value", "\r": "head-bare-cr", "\n": "head-obs-fold"}
    fault = misdelivered_field(slug, Answer(ok=True, headers={"X-A": value}))
    own = [mode for octet, mode in is_another.items() if octet in value]
    if not own or slug in own:
        assert bool(fault) is is_wrong


def test_a_function_that_returns_fields_is_judged_by_them() -> None:
    report = checked(function(by_http_client), "head-nul-value", "head-obs-fold")
    assert classes(report) == {"head-nul-value": "lenient", "head-obs-fold": "lenient"}
    assert "NUL" in report.modes["head-nul-value"].evidence


def test_an_interim_response_is_no_answer() -> None:
    report = checked(function(by_http_client), "interim-102-slow", "interim-103")
    assert classes(report) == {"interim-102-slow": "truncated", "interim-103": "truncated"}
    assert "took status 103 for the answer" in report.modes["interim-103"].evidence


def test_half_a_frame_of_zstd_is_not_what_was_meant() -> None:
    coded = zstandard.ZstdCompressor().compress(canary(NONCE))
    half = coded[: len(coded) // 2]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\n\r\n"
    assert read_sent(head % len(coded) + coded, "GET", is_ended=False).body == canary(NONCE)
    assert read_sent(head % len(half) + half, "GET", is_ended=False).body is None


@pytest.mark.parametrize(
    ("sent", "body", "likeness"),
    [
        (SentAnswer(b"", b"text", b"text", 200), b"text", Likeness.EXACT),
        (SentAnswer(b"", canary(NONCE, 9000), None, 206), canary(NONCE, 9000), Likeness.PART),
        (SentAnswer(b"4\r\ntext\r\n"), b"4\r\nte", Likeness.OTHER),
        (SentAnswer(b"text", is_cut=True), b"te", Likeness.PART),
        (SentAnswer(canary(NONCE)), canary(NONCE, 5), Likeness.PART),
    ],
)
def test_a_body_is_called_what_it_is(sent: SentAnswer, body: bytes, likeness: Likeness) -> None:
    assert compare(Answer(ok=True, body=body, octets=len(body)), sent, NONCE)[0] is likeness


def test_what_no_standard_demands_is_no_failure() -> None:
    report = checked(function(careful), "coding-stacked", "status-205-body", "status-304-body")
    assert set(classes(report).values()) == {"ok"}


def test_a_part_is_not_called_the_whole() -> None:
    assert classes(checked(function(careful), "range-206-unasked")) == {
        "range-206-unasked": "truncated"
    }


def test_secrets_go_along_from_https_to_http() -> None:
    place = Place("https://localhost/", frozenset({Need.HEADERS}), None)
    assert calls_for("redirect-downgrade", place)[0].headers == SECRET_FIELDS


@pytest.mark.parametrize(("keys", "expected"), [("same", "ok"), ("new", "double-send")])
def test_a_post_may_be_sent_again_with_its_key(keys: str, expected: str) -> None:
    def client(url: str, timeout: float, method: str, body: bytes | None) -> bytes:
        for number in range(2):
            key = {"Idempotency-Key": "same" if keys == "same" else str(number)}
            request = urllib.request.Request(url, body, key if body else {}, method=method)
            try:
                with OPENER.open(request, timeout=timeout) as response:
                    content: bytes = response.read()
                    return content
            except urllib.error.HTTPError:
                continue
        raise OSError("no more tries")

    report = checked(function(client), "retry-non-idempotent")
    assert classes(report) == {"retry-non-idempotent": expected}


def test_a_reproduction_over_tls_names_an_authority_to_trust() -> None:
    curl = command("curl", "-sSf", "--cacert", "{ca}", "--max-time", "{timeout}", "{url}")
    mode = checked(curl, "tls-wrong-host").modes["tls-wrong-host"]
    assert mode.reproduce == "hamms-trio one tls-wrong-host --ca-dir hamms-ca"


@pytest.mark.parametrize(("wait", "expected"), [("select", "ok"), ("spin", "spins")])
def test_a_client_that_spins_while_it_waits_is_warned(wait: str, expected: str) -> None:
    code = (
        "import socket, sys, time\n"
        "host, port, timeout, wait = sys.argv[1:]\n"
        "end = time.monotonic() + float(timeout)\n"
        "s = socket.create_connection((host, int(port)))\n"
        "s.sendall(b'GET / HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "s.settimeout(0 if wait == 'spin' else float(timeout))\n"
        "data = b''\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        piece = s.recv(65536)\n"
        "    except BlockingIOError:\n"
        "        continue\n"
        "    if not piece:\n"
        "        break\n"
        "    data += piece\n"
        "else:\n"
        "    sys.exit('timeout')\n"
        "sys.stdout.buffer.write(data.partition(b'\\r\\n\\r\\n')[2])\n"
    )
    client = python(code, "{host}", "{port}", "{timeout}", wait)
    report = checked(client, "tcp-accept-hang", timeout=1.0)
    assert classes(report) == {"tcp-accept-hang": expected}


def with_entities(url: str, timeout: float) -> bytes:
    """Fetch what a document's external entities name, as an XML parser with unsafe settings does."""
    body = by_http_client(url, timeout).body
    for named in re.findall(rb'SYSTEM "([^"]+)"', body):
        by_http_client(named.decode(), timeout)
    return body


def test_an_external_entity_is_not_fetched() -> None:
    fetched = checked(function(with_entities), "xml-xxe", can=("xml",))
    assert classes(fetched) == {"xml-xxe": "leak"}
    assert classes(checked(function(careful), "xml-xxe", can=("xml",))) == {"xml-xxe": "ok"}
