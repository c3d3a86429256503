"""URLs and request lines for logs, reports and messages, without the secrets in them."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

MASK = "***"

_USERINFO = re.compile(r"(?<=//)[^/?#]*@")
# If the authority is no host and port, it may be half of a password with a slash that was not encoded.
_BROKEN_USERINFO = re.compile(r"(?<=//)[^?#]*@")
# Of an authority that stands alone, as in CONNECT or in a URL without a scheme.
_BARE_USERINFO = re.compile(r"(?:\A|(?<=\s))[^\s/?#@]*:[^\s/?#]*@")
_AUTHORITY = re.compile(r"(?<=//)(?:[^/@]*@)?(?:\[[^]/]*\]|[^/:\[\]]*)(?::[0-9]*)?(?=/|\Z)")
_PARAMETER = re.compile(r"([^&;=]+)=([^&;\s]*)")
_SECRET = re.compile(
    r"pass(?:w|$|phrase|code)|pwd|secret|token|credential|auth|session|jwt|bearer"
    r"|signature|^sig$|(?:api|access|private|client)[-_.]?key|^(?:sas|otp|pin)$",
    re.IGNORECASE,
)


def mask(url: str) -> str:
    """Mask the userinfo of a URL, and the values of query parameters whose names are those of secrets.

    A text that is no URL is masked in the same places.
    """
    head, mark, rest = url.partition("?")
    query, hash_mark, fragment = rest.partition("#")
    userinfo = _USERINFO if _AUTHORITY.search(head) else _BROKEN_USERINFO
    head = _BARE_USERINFO.sub(f"{MASK}@", userinfo.sub(f"{MASK}@", head))
    return head + mark + _PARAMETER.sub(_masked, query) + hash_mark + fragment


def _masked(parameter: re.Match[str]) -> str:
    is_secret = _SECRET.search(unquote_plus(parameter[1])) is not None
    return f"{parameter[1]}={MASK}" if is_secret else parameter[0]
