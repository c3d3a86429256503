"""The running workbench that a command talks to."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import click

from hamms_trio.cli import options
from netsplode.usage import Refused

SILENCE_SECONDS = 70.0  # seconds without an octet; the run of a scenario takes up to a minute
FAILED = 1  # the exit code of an answer that is a refusal
UNRECORDED_FIELDS = {"X-Hamms-Page": "1", "Sec-Fetch-Site": "same-origin"}
RemoteDocument = dict[str, Any]


class WorkbenchUnreachable(Refused):
    """No workbench answers, or it broke off its answer."""


class AnswerRefused(Refused):
    """The workbench's refusal, with its code and message."""

    exit_code = FAILED


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The workbench that a command talks to.

    Attributes:
        json: True to print documents instead of lines for people.
        is_silent: True to keep our own requests out of the history and the events, as the page does.
    """

    server: str
    token: str
    json: bool
    is_silent: bool = False

    def ask(
        self, method: str, path: str, body: object = None, /, **query: str | int | None
    ) -> RemoteDocument:
        """Return the document that answers a request.

        Raises:
            Unreachable: the workbench can't be reached, or breaks off.
            AnswerRefused: the workbench refuses the request.
        """
        response, connection = self._open(method, path, body, query)
        try:
            octets = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise WorkbenchUnreachable(f"{self.server} broke off its answer: {error}") from None
        finally:
            connection.close()
        return _document(response.status, octets)

    def lines(self, path: str, /, **query: str | int | None) -> Iterator[str]:
        """Yield the lines of an endless answer, as they come.

        Raises:
            Unreachable: the workbench can't be reached, or breaks off.
            AnswerRefused: the workbench refuses the request.
        """
        response, connection = self._open("GET", path, None, query)
        try:
            if response.status != http.client.OK:
                _document(response.status, response.read())
            while line := response.readline():
                yield line.decode().rstrip("\r\n")
        except (OSError, http.client.HTTPException) as error:
            raise WorkbenchUnreachable(f"{self.server} broke off its answer: {error}") from None
        finally:
            connection.close()

    def show(self, document: object, text: str) -> None:
        """Print a document, or the same for people."""
        click.echo(json.dumps(document, indent=2, sort_keys=True) if self.json else text)

    def _open(
        self, method: str, path: str, body: object, query: dict[str, str | int | None]
    ) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        given = {name: value for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        fields = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.is_silent:
            fields |= UNRECORDED_FIELDS
        connection = self._connection()
        try:
            octets = None if body is None else json.dumps(body).encode()
            connection.request(method, target, octets, fields)
            return connection.getresponse(), connection
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise WorkbenchUnreachable(f"no workbench answers at {self.server}: {error}") from None

    def _connection(self) -> http.client.HTTPConnection:
        scheme, host, port = "", None, None
        with suppress(ValueError):
            url = urlsplit(self.server)
            scheme, host, port = url.scheme, url.hostname, url.port
        if scheme not in ("http", "https") or not host:
            raise Refused(
                f"--server {self.server} is no URL: give one such as http://127.0.0.1:8080"
            )
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        return kind(host, port, timeout=SILENCE_SECONDS)


def _document(status: int, octets: bytes) -> RemoteDocument:
    try:
        document = json.loads(octets)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AnswerRefused(f"{status}: {octets[:200].decode(errors='replace')}")
    if status >= http.client.BAD_REQUEST:
        error = document.get("error", {})
        raise AnswerRefused(f"{status} {error.get('code')}: {error.get('message')}")
    return document


REMOTE = options.together(
    "remote",
    Remote,
    click.option(
        "--server",
        default="http://127.0.0.1:8080",
        show_default=True,
        envvar="HAMMS_SERVER",
        show_envvar=True,
        help="The workbench's URL.",
    ),
    click.option(
        "--token",
        default="",
        envvar="HAMMS_TOKEN",
        show_envvar=True,
        help="Bearer token of the caller.",
    ),
    click.option("--json", is_flag=True, help="Print JSON."),
)
