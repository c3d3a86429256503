"""The placeholders of a command under test, and the variables of its environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from hamms_trio.errors import ClientUnusable

NAMES = (
    "url", "host", "port", "path", "method", "body_file", "ca", "out", "timeout", "timeout_ms", "proxy", "nonce",
    "header",
)  # fmt: skip
_PLACEHOLDER = re.compile(rf"\{{({'|'.join(NAMES)})\}}")
_ADDRESSES = {"url", "host", "port"}
# Variables of the environment that would send a client elsewhere.
_MISLEADING = (
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "openai_base_url", "anthropic_base_url", "ssl_cert_file",
)  # fmt: skip


def placeholders_in(argv: Sequence[str]) -> frozenset[str]:
    """Return the names of the placeholders that a command uses."""
    return frozenset(name for word in argv for name in _PLACEHOLDER.findall(word))


def checked(argv: Sequence[str]) -> list[str]:
    """Return the command with ``{url}`` appended if it has no placeholder.

    Raises:
        ClientUnusable: the command is empty, its placeholders name no address to connect to, or one is misspelt.
    """
    if not argv or not argv[0]:
        raise ClientUnusable("there is no command: give one after --, such as -- curl -sSf {url}")
    _refuse_misspelt(argv)
    used = placeholders_in(argv)
    if not used:
        return [*argv, "{url}"]
    if not used & _ADDRESSES:
        names = ", ".join(f"{{{name}}}" for name in sorted(used))
        raise ClientUnusable(
            f"the command has {names} but neither {{url}} nor {{host}} or {{port}}: add one"
        )
    return list(argv)


def _refuse_misspelt(argv: Sequence[str]) -> None:
    """Refuse a whole argument such as ``{ulr}``, with which a client would not test what it should."""
    for word in argv:
        name = word[1:-1]
        if word != f"{{{name}}}" or name in NAMES:
            continue
        if close := get_close_matches(name, NAMES, n=1):
            raise ClientUnusable(f"there is no placeholder {word}: did you mean {{{close[0]}}}?")


def filled(argv: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return the command with the placeholders' values; all other braces stay."""
    return [_PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word) for word in argv]


def environment_with(*more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these variables, and without any that would mislead a client."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in _MISLEADING}
    for variables in more:
        kept.update(variables)
    return kept
