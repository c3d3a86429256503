"""The page: one document at four addresses, and its scripts and styles beneath /playground/.

The document names every script, so that the browser fetches all of them at once; nothing is built or bundled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from hamms_trio.files.representation.content_types import content_type
from hamms_trio.http import Request, Response, text
from hamms_trio.http.routes.router import NOT_FOUND, Route, Router
from hamms_trio.wire import RequestHead, best_match

WEB = Path(__file__).parent.parent / "web"
PAGE_PREFIX = "/playground/"
# They are served as one file, which loads faster than many; later sheets override earlier ones.
STYLES = (
    "tokens",
    "base",
    "controls",
    "drawings",
    "modes",
    "live",
    "matrix",
    "workbench",
    "notes",
    "page",
)
ALL_STYLES = "styles.css"
ADDRESSES = ("/playground", "/playground-minimal", "/static/dashboard.html")
HTML = "text/html; charset=utf-8"
SCHEMES = ("http", "https")
VARY = ("Vary", "Accept")
VARYING_GREETING = text("Hello World", 200, VARY)

_HOST = re.compile(r"([A-Za-z0-9.-]{1,255})(?::[0-9]{1,5})?")
# "Try it now" calls the failure modes' own ports, which are other origins; IPv6 addresses can't be named here.
_POLICY = (
    "default-src 'self'; connect-src 'self'{others}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_GUARDS = (
    ("Cache-Control", "no-cache"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def add_page(router: Router) -> None:
    """Declare the page and its files; at /, a client that prefers HTML gets the page, too."""
    document = _document()

    def page(request: Request) -> Response:
        return _page(document, _policy(request.get("host")))

    for address in ADDRESSES:
        router.get(address)(page)
    at_root = Route("GET / (page)", page)
    router.vary("/", lambda head: at_root if names_html(head) else None)
    files = {_name(file): _File(file.name, file.read_bytes()) for file in _files()}
    files[ALL_STYLES] = _File(ALL_STYLES, _styles())

    @router.get(f"{PAGE_PREFIX}*")
    def answer(request: Request) -> Response:
        file = files.get(request.parameters["*"])
        return NOT_FOUND if file is None else file.answer(request)

    router.leave_out(f"{PAGE_PREFIX}*")


def names_html(head: RequestHead) -> bool:
    """Return True if the client names text/html, and prefers that to plain text."""
    if b"text/html" not in head.octets.lower():  # as in the requests of most programs
        return False
    accept = head.get("accept") or ""
    return "text/html" in accept.lower() and best_match(accept, ("text/html", "text/plain")) == (
        "text/html"
    )


@lru_cache(maxsize=64)
def _page(document: bytes, policy: str) -> Response:
    fields = (("Content-Type", HTML), VARY, ("Content-Security-Policy", policy), *_GUARDS)
    return Response(200, document, fields)


def _policy(host: str | None) -> str:
    found = _HOST.fullmatch(host or "")
    names = dict.fromkeys(["localhost", "127.0.0.1", *([found[1].lower()] if found else [])])
    patterns = [pattern for name in names for pattern in _patterns(name)]
    others = "".join(f" {scheme}://{pattern}:*" for pattern in patterns for scheme in SCHEMES)
    return _POLICY.format(others=others)


def _patterns(name: str) -> list[str]:
    """Return the name, and a pattern for the names beneath it unless it is an address."""
    return [name, f"*.{name}"] if name[-1:].isalpha() else [name]


class _File:
    """A file of the page, in memory, with a strong validator."""

    def __init__(self, name: str, octets: bytes) -> None:
        self._tag = f'"{sha256(octets).hexdigest()[:32]}"'
        fields = (("ETag", self._tag), *_GUARDS)
        kind = content_type(name.encode())
        self._whole = Response(200, octets, (("Content-Type", kind), *fields))
        self._unchanged = Response(304, fields=fields)

    def answer(self, request: Request) -> Response:
        known = request.get("if-none-match") or ""
        return self._unchanged if self._tag in known or known == "*" else self._whole


def _document() -> bytes:
    scripts = (file for file in _files() if file.suffix in (".js", ".mjs"))
    preloads = "\n".join(
        f'<link rel="modulepreload" href="{PAGE_PREFIX}{_name(file)}">' for file in scripts
    )
    return (WEB / "index.html").read_text("utf-8").replace("<!-- scripts -->", preloads).encode()


def _styles() -> bytes:
    """Join the style sheets in their order, the library's and those for narrow windows last."""
    own = [WEB / "styles" / f"{name}.css" for name in STYLES]
    joined = [*own, WEB / "vendor" / "uplot.css", WEB / "styles" / "widths.css"]
    return b"\n".join(file.read_bytes() for file in joined)


def _files() -> Iterator[Path]:
    """Yield the files that the page loads."""
    for file in sorted(WEB.rglob("*")):
        if file.suffix in (".js", ".mjs", ".svg"):
            yield file


def _name(file: Path) -> str:
    return file.relative_to(WEB).as_posix()
