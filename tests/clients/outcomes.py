"""What the user of an HTTP client is told in the end: an answer, or how it failed."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import aiohttp
import httpx
import urllib3

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long


class Failure(Enum):
    """What a user is told instead of an answer."""

    REFUSED = "nobody listens there"
    UNTRUSTED = "the certificate is by nobody who is trusted"
    CLOSED = "the connection ended before an answer"
    RESET = "the connection was reset"
    PROTOCOL = "what came is not HTTP, or more of it than is borne"
    TIMEOUT = "it took too long"
    INCOMPLETE = "the body is shorter than declared"


@dataclass(frozen=True)
class Answer:
    """What came, as the client gives it to its user; ``fields`` has lower-case names."""

    status: int
    body: bytes
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)

    def json(self) -> Any:
        return json.loads(self.body)


Outcome = Failure | Answer


class CurlError(Exception):
    """curl has ended with this exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"exit code {code}: {message}")
        self.failure = _CURL_EXITS.get(code)


class NodeError(Exception):
    """What one of Node's clients has thrown, by its code, or by its name if it has none."""

    def __init__(self, code: str, message: str, *, has_head: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.failure = _failure_in_node(code, has_head=has_head)


# https://curl.se/libcurl/c/libcurl-errors.html
_CURL_EXITS = {
    1: Failure.PROTOCOL,  # HTTP/0.9 is not allowed
    7: Failure.REFUSED,
    8: Failure.PROTOCOL,
    18: Failure.INCOMPLETE,
    27: Failure.PROTOCOL,  # the head is too large; since 8.6 it is 100
    28: Failure.TIMEOUT,
    52: Failure.CLOSED,
    56: Failure.RESET,
    60: Failure.UNTRUSTED,
    100: Failure.PROTOCOL,
}
_NODE_CODES = {
    "ABORT_ERR": Failure.TIMEOUT,
    "ECONNREFUSED": Failure.REFUSED,
    "ECONNRESET": Failure.RESET,
    "SELF_SIGNED_CERT_IN_CHAIN": Failure.UNTRUSTED,
    "TimeoutError": Failure.TIMEOUT,
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE": Failure.UNTRUSTED,
    "UND_ERR_HEADERS_OVERFLOW": Failure.PROTOCOL,
}


def _failure_in_node(code: str, *, has_head: bool) -> Failure | None:
    if code == "UND_ERR_SOCKET":  # "other side closed"
        return Failure.INCOMPLETE if has_head else Failure.CLOSED
    if code.startswith("HPE_"):
        return Failure.PROTOCOL
    return _NODE_CODES.get(code)


# The first cause that is one of these says what happened. Order matters: a subclass stands before its base.
_TOLD: list[tuple[type[BaseException], Failure]] = [
    (ssl.SSLCertVerificationError, Failure.UNTRUSTED),
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


def classify(error: BaseException) -> Failure:
    """What a client's error tells its user."""
    if isinstance(error, CurlError | NodeError) and error.failure is not None:
        return error.failure
    causes = _causes(error)
    for cause in causes:
        for kind, failure in _TOLD:
            if isinstance(cause, kind):
                return failure
    if isinstance(error, httpx.RemoteProtocolError):
        told = (failure for text, failure in _TOLD_BY_HTTPX.items() if text in str(error))
        return next(told, Failure.PROTOCOL)
    raise AssertionError(f"what does {causes!r} mean?") from error


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
