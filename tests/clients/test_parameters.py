"""Parameters in the query, and content negotiation: accepted values, and the errors for bad ones."""

from __future__ import annotations

import csv
import html.parser
import json
from xml.etree import ElementTree

import pytest
import requests

from hamms_trio import HammsServer
from tests.clients import raw
from tests.clients.outcomes import SAFETY_NET

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("slug", "given", "least", "most"),
    [
        ("pace-first-byte", "sleep=abc", "0", "86400"),
        ("pace-first-byte", "sleep=-1", "0", "86400"),
        ("pace-first-byte", "sleep=nan", "0", "86400"),
        ("pace-first-byte", "sleep=inf", "0", "86400"),
        ("pace-first-byte", "sleep=", "0", "86400"),
        ("pace-byte", "interval=soon", "0", "86400"),
        ("pace-byte-slow", "interval=1e9", "0", "86400"),
        ("status", "status=99", "100", "999"),
        ("status", "status=1000", "100", "999"),
        ("status", "status=2e2", "100", "999"),
        ("head-size", f"size={64 * MEBIBYTE + 1}", "0", f"{64 * MEBIBYTE}"),
        ("retries", "tries=three", "0", "1000000"),
        ("tcp-drop-random", "failrate=2", "0", "1"),
        ("tcp-drop-random", "failrate=-0.1", "0", "1"),
        ("tcp-drop-random", "every=x", "0", "1000000"),
        ("tcp-drop-random", "seed=0.5", f"{-(2**63)}", f"{2**63 - 1}"),
        ("frame-cl-short-hang", "missing=0", "1", f"{64 * MEBIBYTE}"),
        ("frame-cl-short-fin", "missing=all", "1", f"{64 * MEBIBYTE}"),
    ],
)
def test_a_bad_parameter_gets_400_with_name_value_and_range(
    hamms: HammsServer, slug: str, given: str, least: str, most: str
) -> None:
    with requests.Session() as session:
        answer = session.get(f"{hamms.url(slug)}?{given}", timeout=SAFETY_NET)
        session.get(f"{hamms.url(slug)}?{given}", timeout=SAFETY_NET)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()["error"]
    assert given in problem
    assert f"from {least} to {most}" in problem
    assert len(hamms.ledger.connections(slug)) == 1


def test_unknown_names_in_the_query_are_ignored(hamms: HammsServer) -> None:
    url = f"{hamms.url('status')}?utm=1&status=404&status=503&x"

    assert requests.get(url, timeout=SAFETY_NET).status_code == 503


@pytest.mark.parametrize("size", [0, 1, 63 * 1024, 64 * 1024 + 1, 3 * MEBIBYTE])
def test_the_cookie_has_exactly_the_size_asked_for(hamms: HammsServer, size: int) -> None:
    request = f"GET /?size={size} HTTP/1.1\r\nHost: hamms\r\nConnection: close\r\n\r\n".encode()
    octets = raw.exchange(hamms.address("head-size"), request)
    (message,) = raw.messages(octets)

    assert message.status == 200
    assert len(message.fields["cookie"]) == size
    assert json.loads(message.body) == {"success": True}
    assert octets.endswith(message.body)


@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        (None, "text/morse"),
        ("*/*", "text/morse"),
        ("text/plain", "text/morse"),
        ("application/json", "text/morse"),
        ("text/*", "application/json"),
        ("text/morse", "application/json"),
        ("text/morse, application/json;q=0.5", "text/html"),
        ("text/*, application/*", "text/morse"),
        ("*/*, application/json;q=0", "application/json"),
        ("text/*;q=0.3, application/json, text/csv;q=0", "text/csv"),
        ("*/*;q=0", "text/morse"),
        ("*/*, text/html;q=0.000", "text/html"),
    ],
)
def test_the_media_type_is_one_the_client_did_not_accept(
    hamms: HammsServer, accept: str | None, sent: str
) -> None:
    answer = requests.get(
        hamms.url("type-not-accepted"), headers={"Accept": accept or ""}, timeout=SAFETY_NET
    )
    if accept is None:
        request = b"GET / HTTP/1.0\r\n\r\n"
        (message,) = raw.messages(raw.exchange(hamms.address("type-not-accepted"), request))
        assert message.fields["content-type"] == sent

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == sent


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        ([], "text/morse"),
        (["text/morse"], "application/json"),
        (["text/morse", "application/json"], "text/html"),
        (["text/morse", "application/json", "text/html"], "text/csv"),
    ],
)
def test_each_body_parses_as_its_media_type(
    hamms: HammsServer, refused: list[str], sent: str
) -> None:
    accept = ", ".join(refused) or "*/*"
    answer = requests.get(
        hamms.url("type-not-accepted"), headers={"Accept": accept}, timeout=SAFETY_NET
    )

    assert answer.headers["Content-Type"] == sent
    assert "not" in _read(sent, answer.text)


def _read(media_type: str, text: str) -> str:
    """Parse a text of this media type and return its message."""
    if media_type == "text/morse":
        return " ".join(map(_decode_morse, text.strip().split(" / ")))
    if media_type == "application/json":
        return str(json.loads(text)["message"])
    if media_type == "text/csv":
        return next(iter(csv.DictReader(text.splitlines())))["message"]
    parser = html.parser.HTMLParser()
    parser.feed(text)
    parser.close()
    return text.rpartition(">")[2]


def _decode_morse(word: str) -> str:
    letters = {"-.": "n", "---": "o", "-": "t"}
    return "".join(letters.get(sign, "?") for sign in word.split(" "))


@pytest.mark.parametrize(
    ("accept", "sent", "beginning"),
    [
        ("", "application/json", b'{"'),
        ("*/*", "application/json", b'{"'),
        ("application/json", "application/json", b'{"'),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html", b"<!DOCTYPE html>"),
        ("text/plain", "text/plain", b"the"),
        ("text/*;q=0.5, text/xml", "text/xml", b"<?xml"),
        ("application/json;q=0.1, text/plain;q=0.2", "text/plain", b"the"),
        ("application/json;q=0, text/*", "text/html", b"<!DOCTYPE html>"),
        ("image/png", "application/json", b'{"'),
    ],
)
def test_an_incomplete_body_has_the_media_type_accepted(
    hamms: HammsServer, accept: str, sent: str, beginning: bytes
) -> None:
    field = f"Accept: {accept}\r\n" if accept else ""
    request = f"GET /?missing=7 HTTP/1.1\r\nHost: hamms\r\n{field}\r\n".encode()
    octets = raw.exchange(hamms.address("frame-cl-short-fin"), request)
    head, _, body = octets.partition(b"\r\n\r\n")

    assert f"\r\nContent-Type: {sent}\r\n".encode() in head + b"\r\n"
    assert f"\r\nContent-Length: {len(body) + 7}\r\n".encode() in head + b"\r\n"
    assert body.startswith(beginning)
    with raw.connected(hamms.address("frame-cl-short-hang")) as sock:
        sock.sendall(request)
        hung = b""
        while len(hung) < len(octets):
            hung += sock.recv(4096)
    assert hung.partition(b"\r\n\r\n")[2] == body


def test_a_body_cut_short_does_not_parse(hamms: HammsServer) -> None:
    request = b"GET / HTTP/1.1\r\nHost: hamms\r\nAccept: text/xml\r\n\r\n"
    body = raw.exchange(hamms.address("frame-cl-short-fin"), request).partition(b"\r\n\r\n")[2]

    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(body)
