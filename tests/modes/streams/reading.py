"""A strict reader of event streams, and a raw client that says how a body ended."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass, field

from tests.clients.outcomes import SAFETY_NET

Address = tuple[str, int]


@dataclass
class Received:
    """One event as a correct client dispatches it."""

    type: str
    data: str
    last_event_id: str


@dataclass
class EventSource:
    """A reader of WHATWG HTML §9.2.6, line by line as it is written there; for whole streams."""

    events: list[Received] = field(default_factory=list)
    last_event_id: str = ""
    retry: int | None = None

    def read(self, octets: bytes) -> EventSource:
        text = octets.decode("utf-8", "replace").removeprefix("\ufeff")
        lines = re.split("\r\n|\n|\r", text)
        self._data, self._type, self._id = "", "", self.last_event_id
        for line in lines[:-1]:  # what follows the last line end is incomplete, and discarded
            if not line:
                self._dispatch()
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                self._process(name, value.removeprefix(" "))
        return self

    def _process(self, name: str, value: str) -> None:
        if name == "event":
            self._type = value
        elif name == "data":
            self._data += value + "\n"
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            self.retry = int(value)

    def _dispatch(self) -> None:
        self.last_event_id = self._id
        if self._data:
            data = self._data.removesuffix("\n")
            self.events.append(Received(self._type or "message", data, self._id))
        self._data, self._type = "", ""


def texts(octets: bytes) -> list[str]:
    """Return the data of each event."""
    return [event.data for event in EventSource().read(octets).events]


def values(octets: bytes) -> list[dict[str, object]]:
    """Return the data of each event that is JSON."""
    return [json.loads(data) for data in texts(octets) if data != "[DONE]"]


@dataclass
class Answer:
    """One response as it came over the wire.

    Attributes:
        fields: by lower-case name.
        chunks: the body's chunks, or the body itself if it is framed otherwise.
        ending: ``complete`` (the framing says so), ``fin`` or ``rst``.
    """

    status: int
    fields: dict[str, str]
    chunks: list[bytes]
    ending: str

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def ask(
    address: Address,
    target: str,
    body: bytes | None = None,
    *,
    method: str = "",
    version: str = "1.1",
    **fields: str,
) -> Answer:
    """Send one request and read the answer to its end."""
    method = method or ("GET" if body is None else "POST")
    lines = [f"{method} {target} HTTP/{version}", "Host: hamms.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    request = "\r\n".join([*lines, "", ""]).encode() + (body or b"")
    with socket.create_connection(address, timeout=SAFETY_NET) as sock:
        sock.sendall(request)
        return _receive(sock, method)


def _receive(sock: socket.socket, method: str) -> Answer:
    octets, ending = b"", ""
    while True:
        answer = _parse(octets, method)
        if ending or (answer and answer.ending == "complete"):
            break
        try:
            piece = sock.recv(65536)
            ending = "" if piece else "fin"
        except ConnectionResetError:
            piece, ending = b"", "rst"
        octets += piece
    if answer is None:
        return Answer(0, {}, [octets] if octets else [], ending)
    answer.ending = answer.ending or ending
    return answer


def _parse(octets: bytes, method: str) -> Answer | None:
    head, end, rest = octets.partition(b"\r\n\r\n")
    if not end:
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    answer = Answer(int(status_line.split(" ")[1]), fields, [], "")
    if method == "HEAD" or answer.status in (204, 304):
        answer.ending = "complete"
    elif fields.get("transfer-encoding") == "chunked":
        while match := re.match(rb"([0-9a-f]+)\r\n", rest):
            size, at = int(match[1], 16), match.end()
            if len(rest) < at + size + 2:
                break
            if not size:
                answer.ending = "complete"
                break
            assert rest[at + size : at + size + 2] == b"\r\n"
            answer.chunks.append(rest[at : at + size])
            rest = rest[at + size + 2 :]
    else:
        answer.chunks = [rest] if rest else []
        if len(rest) >= int(fields.get("content-length", "-1")) >= 0:
            answer.ending = "complete"
    return answer
