"""A line driver that does everything wrong which a client can do wrong, each in its own way.

It ignores lengths, retries everything at once, has a timeout for each read alone (and a late one), keeps what it
has not read for the next answer, and takes every secret along.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import zlib
from base64 import b64decode, b64encode
from typing import Any, NoReturn
from urllib.parse import urlsplit
from urllib.request import urlopen

TRIES = 15
PATIENCE = 5.0  # times the timeout it is given


Received = tuple[int, dict[str, str], bytes]


class Client:
    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.place = ("", 0)
        self.rest = b""

    def call(self, wanted: dict[str, Any]) -> dict[str, Any]:
        wait = wanted.get("timeout", 1.0) * PATIENCE
        for number in range(TRIES):
            try:
                status, _, content = self.exchange(wanted, wanted["url"], wait)
            except TimeoutError:
                raise
            except OSError:
                if number == TRIES - 1:
                    raise
                continue
            if status >= 500 and number < TRIES - 1:
                self.close()
                continue
            return {"ok": True, "status": status, "body_b64": b64encode(content).decode()}
        raise OSError("no more tries")

    def exchange(self, wanted: dict[str, Any], url: str, wait: float, hops: int = 0) -> Received:
        parts = urlsplit(url)
        if parts.scheme == "file":
            return 200, {}, urlopen(url).read()
        place = (parts.hostname or "", parts.port or 80)
        if self.socket is None or place != self.place:
            self.close()
            self.socket, self.place = socket.create_connection(place, timeout=wait), place
        self.socket.settimeout(wait)
        body = b64decode(wanted["body_b64"]) if "body_b64" in wanted else b""
        lines = [
            f"{wanted['method']} {parts.path or '/'}?{parts.query} HTTP/1.1",
            f"Host: {parts.netloc}",
        ]
        lines += [f"{name}: {value}" for name, value in wanted.get("headers", {}).items()]
        lines.append("Accept-Encoding: gzip")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        try:
            self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return self.answer(wanted, url, wait, hops)
        except BaseException:
            self.close()
            raise

    def answer(self, wanted: dict[str, Any], url: str, wait: float, hops: int) -> Received:
        assert self.socket is not None
        data, self.rest = self.rest, b""
        while b"\n\r\n" not in data and b"\n\n" not in data:
            more = self.socket.recv(65536)
            if not more:
                if not data:
                    raise OSError("closed")
                break
            data += more
        head, _, data = (
            re.split(rb"(\r?\n\r?\n)", data, maxsplit=1) if b"\n" in data else (data, b"", b"")
        )
        line, *lines = head.decode("latin-1").splitlines() or [""]
        found = re.match(r"HTTP/1\.[01] (\d+)", line)
        status = int(found[1]) if found else 200
        if "HTTP/1.2" in line or status == 103:
            self.refuse(line)
        if status == 101:
            os.abort()
        fields = {n.lower(): v.strip() for n, _, v in (each.partition(":") for each in lines)}
        if status in (301, 302, 303, 307, 308) and hops < 200:
            self.close()
            location = fields.get("location", "")
            there = location if "://" in location else re.sub(r"(//[^/]*).*", r"\1" + location, url)
            return self.exchange(wanted, there, wait, hops + 1)
        if fields.get("content-length", "").isdigit() and "chunked" not in fields.get(
            "transfer-encoding", ""
        ):
            length = int(fields["content-length"])
            while len(data) < length and (more := self.socket.recv(65536)):
                data += more
            data, self.rest = data[:length], data[length:]
        else:
            chunked = "chunked" in fields.get("transfer-encoding", "")
            while not (chunked and data.endswith(b"0\r\n\r\n")) and (
                more := self.socket.recv(65536)
            ):
                data += more
        if "chunked" in fields.get("transfer-encoding", ""):
            data = unchunked(data)
        if fields.get("content-encoding") == "gzip":
            data = zlib.decompressobj(31).decompress(data)
        if fields.get("connection") != "keep-alive" and "content-length" not in fields:
            self.close()
        return status, fields, data

    def refuse(self, line: str) -> NoReturn:
        self.close()
        raise ValueError(f"odd: {line}")

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self.rest = None, b""


def unchunked(data: bytes) -> bytes:
    """Undo the coding, unless there is an extension, which it has never heard of."""
    content, rest = b"", data
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if b";" in size:
            return data
        content, rest = content + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return content


def main() -> None:
    client, session = Client(), None
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted["session"] != session:
            client.close()
            client, session = Client(), wanted["session"]
        try:
            outcome = client.call(wanted)
        except Exception as error:  # noqa: BLE001 # whatever goes wrong is the outcome
            client.close()
            outcome = {"ok": False, "error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps({"id": wanted["id"], **outcome}), flush=True)


main()
