"""Clients that are programs: curl, a process for each call, and Node's two, many requests to a process."""

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
from typing import Any, ClassVar, Self

import pytest

from tests.clients import raw
from tests.clients.outcomes import SAFETY_NET, Answer, CurlError, NodeError
from tests.clients.sessions import Body, Request, Session

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
    """The path of curl; skips the test if there is none."""
    return _find_curl() or pytest.skip("curl is not installed")


def node() -> str:
    """The path of a Node that has fetch; skips the test if there is none."""
    return _find_node() or pytest.skip(f"Node {NODE_WITH_FETCH} or newer is not installed")


@cache
def _codings_of_curl() -> frozenset[str]:
    told = subprocess.run([curl(), "--version"], capture_output=True, text=True).stdout
    features = {"libz": "gzip", "brotli": "br", "zstd": "zstd"}
    return frozenset(coding for feature, coding in features.items() if feature in told)


class CurlSession(Session):
    """What a process has to itself; connections last from URL to URL of one call."""

    errors = (CurlError,)

    def __init__(self, *, timeout: float = SAFETY_NET, authority: Path | None = None) -> None:
        super().__init__(timeout=timeout, authority=authority)
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
        """Nothing is left of a process that has ended."""

    def _body_options(self, request: Request) -> list[str]:
        if request.body is None:
            return []
        if request.in_chunks:
            return ["--upload-file", "-"]
        return ["--data-binary", "@-"]

    @contextmanager
    def _running(self, *given: str, body: Body = None) -> Iterator[subprocess.Popen[bytes]]:
        """curl, until it has ended by itself.

        Raises:
            CurlError: it failed.
        """
        trusted = [] if self.authority is None else ["--cacert", str(self.authority)]
        command = [curl(), "--silent", "--show-error", "--max-time", f"{self.timeout}", *trusted]
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
    """What comes after interim responses, and those that were followed; curl writes the heads of all."""
    while True:
        head, _, octets = octets.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        status = int(status_line.split()[1])
        if status >= 200 and not (follow and 300 <= status < 400):
            pairs = (line.split(": ", 1) for line in lines)
            return Answer(status, octets, {name.lower(): value for name, value in pairs})


class NodeProcess:
    """A Node that does what `node.mjs` is told, until it is closed; ``authority`` is trusted by its fetch."""

    def __init__(self, authority: Path | None = None) -> None:
        pipe = subprocess.PIPE
        extra = {} if authority is None else {"NODE_EXTRA_CA_CERTS": str(authority)}
        self._process = subprocess.Popen(
            [node(), str(NODE)], stdin=pipe, stdout=pipe, env={**os.environ, **extra}
        )
        self._told: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._writing = threading.Lock()
        self._ids = count(1)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def begin(self) -> int:
        """The id of a new exchange."""
        number = next(self._ids)
        self._told[number] = SimpleQueue()
        return number

    def command(self, do: str, **more: object) -> None:
        assert self._process.stdin is not None
        line = json.dumps({"do": do, **more}).encode() + b"\n"
        with self._writing:
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def told(self, number: int) -> dict[str, Any]:
        """What comes of the last command of an exchange.

        Raises:
            NodeError: it failed.
        """
        told = self._told[number].get(timeout=SAFETY_NET)
        if "code" in told:
            raise NodeError(told["code"], told["message"], has_head=told["head"])
        return told

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
                told = json.loads(line)
                self._told[told["id"]].put(told)


_processes: dict[Path | None, NodeProcess] = {}  # by what they trust
_sessions = count(1)


def shared_node(authority: Path | None = None) -> NodeProcess:
    """One for all who trust the same; `close_shared_nodes` ends it."""
    if authority not in _processes:
        _processes[authority] = NodeProcess(authority)
    return _processes[authority]


def close_shared_nodes() -> None:
    while _processes:
        _processes.popitem()[1].close()


class NodeSession(Session):
    """One of Node's clients.

    Args:
        process: where it runs; one that is shared if none is given.
    """

    by: ClassVar[str]
    errors = (NodeError,)

    def __init__(
        self,
        *,
        timeout: float = SAFETY_NET,
        authority: Path | None = None,
        process: NodeProcess | None = None,
    ) -> None:
        super().__init__(timeout=timeout, authority=authority)
        self._node = process or self._shared()
        self._number = next(_sessions)

    def _shared(self) -> NodeProcess:
        return shared_node()

    def perform(self, request: Request) -> Answer:
        number, told = self._begin(request)
        self._node.command("rest", id=number)
        return Answer(told["status"], b64decode(self._node.told(number)["octets"]), told["fields"])

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        number, _ = self._begin(Request(method="GET", url=url))

        def read() -> bytes:
            self._node.command("read", id=number)
            return b64decode(self._node.told(number)["octets"])

        yield iter(read, b"")

    def close(self) -> None:
        self._node.command("close", session=self._number)

    def _begin(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Send it, as long as it is wanted; its id, and what the head of the response says."""
        number = self._node.begin()
        body = request.body
        self._node.command(
            "ask",
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
        while "wants" in (told := self._node.told(number)):
            piece = next(pieces, b"")
            self._node.command("send", id=number, octets=_encoded(piece))
        return number, told


class FetchSession(NodeSession):
    """All that run in one process share their connections; it trusts an authority from its start on."""

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
