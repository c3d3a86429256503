"""The outcome of a request as the client reports it to its user: an answer or a failure."""

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
    """Kinds of failure that a client reports to its user."""

    REFUSED = "the connection was refused"
    UNTRUSTED = "the certificate's authority is not trusted"
    CLOSED = "the connection was closed before a response"
    RESET = "the connection was reset"
    PROTOCOL = "the response is not HTTP, or exceeds a limit of the client"
    TIMEOUT = "the client's timeout expired"
    INCOMPLETE = "the body is shorter than declared"


@dataclass(frozen=True)
class Answer:
    """A response as the client hands it to its user; ``fields`` has lower-case names."""

    status: int
    body: bytes
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)

    def json(self) -> Any:
        return json.loads(self.body)


Outcome = Failure | Answer


class CurlError(Exception):
    """A failure of curl, with its exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"exit code {code}: {message}")
        self.failure = _CURL_EXITS.get(code)


class NodeError(Exception):
    """An error that one of Node's clients threw: its code, or its name if it has no code."""

    def __init__(self, code: str, message: str, *, has_head: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.failure = _failure_in_node(code, has_head=has_head)


# https://curl.se/libcurl/c/libcurl-errors.html
_CURL_EXITS = {
    1: Failure.PROTOCOL,  # HTTP/0.9 is not allowed
    7: Failure.REFUSED,
    8: Failure.PROTOCOL,
    18: Failure.INCOMPLETE,
    27: Failure.PROTOCOL,  # the head is too large; curl 8.6 and later exit with 100
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


# The first match decides, so a subclass precedes its base.
_FAILURES_BY_ERROR: list[tuple[type[BaseException], Failure]] = [
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
_FAILURES_BY_HTTPX_MESSAGE = {
    "Server disconnected without sending a response": Failure.CLOSED,
    "peer closed connection without sending complete message body": Failure.INCOMPLETE,
}


def classify(error: BaseException) -> Failure:
    """Return the kind of failure that a client's error reports."""
    if isinstance(error, CurlError | NodeError) and error.failure is not None:
        return error.failure
    causes = _causes(error)
    for cause in causes:
        for kind, failure in _FAILURES_BY_ERROR:
            if isinstance(cause, kind):
                return failure
    if isinstance(error, httpx.RemoteProtocolError):
        messages = _FAILURES_BY_HTTPX_MESSAGE.items()
        return next((failure for text, failure in messages if text in str(error)), Failure.PROTOCOL)
    raise AssertionError(f"cannot classify {causes!r}") from error


def _causes(error: BaseException) -> list[BaseException]:
    """List the error, the errors it wraps and its causes, the deepest first."""
    wrapped = [argument for argument in error.args if isinstance(argument, BaseException)]
    if isinstance(error, BaseExceptionGroup):
        wrapped += error.exceptions
    found = [error]
    for cause in (*wrapped, error.__cause__ or error.__context__):
        if cause is not None:
            found = _causes(cause) + found
    return found
