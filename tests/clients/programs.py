"""Clients that are programs: curl, in one process per call, and Node's two clients, which share a process."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar, Self, Unpack

import pytest

from tests.clients import raw
from tests.clients.outcomes import SAFETY_NET, Answer, CurlError, NodeError
from tests.clients.sessions import Body, How, Request, Session

NODE = Path(__file__).with_name("node.mjs")
NODE_WITH_FETCH = 18


@cache
def _find_curl() -> str | None:
    return shutil.which("curl")


@cache
def _find_node() -> str | None:
    found = shutil.which("node")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    return found if int(version.lstrip("v").partition(".")[0]) >= NODE_WITH_FETCH else None


def curl() -> str:
    """Return the path of curl; skip the test if curl is not installed."""
    return _find_curl() or pytest.skip("curl is not installed")


def node() -> str:
    """Return the path of a Node with fetch; skip the test if none is installed."""
    return _find_node() or pytest.skip(f"Node {NODE_WITH_FETCH} or newer is not installed")


@cache
def _codings_of_curl() -> frozenset[str]:
    version = subprocess.run([curl(), "--version"], capture_output=True, text=True).stdout
    features = {"libz": "gzip", "brotli": "br", "zstd": "zstd"}
    return frozenset(coding for feature, coding in features.items() if feature in version)


class CurlSession(Session):
    """curl in one process per call; only the URLs of one call share connections."""

    errors = (CurlError,)

    def __init__(self, **how: Unpack[How]) -> None:
        super().__init__(**how)
        self.decodes = _codings_of_curl()

    def perform(self, request: Request) -> Answer:
        given = ["--include", *self._body_options(request)]
        given += ["--head"] if request.method == "HEAD" else ["--request", request.method]
        given += ["--compressed"] if "Accept-Encoding" in request.fields else []
        given += ["--location"] if request.follow else []
        for name, value in request.fields.items():
            given += ["--header", f"{name}: {value}"]
        with self._running(*given, request.url, body=request.body) as process:
            assert process.stdout is not None
            octets = process.stdout.read()
        return _last_answer(octets, request.follow)

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        with self._running("--no-buffer", url) as process:
            assert isinstance(process.stdout, io.BufferedReader)
            yield iter(process.stdout.read1, b"")

    def get_in_a_row(self, urls: Iterable[str]) -> list[Answer]:
        with self._running("--include", *urls) as process:
            assert process.stdout is not None
            found = raw.messages(process.stdout.read())
        return [Answer(message.status, message.body, message.fields) for message in found]

    def close(self) -> None:
        """Do nothing: the connections ended with their process."""

    def _body_options(self, request: Request) -> list[str]:
        if request.body is None:
            return []
        if request.in_chunks:
            return ["--upload-file", "-"]
        return ["--data-binary", "@-"]

    @contextmanager
    def _running(self, *given: str, body: Body = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run curl until it exits.

        Raises:
            CurlError: curl failed.
        """
        trusted = [] if self.authority is None else ["--cacert", str(self.authority)]
        command = [curl(), "--silent", "--show-error", "--max-time", f"{self.timeout}", *trusted]
        if self.proxy:
            command += ["--proxy", self.proxy, "--noproxy", "", "--suppress-connect-headers"]
        command += ["--expect100-timeout", f"{SAFETY_NET}", *given]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            feeder = threading.Thread(target=_feed, args=(process, body))
            feeder.start()
            try:
                yield process
                assert process.stderr is not None
                problem = process.stderr.read().decode()
                code = process.wait(SAFETY_NET)
            finally:
                process.kill()
                feeder.join()
        if code:
            raise CurlError(code, problem)


def _feed(process: subprocess.Popen[bytes], body: Body) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stdin:
        for piece in [body or b""] if isinstance(body, bytes | None) else body:
            stdin.write(piece)
            stdin.flush()


def _last_answer(octets: bytes, follow: bool) -> Answer:
    """Return the final response; curl also writes the heads of interim responses and followed redirects."""
    while True:
        head, _, octets = octets.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        status = int(status_line.split()[1])
        is_followed = follow and 300 <= status < 400 and octets.startswith(b"HTTP/")
        if status >= 200 and not is_followed:
            pairs = (line.split(": ", 1) for line in lines)
            return Answer(status, octets, {name.lower(): value for name, value in pairs})


class NodeProcess:
    """A Node process that runs the commands of `node.mjs`; its fetch trusts ``authority``."""

    def __init__(self, authority: Path | None = None) -> None:
        pipe = subprocess.PIPE
        extra = {} if authority is None else {"NODE_EXTRA_CA_CERTS": str(authority)}
        self._process = subprocess.Popen(
            [node(), str(NODE)], stdin=pipe, stdout=pipe, env={**os.environ, **extra}
        )
        self._replies: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._writing = threading.Lock()
        self._ids = count(1)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def begin(self) -> int:
        """Return the id of a new exchange."""
        number = next(self._ids)
        self._replies[number] = SimpleQueue()
        return number

    def command(self, do: str, **more: object) -> None:
        assert self._process.stdin is not None
        line = json.dumps({"do": do, **more}).encode() + b"\n"
        with self._writing:
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def reply(self, number: int) -> dict[str, Any]:
        """Wait for the reply to an exchange's last command.

        Raises:
            NodeError: the command failed.
        """
        reply = self._replies[number].get(timeout=SAFETY_NET)
        if "code" in reply:
            raise NodeError(reply["code"], reply["message"], has_head=reply["head"])
        return reply

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join()
        self._process.wait(SAFETY_NET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                reply = json.loads(line)
                self._replies[reply["id"]].put(reply)


_processes: dict[Path | None, NodeProcess] = {}  # by the authority they trust
_sessions = count(1)


def shared_node(authority: Path | None = None) -> NodeProcess:
    """Return the process shared by the sessions that trust ``authority``; `close_shared_nodes` ends it."""
    if authority not in _processes:
        _processes[authority] = NodeProcess(authority)
    return _processes[authority]


def close_shared_nodes() -> None:
    while _processes:
        _processes.popitem()[1].close()


class NodeSession(Session):
    """One of Node's clients.

    Args:
        process: the Node process it runs in; by default a shared one.
    """

    by: ClassVar[str]
    errors = (NodeError,)
    proxies = False

    def __init__(self, process: NodeProcess | None = None, **how: Unpack[How]) -> None:
        super().__init__(**how)
        self._node = process or self._shared()
        self._number = next(_sessions)

    def _shared(self) -> NodeProcess:
        return shared_node()

    def perform(self, request: Request) -> Answer:
        number, head = self._begin(request)
        self._node.command("rest", id=number)
        return Answer(head["status"], b64decode(self._node.reply(number)["octets"]), head["fields"])

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        number, _ = self._begin(Request(method="GET", url=url))

        def read() -> bytes:
            self._node.command("read", id=number)
            return b64decode(self._node.reply(number)["octets"])

        yield iter(read, b"")

    def close(self) -> None:
        self._node.command("close", session=self._number)

    def _begin(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Send the request, its body as far as Node reads it; return the exchange's id and the response head."""
        number = self._node.begin()
        body = request.body
        self._node.command(
            "request",
            id=number,
            by=self.by,
            session=self._number,
            authority=self.authority and str(self.authority),
            method=request.method,
            url=request.url,
            fields=dict(request.fields),
            body=_encoded(body) if isinstance(body, bytes) else None,
            streams=request.in_chunks,
            follow=request.follow,
            timeout=self.timeout * 1000,
        )
        pieces = iter(()) if isinstance(body, bytes | None) else iter(body)
        while "wants" in (head := self._node.reply(number)):
            piece = next(pieces, b"")
            self._node.command("send", id=number, octets=_encoded(piece))
        return number, head


class FetchSession(NodeSession):
    """Node's fetch; the sessions of one process share its connections and the authority it trusts."""

    by = "fetch"
    decodes = frozenset(("gzip", "br"))
    keeps_after_head = False

    def _shared(self) -> NodeProcess:
        return shared_node(self.authority)


class NodeHttpSession(NodeSession):
    by = "http"
    follows = False


def _encoded(octets: bytes) -> str:
    return b64encode(octets).decode()
