"""Redaction: credentials are removed from everything that is recorded.

Header fields, the query, forms and JSON are searched for names that carry secrets. Text around a secret stays as it
was sent, octet by octet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

import msgspec

from hamms_trio.workbench.routing.received import Pair

REDACTED = "[redacted]"
SHORT = 64  # characters; the result for a longer name is not kept

_FIELDS = frozenset(
    (
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "apikey",
        "x-auth-token", "x-access-token", "x-csrf-token", "x-amz-security-token", "x-goog-api-key",
    )
)  # fmt: skip
_WORDS = (
    r"passw(?:or)?d|passphrase|pwd|secrets?|token|api[-_]?key|credentials?|private[-_]?key|session[-_]?id"
    r"|auth(?:orization)?|cookie"
)
# At the end of a name: ``max_tokens`` and ``author`` are no credentials.
_SECRET = re.compile(rf"(?:{_WORDS})\]?$", re.IGNORECASE)
_PAIR = re.compile(r"([^&;=]+)=([^&;]*)")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_MEMBER = re.compile(rf"({_STRING})(\s*:\s*)({_STRING}|-?[0-9][0-9.eE+-]*|true|false)", re.DOTALL)
# A part of every word above, or an escape that may hide one. A substring search is fifty times faster than the
# pattern.
_HINTS = ("pass", "pwd", "secret", "token", "key", "credential", "session", "auth", "cookie", "\\u")


def is_secret(name: str) -> bool:
    """Return True if a value with this name is a credential, such as ``access_token`` or ``newPassword``."""
    return _is_short_secret(name) if len(name) <= SHORT else _SECRET.search(name) is not None


def is_secret_field(name: str) -> bool:
    """Return True if the values of this header field are credentials."""
    return _is_secret_field(name) if len(name) <= SHORT else is_secret(name)


@lru_cache(maxsize=4_096)
def _is_secret_field(name: str) -> bool:
    return name.lower() in _FIELDS or is_secret(name)


@lru_cache(maxsize=4_096)
def _is_short_secret(name: str) -> bool:
    """Return True if a short name hints at a credential; the results are kept, since names repeat."""
    return _SECRET.search(name) is not None


def redact_fields(fields: Iterable[Pair]) -> list[Pair]:
    """Replace the values of header fields that carry credentials."""
    return [(name, REDACTED if is_secret_field(name) else value) for name, value in fields]


def redact_query(query: str) -> str:
    """Replace the secrets of a query or a form."""
    if not query or ("%" not in query and not _may_have_secrets(query)):
        return query
    return _PAIR.sub(_redact_pair, query)


def redact_body(body: bytes, content_type: str) -> bytes:
    """Replace the secrets of JSON and of a form; other content stays as it is."""
    if not body:
        return body
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body
    if "x-www-form-urlencoded" in content_type.lower():
        return redact_query(text).encode()
    if text.lstrip()[:1] not in ("{", "[") or not _may_have_secrets(text):
        return body
    text = _MEMBER.sub(_redact_member, text)
    return _redact_nested(text).encode()


def _may_have_secrets(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS)


def _redact_pair(pair: re.Match[str]) -> str:
    return f"{pair[1]}={REDACTED}" if is_secret(unquote_plus(pair[1])) and pair[2] else pair[0]


def _redact_member(member: re.Match[str]) -> str:
    quoted = member[1]
    name = _unescaped(quoted) if "\\" in quoted else quoted[1:-1]
    return f'{quoted}{member[2]}"{REDACTED}"' if is_secret(name) else member[0]


def _unescaped(quoted: str) -> str:
    try:
        return msgspec.json.decode(quoted, type=str)
    except ValueError:
        return quoted


def _redact_nested(text: str) -> str:
    """Rewrite JSON in which an object or an array has a secret name."""
    try:
        value: object = msgspec.json.decode(text)
        return text if _is_clean(value) else msgspec.json.encode(_cleaned(value)).decode()
    except (ValueError, RecursionError):
        return text


def _is_clean(value: object) -> bool:
    if isinstance(value, dict):
        return all(
            not (is_secret(name) and isinstance(inner, dict | list)) and _is_clean(inner)
            for name, inner in value.items()
        )
    return not isinstance(value, list) or all(_is_clean(inner) for inner in value)


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: REDACTED if is_secret(name) and inner is not None else _cleaned(inner)
            for name, inner in value.items()
        }
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value
