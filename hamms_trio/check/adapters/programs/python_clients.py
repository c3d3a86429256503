"""The line driver of Python's clients: ``python python_clients.py NAME``, or ``--version NAME``.

Each line of the standard input is a request and each line of the standard output its outcome, in JSON. The program
runs under the interpreter that has the client, which need not have hamms_trio, so its imports are the standard
library's, and those of the client.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from importlib import import_module, metadata
from typing import Any, NamedTuple
from urllib.parse import urlsplit

RETURNED_OCTETS = 4 * 1024 * 1024  # of a body, so that the memory of this program is its client's
EVENTS = {"Accept": "text/event-stream"}
MESSAGES: Any = [{"role": "user", "content": "hi"}]


class LineRequest(NamedTuple):
    """A request to send; without a timeout the client's default counts."""

    method: str
    url: str
    fields: dict[str, str]
    body: bytes | None
    timeout: float | None

    def with_timeout(self, name: str = "timeout") -> dict[str, Any]:
        """Return the timeout as an argument, if there is one."""
        return {} if self.timeout is None else {name: self.timeout}


class LineAnswer(NamedTuple):
    """A response as the client hands it to its user."""

    status: int
    fields: Iterable[tuple[str, str]]
    body: bytes


Send = Callable[[LineRequest], LineAnswer]


def by_requests() -> Send:
    return _by_session(import_module("requests").Session())


def by_niquests() -> Send:
    return _by_session(import_module("niquests").Session())


def _by_session(session: Any) -> Send:
    def send(request: LineRequest) -> LineAnswer:
        method, url, fields, body, _ = request
        answer = session.request(method, url, headers=fields, data=body, **request.with_timeout())
        return LineAnswer(answer.status_code, answer.headers.items(), answer.content or b"")

    return send


def by_httpx() -> Send:
    client = import_module("httpx").Client(follow_redirects=True)

    def send(request: LineRequest) -> LineAnswer:
        method, url, fields, body, _ = request
        answer = client.request(method, url, headers=fields, content=body, **request.with_timeout())
        return LineAnswer(answer.status_code, answer.headers.multi_items(), answer.content)

    return send


def by_aiohttp() -> Send:
    import asyncio

    aiohttp = import_module("aiohttp")
    runner = asyncio.Runner()
    session = runner.run(_opened(aiohttp.ClientSession))

    async def exchange(request: LineRequest) -> LineAnswer:
        method, url, fields, body, timeout = request
        limit = {} if timeout is None else {"timeout": aiohttp.ClientTimeout(total=timeout)}
        async with session.request(method, url, headers=fields, data=body, **limit) as answer:
            return LineAnswer(answer.status, answer.headers.items(), await answer.read())

    return lambda request: runner.run(exchange(request))


async def _opened(kind: Callable[[], Any]) -> Any:
    return kind()


def by_urllib3() -> Send:
    pool = import_module("urllib3").PoolManager()

    def send(request: LineRequest) -> LineAnswer:
        method, url, fields, body, _ = request
        answer = pool.request(method, url, headers=fields, body=body, **request.with_timeout())
        return LineAnswer(answer.status, answer.headers.items(), answer.data)

    return send


def by_http_client() -> Send:
    import http.client

    kept: dict[str, http.client.HTTPConnection] = {}

    def send(request: LineRequest) -> LineAnswer:
        parts = urlsplit(request.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        origin = f"{parts.scheme}://{parts.netloc}"
        connection = kept.pop(origin, None) or kind(parts.netloc, **request.with_timeout())
        with ExitStack() as if_it_fails:
            if_it_fails.callback(connection.close)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, target, request.body, request.fields)
            answer = connection.getresponse()
            answered = LineAnswer(answer.status, answer.getheaders(), answer.read())
            if_it_fails.pop_all()
        kept[origin] = connection
        return answered

    return send


def by_httplib2() -> Send:
    httplib2 = import_module("httplib2")
    kept: dict[float | None, Any] = {}  # by the timeout, which belongs to the whole object

    def send(request: LineRequest) -> LineAnswer:
        method, url, fields, body, timeout = request
        if timeout not in kept:
            kept[timeout] = httplib2.Http(timeout=timeout, ca_certs=os.environ.get("SSL_CERT_FILE"))
        answer, content = kept[timeout].request(url, method, body, fields)
        return LineAnswer(answer.status, answer.items(), content)

    return send


def by_pycurl() -> Send:
    pycurl = import_module("pycurl")
    handle = pycurl.Curl()

    def send(request: LineRequest) -> LineAnswer:
        method, url, fields, body, timeout = request
        lines: list[bytes] = []
        pieces: list[bytes] = []
        handle.reset()  # keeps the connections
        options = {
            pycurl.URL: url,
            pycurl.HTTPHEADER: [f"{name}: {value}" for name, value in fields.items()],
            pycurl.HEADERFUNCTION: lines.append,
            pycurl.WRITEFUNCTION: pieces.append,
            pycurl.FOLLOWLOCATION: True,
            pycurl.ACCEPT_ENCODING: "",  # all that this libcurl decodes
            pycurl.NOSIGNAL: True,
        }
        if timeout is not None:
            options[pycurl.TIMEOUT_MS] = int(timeout * 1000)
        if body is not None:
            options[pycurl.POSTFIELDS] = body
        if method == "HEAD":
            options[pycurl.NOBODY] = True
        elif method != ("GET" if body is None else "POST"):
            options[pycurl.CUSTOMREQUEST] = method
        if "SSL_CERT_FILE" in os.environ:
            options[pycurl.CAINFO] = os.environ["SSL_CERT_FILE"]
        for option, value in options.items():
            handle.setopt(option, value)
        handle.perform()
        return LineAnswer(
            handle.getinfo(pycurl.RESPONSE_CODE), _last_section(lines), b"".join(pieces)
        )

    return send


def _last_section(lines: list[bytes]) -> list[tuple[str, str]]:
    """Read the header section after the last status line, without the trailer section, which libcurl adds."""
    fields: list[tuple[str, str]] = []
    is_over = False
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if line.startswith(b"HTTP/"):
            fields.clear()
            is_over = False
        elif not line.strip():
            is_over = True
        elif colon and not is_over:
            fields.append((name, value.strip()))
    return fields


def by_openai() -> Send:
    openai = import_module("openai")

    def send(request: LineRequest) -> LineAnswer:
        url = request.url.partition("?")[0].removesuffix("/chat/completions").rstrip("/")
        base = url if url.endswith("/v1") else f"{url}/v1"
        with openai.OpenAI(base_url=base, api_key="any", **request.with_timeout()) as api:
            chunks = api.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            found = (chunk.choices[0].delta.content for chunk in chunks if chunk.choices)
            return _text(found)

    return send


def by_anthropic() -> Send:
    anthropic = import_module("anthropic")

    def send(request: LineRequest) -> LineAnswer:
        url = request.url.partition("?")[0].removesuffix("/v1/messages").rstrip("/")
        with anthropic.Anthropic(base_url=url, api_key="any", **request.with_timeout()) as api:
            events = api.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=True)
            deltas = (event.delta for event in events if event.type == "content_block_delta")
            return _text(delta.text for delta in deltas if delta.type == "text_delta")

    return send


def by_httpx_sse() -> Send:
    httpx, httpx_sse = import_module("httpx"), import_module("httpx_sse")
    client = httpx.Client(follow_redirects=True)

    def send(request: LineRequest) -> LineAnswer:
        method, url, fields, body, _ = request
        more = {"headers": {**fields, **EVENTS}, "content": body, **request.with_timeout()}
        with httpx_sse.connect_sse(client, method, url, **more) as source:
            answer = source.response
            if answer.status_code != 200:
                return LineAnswer(answer.status_code, answer.headers.multi_items(), answer.read())
            return _text(f"{event.data}\n" for event in source.iter_sse())

    return send


def _text(pieces: Iterable[str | None]) -> LineAnswer:
    """Collect the text of a stream, whose SDK keeps the status to itself."""
    return LineAnswer(200, (), "".join(piece or "" for piece in pieces).encode())


# By the client's name, the function that opens one, and the package whose errors are the client's own.
CLIENTS: dict[str, tuple[Callable[[], Send], str]] = {
    "requests": (by_requests, "requests"),
    "niquests": (by_niquests, "niquests"),
    "httpx": (by_httpx, "httpx"),
    "aiohttp": (by_aiohttp, "aiohttp"),
    "urllib3": (by_urllib3, "urllib3"),
    "http.client": (by_http_client, "http"),
    "httplib2": (by_httplib2, "httplib2"),
    "pycurl": (by_pycurl, "pycurl"),
    "openai": (by_openai, "openai"),
    "anthropic": (by_anthropic, "anthropic"),
    "httpx-sse": (by_httpx_sse, "httpx"),
}


def main(name: str, *, version: bool = False) -> None:
    """Print the version of a client, or answer each request of the standard input."""
    if version:
        print(_version(name))
        return
    lines, sys.stdout = sys.stdout, sys.stderr  # a client that prints spoils no line
    begin, package = CLIENTS[name]
    send, session = begin(), None
    for line in sys.stdin:
        command = json.loads(line)
        if command.get("session") != session:
            send, session = begin(), command.get("session")
        outcome = _outcome(send, package, command)
        print(json.dumps({"id": command["id"], **outcome}), file=lines, flush=True)


def _version(name: str) -> str:
    if name == "http.client":
        return f"Python {sys.version.split()[0]}"
    if name == "pycurl":
        return str(import_module("pycurl").version)  # with the library's
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        sys.exit(f"Error: the package {name} is not installed")


def _outcome(send: Send, package: str, command: dict[str, Any]) -> dict[str, Any]:
    """Send one request; return what the client reports, as members of the line."""
    body = command.get("body_b64")
    request = LineRequest(
        command.get("method", "GET"),
        command["url"],
        command.get("headers") or {},
        None if body is None else b64decode(body),
        command.get("timeout"),
    )
    try:
        status, fields, content = send(request)
    except Exception as error:  # noqa: BLE001 # a client may raise any kind; to say which is what this program is for
        text = _shown(f"{type(error).__name__}: {error}"[:500])
        return {"ok": False, "error": text, "foreign": _is_foreign(error, package)}
    return {
        "ok": True,
        "status": status,
        "headers": {name: _shown(value) for name, value in fields},
        "body_b64": b64encode(content[:RETURNED_OCTETS]).decode(),
        "octets": len(content),
    }


def _shown(text: str) -> str:
    """Return a text that UTF-8 can carry; some clients put octets that they can't decode into surrogates."""
    return text.encode("utf-8", "replace").decode()


def _is_foreign(error: Exception, package: str) -> bool:
    """Return True if users who catch the client's errors, and the system's, don't catch this one."""
    roots = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return package not in roots and not isinstance(error, OSError)


if __name__ == "__main__":
    main(sys.argv[-1], version=sys.argv[1] == "--version")
