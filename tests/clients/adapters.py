"""Each HTTP client as one function: a GET with a timeout, and what its user is told about it.

Timeouts are used as each client means them: requests, httpx, urllib3 and http.client count from read to
read, aiohttp, curl and fetch over the whole exchange.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import trio
import urllib3

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long
FETCH = Path(__file__).with_name("fetch.mjs")
NODE_WITH_FETCH = 18


class Failure(Enum):
    """What a user is told instead of an answer."""

    REFUSED = "nobody listens there"
    CLOSED = "the connection ended before an answer"
    RESET = "the connection was reset"
    PROTOCOL = "what came is not HTTP, or more of it than is borne"
    TIMEOUT = "it took too long"
    INCOMPLETE = "the body is shorter than declared"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Outcome = Failure | Answer
Get = Callable[[str, float], Outcome]


def get_by_http_client(url: str, timeout: float) -> Outcome:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        return _classify(error)
    finally:
        connection.close()


def get_by_urllib3(url: str, timeout: float) -> Outcome:
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        try:
            response = pool.request("GET", url)
            return Answer(response.status, response.data)
        except urllib3.exceptions.HTTPError as error:
            return _classify(error)


def get_by_requests(url: str, timeout: float) -> Outcome:
    with requests.Session() as session:
        try:
            response = session.get(url, timeout=timeout, allow_redirects=False)
            return Answer(response.status_code, response.content)
        except requests.RequestException as error:
            return _classify(error)


def get_by_httpx(url: str, timeout: float) -> Outcome:
    with httpx.Client(timeout=timeout) as client:
        try:
            response = client.get(url)
            return Answer(response.status_code, response.content)
        except httpx.TransportError as error:
            return _classify(error)


def get_by_httpx_in_trio(url: str, timeout: float) -> Outcome:
    async def get() -> Outcome:
        async with httpx.AsyncClient(timeout=timeout) as client:
            try:
                response = await client.get(url)
                return Answer(response.status_code, response.content)
            except httpx.TransportError as error:
                return _classify(error)

    return trio.run(get)


def get_by_aiohttp(url: str, timeout: float) -> Outcome:
    async def get() -> Outcome:
        limit = aiohttp.ClientTimeout(total=timeout)
        async with aiohttp.ClientSession(timeout=limit) as session:
            try:
                async with session.get(url, allow_redirects=False) as response:
                    return Answer(response.status, await response.read())
            except (aiohttp.ClientError, TimeoutError) as error:
                return _classify(error)

    return asyncio.run(get())


# https://curl.se/libcurl/c/libcurl-errors.html
CURL_EXITS = {
    1: Failure.PROTOCOL,  # HTTP/0.9 is not allowed
    7: Failure.REFUSED,
    8: Failure.PROTOCOL,
    18: Failure.INCOMPLETE,
    27: Failure.PROTOCOL,  # the head is too large; since 8.6 it is 100
    28: Failure.TIMEOUT,
    52: Failure.CLOSED,
    56: Failure.RESET,
    100: Failure.PROTOCOL,
}


def get_by_curl(url: str, timeout: float) -> Outcome:
    given = ["--silent", "--include", "--max-time", f"{timeout}", url]
    done = subprocess.run([curl(), *given], capture_output=True, timeout=SAFETY_NET)
    if done.returncode:
        return CURL_EXITS[done.returncode]
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), body)


def get_by_fetch(url: str, timeout: float) -> Outcome:
    told = fetch(url, timeout)
    if "status" in told:
        return Answer(int(str(told["status"])), str(told["body"]).encode())
    return _classify_fetch(str(told["code"]), has_head=bool(told["head"]))


def fetch(url: str, timeout: float, method: str = "GET") -> dict[str, object]:
    """What fetch.mjs tells: status and body, or an error's code and whether a head had come."""
    command = [node(), str(FETCH), url, f"{timeout * 1000:.0f}", method]
    done = subprocess.run(command, capture_output=True, timeout=SAFETY_NET, check=True)
    told: dict[str, object] = json.loads(done.stdout)
    return told


CLIENTS: dict[str, Get] = {
    "http.client": get_by_http_client,
    "urllib3": get_by_urllib3,
    "requests": get_by_requests,
    "httpx": get_by_httpx,
    "httpx in trio": get_by_httpx_in_trio,
    "aiohttp": get_by_aiohttp,
    "curl": get_by_curl,
    "fetch": get_by_fetch,
}


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


# The first cause that is one of these says what happened. Order matters: a subclass stands before its base.
_TOLD: list[tuple[type[BaseException], Failure]] = [
    (ConnectionRefusedError, Failure.REFUSED),
    (http.client.RemoteDisconnected, Failure.CLOSED),
    (aiohttp.ServerDisconnectedError, Failure.CLOSED),
    (ConnectionResetError, Failure.RESET),
    (TimeoutError, Failure.TIMEOUT),
    (urllib3.exceptions.TimeoutError, Failure.TIMEOUT),
    (httpx.TimeoutException, Failure.TIMEOUT),
    (http.client.IncompleteRead, Failure.INCOMPLETE),
    (aiohttp.ClientPayloadError, Failure.INCOMPLETE),
    (http.client.HTTPException, Failure.PROTOCOL),
    (aiohttp.ClientResponseError, Failure.PROTOCOL),
]
_TOLD_BY_HTTPX = {
    "Server disconnected without sending a response": Failure.CLOSED,
    "peer closed connection without sending complete message body": Failure.INCOMPLETE,
}


def _classify(error: BaseException) -> Failure:
    causes = _causes(error)
    for cause in causes:
        for kind, failure in _TOLD:
            if isinstance(cause, kind):
                return failure
    if isinstance(error, httpx.RemoteProtocolError):
        told = (failure for text, failure in _TOLD_BY_HTTPX.items() if text in str(error))
        return next(told, Failure.PROTOCOL)
    raise AssertionError(f"what does {causes!r} mean?")


def _causes(error: BaseException) -> list[BaseException]:
    """The error, what it wraps and what it was raised from; the deepest first."""
    wrapped = [argument for argument in error.args if isinstance(argument, BaseException)]
    if isinstance(error, BaseExceptionGroup):
        wrapped += error.exceptions
    found = [error]
    for cause in (*wrapped, error.__cause__ or error.__context__):
        if cause is not None:
            found = _causes(cause) + found
    return found


def _classify_fetch(code: str, *, has_head: bool) -> Failure:
    if code == "TimeoutError":
        return Failure.TIMEOUT
    if code == "UND_ERR_SOCKET":  # "other side closed"
        return Failure.INCOMPLETE if has_head else Failure.CLOSED
    if code.startswith("HPE_") or code == "UND_ERR_HEADERS_OVERFLOW":
        return Failure.PROTOCOL
    return {"ECONNREFUSED": Failure.REFUSED, "ECONNRESET": Failure.RESET}[code]
