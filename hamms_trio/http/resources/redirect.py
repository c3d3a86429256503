"""A router that redirects every request from http:// to https://."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import Response
from hamms_trio.http.routes.router import Route, Router
from hamms_trio.wire import UNLIMITED, RequestHead

HTTPS_PORT = 443

# The host in an absolute-form target or in Host (RFC 9110 §4.2, §7.2), an IPv6 address in brackets.
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:https?://)?(?:[^@/?#]*@)?(\[[^]]*\]|[^:/?#]*)(?::\d*)?", re.IGNORECASE)


class RedirectRouter(Router):
    """A router that answers every method on every path with 308.

    Args:
        port: the TLS port of the same host.
        host: the host for a request that names none.
    """

    def __init__(self, port: int, host: str) -> None:
        super().__init__()

        def redirect(request: Request) -> Response:
            fields = (
                ("Location", location(request.head, port, host)),
                ("Cache-Control", "no-store"),
            )
            return Response(308, b"Use HTTPS\n", fields, close=True)

        # The body may have any length, since the client sends it again to the new URL.
        self._route = Route("redirect", redirect, max_content=UNLIMITED, refuses=True)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        return self._route, {}


def location(head: RequestHead, port: int, host: str) -> str:
    """Return the https URL of a request."""
    in_target = head.method == "CONNECT" or _ABSOLUTE.match(head.target)
    named = head.target if in_target else head.get("host") or ""
    found = _AUTHORITY.match(named)
    authority = (found[1] if found else "") or (f"[{host}]" if ":" in host else host)
    if port != HTTPS_PORT:
        authority += f":{port}"
    path = head.path if head.path[:1] == "/" else "/"
    return f"https://{authority}{path}" + (f"?{head.query_string}" if head.query_string else "")
