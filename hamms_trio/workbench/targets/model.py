"""The document of a target, and the rules that it must keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from hamms_trio.workbench.chance import ChaosSeed
from hamms_trio.workbench.routing.documents import Document, convert, show
from hamms_trio.workbench.routing.problems import Problem

CODE = "invalid_target"
LOCAL = "local"  # the workbench itself, for the steps of scenarios
MAX_TIMEOUT_MS = 300_000
MAX_URL = 2_048  # characters

_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]{1,128}")  # clients remove dots from paths
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_URL = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}

_TARGET_MILLISECONDS = Meta(
    gt=0, le=MAX_TIMEOUT_MS, description="Milliseconds until the answer is due."
)
TargetTimeout = Annotated[int, _TARGET_MILLISECONDS] | Annotated[float, _TARGET_MILLISECONDS]
ProxyShare = Annotated[
    float, Meta(ge=0, le=1, description="The share of requests to /proxy/ that `fail` strikes.")
]
ProxySeed = Annotated[ChaosSeed, Meta(description="Decides which requests fail.")]


class Target(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A service that the workbench calls."""

    id: str = ""
    name: Annotated[str, Meta(extra_json_schema={"pattern": r"\S"})]
    base_url: Annotated[str, Meta(extra_json_schema={"pattern": "^https?://"})]
    enabled: bool = True
    timeout_ms: TargetTimeout = 5_000
    created_at: str = ""
    updated_at: str = ""
    verify_tls: bool = True
    fail: str = ""
    share: ProxyShare = 1.0
    seed: ProxySeed | None = None

    @property
    def place(self) -> BaseUrl:
        """The place that the base URL names."""
        return place_of(self.base_url)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The parts of a base URL.

    Attributes:
        authority: for the Host field.
        base: the path without slashes at its end.
    """

    is_tls: bool
    host: str
    port: int
    authority: str
    base: str


# The members that the reference has; a document has the others only if they differ from their default.
REFERENCE_TARGET_MEMBERS = frozenset(
    ("base_url", "created_at", "enabled", "id", "name", "timeout_ms", "updated_at")
)
_MESSAGES = {
    "name": "name is required",
    "base_url": "base_url must start with http:// or https://",
    "timeout_ms": f"timeout_ms must be a number of milliseconds, at most {MAX_TIMEOUT_MS}",
    "enabled": "enabled must be true or false",
}
_DEFAULTS = {
    f.name: f.default for f in msgspec.structs.fields(Target) if f.default is not msgspec.NODEFAULT
}


def document_of(target: Target) -> Document:
    """Return the document that the API shows."""
    whole: Document = msgspec.to_builtins(target)
    return {
        name: value
        for name, value in whole.items()
        if name in REFERENCE_TARGET_MEMBERS or value != _DEFAULTS[name]
    }


def read_target(given: Document, *, check_fail: Callable[[str], object]) -> Target:
    """Build a target from a document.

    Args:
        check_fail: raises ValueError for a failure mode that can't be an answer.

    Raises:
        Problem: 400, with the field and its value.
    """
    target = convert(given, Target, CODE, _MESSAGES)
    target.name = target.name.strip()
    if not target.name:
        raise _refusal("name is required", "name", given["name"])
    if not _NAME.fullmatch(target.name):
        rule = "name must be at most 200 characters, none of them a control character"
        raise _refusal(rule, "name", target.name)
    if target.id and not _ID.fullmatch(target.id):
        raise _refusal("id must be 1 to 128 letters, digits, and . _ ~ -", "id", target.id)
    if LOCAL in (target.id, target.name.lower()):
        raise Problem(400, CODE, f"{LOCAL} is the workbench itself: choose another id and name")
    try:
        place_of(target.base_url)
    except ValueError as error:
        raise _refusal(str(error), "base_url", target.base_url) from None
    if target.fail:
        try:
            check_fail(target.fail)
        except ValueError as error:
            raise _refusal(str(error), "fail", target.fail) from None
    return target


@lru_cache(maxsize=256)
def place_of(base_url: str) -> BaseUrl:
    """Return the parts of a base URL.

    Raises:
        ValueError: the text is no URL of a service.
    """
    if not base_url.lower().startswith(("http://", "https://")):
        raise ValueError("base_url must start with http:// or https://")
    if len(base_url) > MAX_URL or not _URL.fullmatch(base_url):
        raise ValueError(f"base_url must be at most {MAX_URL} visible ASCII characters")
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError as error:
        raise ValueError(f"base_url must be a URL: {error}") from None
    if not url.hostname or port == 0:
        raise ValueError("base_url must name a host, and a port from 1 to 65535 if any")
    if url.username is not None or "?" in base_url or "#" in base_url:
        raise ValueError("base_url must have neither credentials nor a query nor a fragment")
    is_tls = url.scheme == "https"
    return BaseUrl(
        is_tls, url.hostname, port or _DEFAULT_PORTS[url.scheme], url.netloc, url.path.rstrip("/")
    )


def _refusal(rule: str, name: str, value: object) -> Problem:
    return Problem(400, CODE, f"{rule}, and {name} is {show(value)}")
