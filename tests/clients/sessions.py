"""One class per HTTP client, all with the same interface, each with its own connection pool.

This module has Python's blocking clients; `event_loops` has the asynchronous ones, `programs` curl and Node's.
A timeout means what it means to the client: requests, httpx, urllib3 and http.client apply it to each read,
aiohttp, curl and Node to the whole exchange.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, TypedDict, Unpack
from urllib.parse import urlsplit

import httpx
import requests
import urllib3
from requests.adapters import HTTPAdapter

from tests.clients.outcomes import SAFETY_NET, Answer, Outcome, classify

PIECE = 64 * 1024  # octets of a body to read at once
POOL = 32  # connections to one host, for clients with a pool size

Body = bytes | Iterable[bytes] | None  # bytes are sent with a Content-Length, an iterable in chunks
Fields = Mapping[str, str]
NO_FIELDS: Fields = {}
ALL_CODINGS = frozenset(("gzip", "br", "zstd"))


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request for any client to send."""

    method: str
    url: str
    fields: Fields = field(default_factory=dict)
    body: Body = None
    follow: bool = False

    @property
    def in_chunks(self) -> bool:
        return not isinstance(self.body, bytes | None)

    @property
    def expects_continue(self) -> bool:
        return "Expect" in self.fields


class How(TypedDict, total=False):
    """Settings of a session.

    Attributes:
        timeout: seconds.
        authority: the PEM file of the authority to trust; None for the client's default.
        proxy: the URL of the proxy to ask; None for no proxy.
    """

    timeout: float
    authority: Path | None
    proxy: str | None


class Session(ABC):
    """A client and its connection pool; threads may share it.

    Attributes:
        errors: the exceptions that the client raises.
        decodes: the content codings that the client decodes.
        follows: True if the client can follow redirects.
        keeps_after_head: True if the client reuses a connection after HEAD, though some servers send a body.
        notices_ends: True if the client finds a closed connection in its pool before it reuses that.
        proxies: True if the client can be given a proxy.
    """

    decodes: frozenset[str] = frozenset()
    errors: ClassVar[tuple[type[BaseException], ...]]
    follows: ClassVar[bool] = True
    keeps_after_head: ClassVar[bool] = True
    notices_ends: ClassVar[bool] = True
    proxies: ClassVar[bool] = True

    def __init__(self, **how: Unpack[How]) -> None:
        self.timeout = how.get("timeout", SAFETY_NET)
        self.authority = how.get("authority")
        self.proxy = how.get("proxy")

    @abstractmethod
    def perform(self, request: Request) -> Answer:
        """Send one request, on a pooled connection if there is one.

        Raises:
            BaseException: one of ``errors``.
        """

    @abstractmethod
    def stream(self, url: str) -> AbstractContextManager[Iterator[bytes]]:
        """GET ``url`` and yield the content piece by piece, as the client hands it on."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    def request(
        self,
        method: str,
        url: str,
        body: Body = None,
        *,
        fields: Fields = NO_FIELDS,
        follow: bool = False,
    ) -> Answer:
        """Send one request (see `perform`)."""
        return self.perform(
            Request(method=method, url=url, fields=fields, body=body, follow=follow)
        )

    def get(self, url: str, fields: Fields = NO_FIELDS) -> Answer:
        return self.request("GET", url, fields=fields)

    def get_in_a_row(self, urls: Iterable[str]) -> list[Answer]:
        """GET the URLs one after the other."""
        return [self.get(url) for url in urls]

    def outcome(self, method: str, url: str, body: Body = None) -> Outcome:
        """Send one request and return the answer or the kind of failure."""
        try:
            return self.request(method, url, body)
        except self.errors as error:
            return classify(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class HttpClientSession(Session):
    """http.client, with one connection per host and thread, since it has no pool."""

    errors = (OSError, http.client.HTTPException)
    follows = False
    notices_ends = False

    def __init__(self, **how: Unpack[How]) -> None:
        super().__init__(**how)
        self._connections: dict[tuple[int, str], http.client.HTTPConnection] = {}

    def perform(self, request: Request) -> Answer:
        connection = self._connection(request.url)
        try:
            response = _begin(connection, request, to_proxy=self._is_for_proxy(request.url))
            return Answer(response.status, response.read(), lowered(response.getheaders()))
        except self.errors:
            connection.close()
            raise

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        response = _begin(self._connection(url), Request(method="GET", url=url))
        yield iter(response.read1, b"")

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _connection(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        key = threading.get_ident(), f"{parts.scheme}://{parts.netloc}"
        if key not in self._connections:
            place = urlsplit(self.proxy).netloc if self.proxy else parts.netloc
            self._connections[key] = made = (
                http.client.HTTPConnection(place, timeout=self.timeout)
                if parts.scheme == "http"
                else http.client.HTTPSConnection(
                    place, timeout=self.timeout, context=context(self.authority)
                )
            )
            if self.proxy and parts.scheme == "https":
                made.set_tunnel(parts.netloc)
        return self._connections[key]

    def _is_for_proxy(self, url: str) -> bool:
        return self.proxy is not None and url.startswith("http:")


@cache
def context(authority: Path | None) -> ssl.SSLContext:
    """Make the SSL context with which Python's clients verify certificates."""
    return ssl.create_default_context(cafile=authority)


def _begin(
    connection: http.client.HTTPConnection, request: Request, *, to_proxy: bool = False
) -> http.client.HTTPResponse:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = request.url if to_proxy else target
    fields = dict(request.fields)
    if request.in_chunks:
        fields["Transfer-Encoding"] = "chunked"
    connection.request(
        request.method, target, request.body, fields, encode_chunked=request.in_chunks
    )
    return connection.getresponse()


class Urllib3Session(Session):
    errors = (urllib3.exceptions.HTTPError,)
    decodes = ALL_CODINGS

    def __init__(self, **how: Unpack[How]) -> None:
        super().__init__(**how)
        trusted = self.authority and str(self.authority)
        shape: dict[str, Any] = {"timeout": self.timeout, "ca_certs": trusted, "maxsize": POOL}
        self._pool = (
            urllib3.ProxyManager(self.proxy, **shape)
            if self.proxy
            else urllib3.PoolManager(**shape)
        )

    def perform(self, request: Request) -> Answer:
        response = self._pool.request(
            request.method,
            request.url,
            headers=request.fields,
            body=request.body,
            retries=urllib3.Retry(connect=0, read=0, redirect=1) if request.follow else False,
        )
        return Answer(response.status, response.data, lowered(response.headers.items()))

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        response = self._pool.request("GET", url, preload_content=False, retries=False)
        yield response.stream(PIECE)
        response.release_conn()

    def close(self) -> None:
        self._pool.clear()


class RequestsSession(Session):
    errors = (requests.RequestException,)
    decodes = ALL_CODINGS

    def __init__(self, **how: Unpack[How]) -> None:
        super().__init__(**how)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = True if self.authority is None else str(self.authority)
        if self.proxy:
            self._session.proxies = {"http": self.proxy, "https": self.proxy}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=POOL))

    def perform(self, request: Request) -> Answer:
        response = self._session.request(
            request.method,
            request.url,
            data=request.body,
            headers=dict(request.fields),
            timeout=self.timeout,
            allow_redirects=request.follow,
        )
        return Answer(response.status_code, response.content, lowered(response.headers.items()))

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        with self._session.get(url, stream=True, timeout=self.timeout) as response:
            yield response.iter_content(PIECE)

    def close(self) -> None:
        self._session.close()


class HttpxSession(Session):
    errors = (httpx.TransportError,)
    decodes = ALL_CODINGS

    def __init__(self, **how: Unpack[How]) -> None:
        super().__init__(**how)
        self._client = httpx.Client(
            timeout=self.timeout, verify=context(self.authority), proxy=self.proxy
        )

    def perform(self, request: Request) -> Answer:
        response = self._client.request(
            request.method,
            request.url,
            headers=request.fields,
            content=request.body,
            follow_redirects=request.follow,
        )
        return Answer(response.status_code, response.content, lowered(response.headers.items()))

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        with self._client.stream("GET", url) as response:
            yield response.iter_bytes()

    def close(self) -> None:
        self._client.close()


def lowered(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in fields}
