"""Suites: named selections of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from hamms_trio.errors import UnknownMode
from hamms_trio.modes import FailureMode

CONTROLS = "ok"  # the family of controls and probes, which are run in any case
_NO_VERDICT = ("sequence",)  # plays other modes

# The catalogue's most valuable modes (frequency x silence of the damage x clients that fail / effort).
CORE = (
    "frame-cl-short-fin", "coding-gzip-truncated", "conn-inject-idle", "conn-inject-same-segment",
    "conn-drop-after-request", "pace-header-drip", "pace-byte", "chunk-no-final", "tls-handshake-hang",
    "tcp-syn-blackhole", "frame-close-delimited-rst", "conn-idle-fin", "conn-idle-rst", "tcp-never-read",
    "redirect-cross-origin-auth", "retry-after-seconds", "retry-after-date", "retry-after-huge",
    "upload-early-413", "head-truncated", "frame-cl-conflict", "frame-cl-and-te", "interim-100", "interim-103",
    "range-ignored", "range-wrong-start", "h2-goaway-noerror-inflight", "h2-goaway-unprocessed",
    "h2-rst-cancel-midbody", "h2-rst-noerror-midbody", "tls-truncation", "tls-expired", "tls-self-signed",
    "tls-wrong-host", "tls-no-san", "tls-incomplete-chain", "tls-not-yet-valid", "interim-flood",
    "interim-101-unexpected", "coding-bomb-gzip", "head-infinite", "head-size", "status-204-body",
    "status-304-body", "status-head-body", "tcp-accept-rst", "tcp-rst-after-request", "sse-eof-without-blank",
    "sse-crlf-split", "sse-utf8-split", "llm-error-event", "redirect-loop", "redirect-method", "redirect-to-file",
    "h2-max-streams-0", "h2-window-never", "h2-stall", "frame-te-gzip-chunked", "chunk-size-plus",
    "chunk-size-0x", "chunk-size-underscore", "chunk-size-negative", "chunk-size-wrap64", "chunk-size-garbage",
    "frame-cl-plus", "frame-cl-underscore", "frame-cl-wrap64", "type-missing", "type-wrong", "json-truncated",
    "json-empty", "charset-unknown", "retries", "retry-storm", "retry-non-idempotent", "ws-bad-accept",
    "ws-masked", "ws-bad-utf8", "ws-close-no-fin", "ws-no-pong", "proxy-connect-hang", "proxy-connect-close",
    "proxy-connect-garbage", "proxy-407", "cookie-garbage", "cookie-scope-leak", "tcp-v6-blackhole-v4-ok",
    "h3-altsvc-blackhole", "tls-client-cert-required", "download-filename", "h2-continuation-flood",
    "h2-hpack-bomb",
)  # fmt: skip
FAMILIES = {
    "streams": ("sse", "llm", "ndjson", "mcp", "grpcweb"),
    "tls": ("tls",),
}


def chosen(
    catalogue: Mapping[str, FailureMode], suites: Iterable[str], excluded: Iterable[str] = ()
) -> dict[str, FailureMode]:
    """Return the modes of some suites, in the catalogue's order; the controls are not among them.

    A suite is ``core``, ``full``, ``streams``, ``tls``, a family, a slug or alias, or a word within slugs.

    Raises:
        UnknownMode: nothing has such a name, or no mode is left.
    """
    gradable = {
        slug: mode
        for slug, mode in catalogue.items()
        if mode.family != CONTROLS and slug not in _NO_VERDICT
    }
    wanted = {slug for suite in suites for slug in _slugs(gradable, suite)}
    unwanted = {slug for suite in excluded for slug in _slugs(gradable, suite)}
    left = {slug: mode for slug, mode in gradable.items() if slug in wanted - unwanted}
    if wanted and not left:  # a run of nothing would pass
        raise UnknownMode("no failure mode is left to check: exclude fewer of them")
    return left


def _slugs(modes: Mapping[str, FailureMode], suite: str) -> set[str]:
    if suite == "full":
        return set(modes)
    if suite == "core":
        return {slug for slug in CORE if slug in modes}
    families = FAMILIES.get(suite, (suite,))
    if found := {slug for slug, mode in modes.items() if mode.family in families}:
        return found
    if suite in FAMILIES:
        return set()
    if found := {slug for slug, mode in modes.items() if suite == slug or suite in mode.aliases}:
        return found
    if found := {slug for slug in modes if suite in slug}:
        return found
    known = {mode.family for mode in modes.values()}
    close = get_close_matches(suite, ("core", "full", *FAMILIES, *known, *modes), cutoff=0.7)
    hint = (
        f"did you mean {' or '.join(close)}?"
        if close
        else "give core, full, streams, tls, a family, a slug, or a word within slugs"
    )
    raise UnknownMode(f"there is no suite {suite!r}: {hint}")
