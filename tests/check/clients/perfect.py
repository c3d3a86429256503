"""A line driver that does what a client owes, as far as its author knows: strict, bounded, and never twice.

It reads heads by the lab's own grammar, so a mode that it fails is either the mode's mistake or the check's.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
import zlib
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import brotli
import zstandard

from hamms_trio.wire.http1.response import ResponseHead, parse_response_head

MOST = 16 * 1024 * 1024  # octets of a body, decoded or not
HEAD_OCTETS = 64 * 1024
HOPS = 20
COOKIES = 50
SECRETS = {"authorization", "cookie", "proxy-authorization", "x-api-key"}
EXPECT_SECONDS = 0.2
ACCEPTED = "gzip, deflate, br, zstd"
AT_THE_END = 1 << 62


Place = tuple[str, int]
Fields = dict[str, str]
Received = tuple[int, list[tuple[str, str]], bytes]


class Failed(Exception):
    """The call failed."""


class Connection:
    """One connection, with the octets that were read and not used."""

    def __init__(self, host: str, port: int, deadline: float) -> None:
        self.deadline = deadline
        self.buffer = b""
        self.at = 0  # the first octet that is not used yet
        self.is_fresh = True
        self.unsent = b""  # of the request's body, since the answer came first
        self.is_over = False
        self.socket = _connected(host, port, deadline)

    def is_idle(self) -> bool:
        """Return True if nothing came unasked, the end included."""
        return not self.has_more() and not select.select([self.socket], [], [], 0)[0]

    def has_more(self) -> bool:
        return self.at < len(self.buffer)

    def left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Failed("timeout")
        return left

    def fill(self) -> bool:
        """Read more; False at the end."""
        if self.is_over:
            return False
        if not select.select([self.socket], [], [], self.left())[0]:
            raise Failed("timeout")
        data = self.socket.recv(65536)
        self.buffer, self.at = self.buffer[self.at :] + data, 0
        self.is_over = not data
        return bool(data)

    def until(self, mark: bytes, most: int) -> bytes:
        """Take all up to a mark, the mark included."""
        while (end := self.buffer.find(mark, self.at)) < 0:
            if len(self.buffer) - self.at > most:
                raise Failed("too long")
            if not self.fill():
                raise Failed("incomplete message")
        return self.take(end + len(mark) - self.at)

    def take(self, octets: int) -> bytes:
        taken = self.buffer[self.at : self.at + octets]
        self.at += len(taken)
        return taken

    def exactly(self, octets: int) -> bytes:
        pieces, missing = [], octets
        while missing:
            if not self.has_more() and not self.fill():
                raise Failed("incomplete body")
            pieces.append(self.take(missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)


class Client:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], Connection] = {}
        self.jar: dict[tuple[str, str], tuple[str, str]] = {}  # (host, name): (path, value)

    def call(self, wanted: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + wanted.get("timeout", 10.0)
        method, url = wanted["method"], wanted["url"]
        headers = {name.lower(): value for name, value in wanted.get("headers", {}).items()}
        body = b64decode(wanted["body_b64"]) if "body_b64" in wanted else None
        for _ in range(HOPS):
            status, fields, content = self.exchange(method, url, headers, body, deadline)
            location = next((value for name, value in fields if name == "location"), "")
            if status not in (300, 301, 302, 303, 307, 308) or not location:
                return {
                    "ok": True,
                    "status": status,
                    "headers": dict(fields),
                    "body_b64": b64encode(content).decode(),
                }
            there = _target(url, location)
            if urlsplit(there)[:2] != urlsplit(url)[:2]:
                headers = {name: value for name, value in headers.items() if name not in SECRETS}
            if status == 303 or (status in (301, 302) and method == "POST"):
                method, body = "GET", None
            url = there
        raise Failed("too many redirects")

    def exchange(
        self, method: str, url: str, headers: Fields, body: bytes | None, deadline: float
    ) -> Received:
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or 80)
        connection = self.kept.pop(place, None)
        if connection is not None and not connection.is_idle():
            connection.socket.close()
            connection = None
        if connection is None:
            connection = Connection(*place, deadline)
        connection.deadline = deadline
        try:
            return self.on(connection, place, method, parts, headers, body)
        except (Failed, OSError):
            connection.socket.close()
            if connection.is_fresh or connection.has_more() or method not in ("GET", "HEAD"):
                raise
            again = Connection(*place, deadline)  # a kept one that died may have read nothing
            try:
                return self.on(again, place, method, parts, headers, body)
            except BaseException:
                again.socket.close()
                raise

    def on(
        self,
        connection: Connection,
        place: Place,
        method: str,
        parts: SplitResult,
        headers: Fields,
        body: bytes | None,
    ) -> Received:
        self.send(connection, method, parts, headers, body)
        head, fields = _receive_head(connection, method)
        self.remember(place[0], parts.path, fields)
        redirects = head.status in (301, 302, 303, 307, 308)
        if redirects:
            content, ends = b"", head.has_body
        else:
            content = _receive_body(connection, head)
            ends = not head.persistent or connection.has_more()
            content = _decoded(content, fields)
        if connection.unsent and head.status < 400:
            _send_all(connection, connection.unsent)
            connection.unsent = b""
        if ends or connection.unsent or not head.persistent:
            connection.socket.close()
        else:
            connection.is_fresh = False
            self.kept[place] = connection
        return head.status, fields, content

    def send(
        self,
        connection: Connection,
        method: str,
        parts: SplitResult,
        headers: Fields,
        body: bytes | None,
    ) -> None:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Accept-Encoding: {ACCEPTED}")
        cookies = [
            f"{name}={value}"
            for (host, name), (path, value) in self.jar.items()
            if host == parts.hostname and (parts.path or "/").startswith(path)
        ]
        if cookies:
            lines.append("Cookie: " + "; ".join(cookies))
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        _send_all(connection, "\r\n".join([*lines, "", ""]).encode("latin-1"))
        connection.unsent = b""
        if body:
            if headers.get("expect") == "100-continue":
                select.select([connection.socket], [], [], min(EXPECT_SECONDS, connection.left()))
                if select.select([connection.socket], [], [], 0)[0]:
                    connection.fill()
                    if not connection.buffer.startswith(b"HTTP/1.1 100"):
                        connection.unsent = body
                        return
            connection.unsent = _send_unless_answered(connection, body)

    def remember(self, host: str, path: str, fields: list[tuple[str, str]]) -> None:
        for name, value in fields:
            if name != "set-cookie":
                continue
            pair, *attributes = value.split(";")
            key, equals, text = pair.partition("=")
            known = {}
            for attribute in attributes:
                own, _, given = attribute.partition("=")
                known[own.strip().lower()] = given.strip()
            domain = known.get("domain", "").lstrip(".").lower()
            if not equals or not key.strip() or "secure" in known or (domain and domain != host):
                continue
            if "max-age" in known or "expires" in known:
                continue  # it keeps cookies of this session alone
            if len(self.jar) < COOKIES:
                self.jar[host, key.strip()] = (known.get("path") or "/", text.strip())


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address that answers, the IPv4 ones first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    problem: Exception = Failed("no address")
    for family, kind, protocol, _, address in found:
        made = socket.socket(family, kind, protocol)
        made.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            made.connect(address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        except OSError as error:
            made.close()
            problem = error
    raise problem


def _send_all(connection: Connection, data: bytes) -> None:
    view = memoryview(data)
    while view:
        connection.socket.settimeout(connection.left())
        view = view[connection.socket.send(view) :]


def _send_unless_answered(connection: Connection, body: bytes) -> bytes:
    """Send a body; stop where an answer comes before its end, and return the rest."""
    view = memoryview(body)
    while view:
        readable, writable, _ = select.select(
            [connection.socket], [connection.socket], [], connection.left()
        )
        if readable:
            return bytes(view)
        if not writable:
            raise Failed("timeout")
        connection.socket.setblocking(False)
        with suppress(BlockingIOError):
            view = view[connection.socket.send(view[:65536]) :]
    return b""


def _receive_head(
    connection: Connection, method: str
) -> tuple[ResponseHead, list[tuple[str, str]]]:
    for _ in range(100):
        octets = connection.until(b"\r\n\r\n", HEAD_OCTETS)
        head = parse_response_head(octets, method)
        if head.status >= 200:
            text = octets.decode("latin-1").replace("\r\n ", " ").replace("\r\n\t", " ")
            lines = [line.partition(":") for line in text.split("\r\n")[1:] if line]
            return head, [(name.lower(), value.strip()) for name, _, value in lines]
    raise Failed("too many interim responses")


def _receive_body(connection: Connection, head: ResponseHead) -> bytes:
    if head.chunked:
        if b"gzip" in head.octets.lower().partition(b"transfer-encoding:")[2].partition(b"\r")[0]:
            raise Failed("a transfer coding besides chunked")
        return _receive_chunks(connection)
    if head.until_close:
        pieces, octets = [connection.take(AT_THE_END)], 0
        while connection.fill():
            pieces.append(connection.take(AT_THE_END))
            octets += len(pieces[-1])
            if octets > MOST:
                raise Failed("body too large")
        return b"".join(pieces)
    if head.content_length > MOST:
        raise Failed("body too large")
    return connection.exactly(head.content_length)


def _receive_chunks(connection: Connection) -> bytes:
    content = bytearray()
    while True:
        line = connection.until(b"\r\n", 4096)[:-2]
        digits, _, _extension = line.partition(b";")
        digits = digits.rstrip(b" \t")
        if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise Failed("no chunk size")
        if b"\n" in line or b"\r" in line:
            raise Failed("a bare line end")
        size = int(digits, 16)
        if not size:
            break
        if len(content) + size > MOST:
            raise Failed("body too large")
        content += connection.exactly(size)
        if connection.exactly(2) != b"\r\n":
            raise Failed("no end of a chunk")
    octets = 0
    while (line := connection.until(b"\r\n", HEAD_OCTETS)) != b"\r\n":
        octets += len(line)  # trailer fields are read and forgotten
        if octets > HEAD_OCTETS:
            raise Failed("too many trailer fields")
    return bytes(content)


def _decoded(content: bytes, fields: list[tuple[str, str]]) -> bytes:
    codings = [
        coding.strip().lower()
        for name, value in fields
        if name == "content-encoding"
        for coding in value.split(",")
    ]
    for coding in reversed([coding for coding in codings if coding]) if content else ():
        if coding not in DECODERS:
            raise Failed(f"unknown coding {coding}")
        content = DECODERS[coding](content)
    return content


def _gunzip(content: bytes) -> bytes:
    decoded = bytearray()
    members = 0
    while content:
        decoder = zlib.decompressobj(31)
        decoded += decoder.decompress(content, MOST - len(decoded) + 1)
        members += 1
        if len(decoded) > MOST or members > 1000:
            raise Failed("body too large")
        if not decoder.eof:
            raise Failed("incomplete gzip body")
        content = decoder.unused_data
    return bytes(decoded)


def _inflate(content: bytes) -> bytes:
    decoder = zlib.decompressobj(15)
    decoded = decoder.decompress(content, MOST + 1)
    if len(decoded) > MOST or not decoder.eof:
        raise Failed("incomplete or too large a deflate body")
    return decoded


def _unbrotli(content: bytes) -> bytes:
    decoder, decoded = brotli.Decompressor(), b""
    for at in range(0, len(content), 64):
        decoded += decoder.process(content[at : at + 64])
        if len(decoded) > MOST:
            raise Failed("body too large")
    if not decoder.is_finished():
        raise Failed("incomplete br body")
    return decoded


def _unzstd(content: bytes) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj()
    decoded = bytearray()
    for at in range(0, len(content), 64):
        if decoder.eof:
            raise Failed("octets behind the zstd body")
        decoded += decoder.decompress(content[at : at + 64])
        if len(decoded) > MOST:
            raise Failed("body too large")
    if not decoder.eof:
        raise Failed("incomplete zstd body")
    return bytes(decoded)


DECODERS = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


def _target(url: str, location: str) -> str:
    encoded = quote(location.encode("latin-1"), safe="!#$%&'()*+,/:;=?@[]~")
    there = urljoin(url, encoded)
    parts = urlsplit(there)
    if parts.scheme != "http" or not parts.hostname:
        raise Failed(f"no redirect to {there[:80]}")
    if any(not 33 <= ord(each) < 127 for each in location if ord(each) < 128):
        raise Failed("no URL")
    return there.partition("#")[0]


def main() -> None:
    client, session = Client(), None
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted["session"] != session:
            client, session = Client(), wanted["session"]
        try:
            outcome = client.call(wanted)
        except Exception as error:  # noqa: BLE001 # whatever goes wrong is the outcome
            outcome = {"ok": False, "error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps({"id": wanted["id"], **outcome}), flush=True)


main()
