"""The history as HAR 1.2, and HAR files as mocks (http://www.softwareishard.com/blog/har-12-spec/)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from hamms_trio.version import VERSION
from hamms_trio.wire import reason_phrase
from hamms_trio.workbench.mocks.model import SERVERS_FIELDS
from hamms_trio.workbench.routing.documents import (
    ROUTED_METHODS,
    Document,
    read_json,
    read_object,
    show,
)
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.turns import Turns

CODE = "invalid_har"
# The text in a HAR file is decoded already, and the other fields state facts about another server.
DROPPED = SERVERS_FIELDS | {
    "content-encoding",
    "date",
    "server",
    "alt-svc",
    "strict-transport-security",
}


async def har_of(documents: Iterable[bytes], *, origin: str, turns: Turns) -> bytes:
    """Write records as a HAR document; requests that could not be read have no entry.

    Args:
        documents: the records as JSON.
        origin: scheme, host and port of the workbench, for the URLs.
    """
    entries = await turns.map(lambda octets: _written(octets, origin), documents)
    creator = msgspec.json.encode({"name": "hamms-trio", "version": VERSION})
    listed = b",".join(filter(None, entries))
    return b'{"log":{"creator":%b,"entries":[%b],"version":"1.2"}}' % (creator, listed)


async def mocks_of(har: bytes, *, turns: Turns) -> tuple[list[Document], list[str]]:
    """Build mocks from a HAR document; among entries for the same request, the first one counts.

    Returns:
        The mocks as documents, and a sentence for everything that was dropped.

    Raises:
        Problem: 400 if the document is not HAR.
    """
    drafts = _Drafts()
    await turns.map(drafts.add, enumerate(_entries(har)))
    return list(drafts.mocks.values()), drafts.dropped


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Har(msgspec.Struct):
    log: _Log


def _entries(har: bytes) -> list[msgspec.Raw]:
    """Split a HAR document into its entries, each of which is read in a turn of its own."""
    try:
        return msgspec.json.decode(har, type=_Har).log.entries
    except (ValueError, RecursionError):
        read_object(har)  # raises the problem of a content that is not JSON, or no object
        raise Problem(400, CODE, "log.entries must be a list of HAR entries") from None


class _Drafts:
    """The mocks that the entries of a HAR document become.

    Attributes:
        mocks: by method, path and query.
        dropped: a sentence for everything that was dropped.
    """

    def __init__(self) -> None:
        self.mocks: dict[tuple[object, ...], Document] = {}
        self.dropped: list[str] = []

    def add(self, numbered: tuple[int, msgspec.Raw]) -> None:
        """Add the mock of one entry, unless an earlier entry has the same request.

        Raises:
            Problem: 400 if the entry is not JSON.
        """
        number, octets = numbered
        try:
            mock, lost = _mock(cast(Document, read_json(bytes(octets))))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.dropped.append(f"log.entries[{number}] is not an exchange: {error!r}")
            return
        claim = mock["method"], mock["path_pattern"], show(mock["query"])
        if mock["method"] not in ROUTED_METHODS:
            words = f"a mock can't have the method {show(mock['method'])}"
            self.dropped.append(f"log.entries[{number}]: {words}")
        elif claim in self.mocks:
            self.dropped.append(f"log.entries[{number}] repeats {claim[0]} {claim[1]}")
        else:
            self.mocks[claim] = mock
            self.dropped += [f"log.entries[{number}]: {words}" for words in lost]


def _written(octets: bytes, origin: str) -> bytes:
    """Write one record as an entry; no octets if its request could not be read."""
    record = msgspec.json.decode(octets, type=dict[str, object])
    return (
        msgspec.json.encode(_entry(record, origin), order="sorted")
        if record["replay_input"]
        else b""
    )


def _entry(record: Document, origin: str) -> Document:
    asked = cast(Document, record["replay_input"])
    answer = cast(Document, record.get("response", {}))
    target, latency = str(asked["raw_target"]), record["latency_ms"]
    status = cast(int, record["status"])
    response_type = _headers(answer).get("content-type", "application/octet-stream")
    return {
        "startedDateTime": record["ts"],
        "time": latency,
        "request": {
            "method": record["method"],
            "url": f"{origin}{target}",
            "httpVersion": asked["http_version"],
            "cookies": [],
            "headers": _pairs(_headers(asked)),
            "queryString": [
                {"name": name, "value": value}
                for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True)
            ],
            "headersSize": -1,
            "bodySize": -1,
            **_post_data(asked),
        },
        "response": {
            "status": status,
            "statusText": reason_phrase(status),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(_headers(answer)),
            "content": {
                "size": len(str(answer.get("body", ""))),
                "mimeType": response_type,
                **_text(answer),
            },
            "redirectURL": _headers(answer).get("location", ""),
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": latency, "receive": 0},
        "_request_id": record["request_id"],
    }


def _headers(message: Document) -> dict[str, str]:
    return cast("dict[str, str]", message.get("headers", {}))


def _pairs(headers: dict[str, str]) -> list[Document]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _post_data(asked: Document) -> Document:
    if not asked.get("body"):
        return {}
    mime = _headers(asked).get("content-type", "application/octet-stream")
    return {"postData": {"mimeType": mime, **_text(asked)}}


def _text(message: Document) -> Document:
    text: Document = {"text": message.get("body", "")}
    if "body_encoding" in message:
        text["encoding"] = message["body_encoding"]
    return text


def _mock(entry: Document) -> tuple[Document, list[str]]:
    """Return a mock from one entry, and the parts of it that were dropped."""
    request, response = cast(Document, entry["request"]), cast(Document, entry["response"])
    url = urlsplit(str(request["url"]))
    lost: list[str] = []
    headers: dict[str, str] = {}
    for field in cast("list[Document]", response.get("headers", [])):
        name, value = str(field["name"]), str(field["value"])
        if name.lower() in DROPPED or name.startswith(":"):
            continue
        if name in headers:
            lost.append(f"a second {name} was dropped")
        headers.setdefault(name, value)
    content = cast(Document, response.get("content", {}))
    text = str(content.get("text", ""))
    if content.get("encoding") == "base64":
        try:
            text = b64decode(text, validate=True).decode()
        except UnicodeDecodeError:
            text = ""
            lost.append("the body is not text and was dropped")
    mock: Document = {
        "method": str(request["method"]).upper(),
        "path_pattern": url.path or "/",
        "status": response["status"],
        "headers": headers,
        "body": text,
        "query": dict(parse_qsl(url.query, keep_blank_values=True)),
    }
    if not any(name.lower() == "content-type" for name in headers):
        mock["content_type"] = str(content.get("mimeType") or "application/octet-stream")
    return mock, lost
