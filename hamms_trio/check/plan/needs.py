"""The abilities that a failure mode needs of a client, so that its verdict means something.

Some come with the kind of client. Others are found by probes, or declared by the user.
"""

from __future__ import annotations

from enum import Enum
from fnmatch import fnmatchcase

from hamms_trio.check.client import Ability


class Need(Enum):
    """Each value completes the sentence "the client ..."."""

    SESSION = "can send several requests on one set of connections (by the line driver)"
    METHOD = "can be given a method ({method}, or the line driver)"
    HEADERS = "can be given a field ({header}, or the line driver)"
    UPLOAD = "can be given a body ({body_file}, or the line driver)"
    PROXY = "uses the proxy of its environment"
    CHUNKED = "reads chunked bodies"
    CLOSE = "reads bodies that end with the connection"
    GZIP = "decodes gzip"
    BR = "decodes br"
    ZSTD = "decodes zstd"
    DEFLATE = "decodes deflate"
    REDIRECT = "follows redirects"
    KEEPALIVE = "keeps connections"
    COOKIES = "keeps cookies"
    TLS = "accepts a certificate of the lab's authority"
    # Declared by the user (--can).
    CACHE = "has a cache (--can cache)"
    RESUME = "resumes downloads (--can resume)"
    JSON = "parses JSON (--can json)"
    XML = "parses XML (--can xml)"
    TYPE = "judges media types (--can type)"
    TEXT = "decodes text (--can text)"
    FILE = "names downloaded files (--can file)"
    DIGEST = "verifies digests (--can digest)"
    RECONNECT = "reconnects event streams (--can reconnect)"
    TUNNEL = "asks the proxy for a tunnel for plain HTTP (--can tunnel)"
    SOCKS = "uses the SOCKS proxy of its environment (--can socks)"
    TOOLS = "calls tools (--can tools)"
    # By the kind of client.
    LLM = "is a client of a model's API (--shape)"
    EVENTS = "is a client of event streams (--shape)"
    PLAIN_EVENTS = "is a client of any event stream, not of one API"
    NDJSON = "is a client of NDJSON streams"
    MCP = "is a client of MCP"
    GRPC_WEB = "is a client of gRPC-web"

    @property
    def word(self) -> str:
        """The word for it in reports."""
        return self.name.lower().replace("_", "-")


BY_ABILITY = {
    Ability.SESSION: Need.SESSION,
    Ability.METHOD: Need.METHOD,
    Ability.HEADERS: Need.HEADERS,
    Ability.BODY: Need.UPLOAD,
}
BY_SHAPE = {
    "chat": (Need.LLM, Need.EVENTS),
    "responses": (Need.LLM, Need.EVENTS),
    "messages": (Need.LLM, Need.EVENTS),
    "plain": (Need.EVENTS, Need.PLAIN_EVENTS),
    "ndjson": (Need.NDJSON,),
    "mcp": (Need.MCP,),
    "grpcweb": (Need.GRPC_WEB,),
}
DECLARED = (
    Need.CACHE,
    Need.RESUME,
    Need.JSON,
    Need.XML,
    Need.TYPE,
    Need.TEXT,
    Need.FILE,
    Need.DIGEST,
    Need.RECONNECT,
    Need.TOOLS,
    Need.TUNNEL,
    Need.SOCKS,
)

# A pattern of slugs, and what these modes need; all that match count.
_TABLE: tuple[tuple[str, Need], ...] = (
    ("llm-*", Need.LLM),
    ("llm-tool-cut", Need.TOOLS),
    ("sse-*", Need.EVENTS),
    ("sse-last-event-id", Need.RECONNECT),
    ("sse-reconnect", Need.RECONNECT),
    ("sse-retry-abuse", Need.RECONNECT),
    ("sse-id", Need.RECONNECT),
    ("sse-[25]0[04]", Need.PLAIN_EVENTS),
    ("sse-wrong-type", Need.PLAIN_EVENTS),
    ("sse-redirect", Need.PLAIN_EVENTS),
    ("ndjson-*", Need.NDJSON),
    ("mcp-*", Need.MCP),
    ("grpcweb-*", Need.GRPC_WEB),
    ("tls*", Need.TLS),
    ("redirect-downgrade", Need.TLS),
    ("proxy-[!s]*", Need.PROXY),
    ("proxy-socks-*", Need.SOCKS),
    ("proxy-connect-200-*", Need.TUNNEL),
    ("upload-*", Need.UPLOAD),
    ("upload-chunked-411", Need.METHOD),
    ("tcp-rst-mid-request", Need.UPLOAD),
    ("tcp-never-read", Need.UPLOAD),
    ("tcp-slow-read", Need.UPLOAD),
    ("retry-non-idempotent", Need.UPLOAD),
    ("status-head-body", Need.METHOD),
    ("chunk-*", Need.CHUNKED),
    ("frame-te-*", Need.CHUNKED),
    ("frame-cl-and-te", Need.CHUNKED),
    ("frame-close-*", Need.CLOSE),
    ("coding-gzip-*", Need.GZIP),
    ("coding-lie-identity", Need.GZIP),
    ("coding-empty-*", Need.GZIP),
    ("coding-stacked", Need.GZIP),
    ("coding-x-gzip", Need.GZIP),
    ("coding-bomb-gzip", Need.GZIP),
    ("coding-bomb-nested", Need.GZIP),
    ("coding-slow-flush", Need.GZIP),
    ("coding-deflate-*", Need.DEFLATE),
    ("coding-raw-deflate", Need.DEFLATE),
    ("coding-br-*", Need.BR),
    ("coding-bomb-br", Need.BR),
    ("coding-zstd-*", Need.ZSTD),
    ("coding-bomb-zstd", Need.ZSTD),
    ("redirect-*", Need.REDIRECT),
    ("redirect-cross-origin-auth", Need.HEADERS),
    ("redirect-method", Need.UPLOAD),
    ("redirect-post-stream", Need.UPLOAD),
    ("cookie-foreign-domain", Need.COOKIES),
    ("cookie-scope-leak", Need.COOKIES),
    ("cookie-flood", Need.COOKIES),
    ("cookie-expiry-edge", Need.COOKIES),
    ("conn-inject-*", Need.KEEPALIVE),
    ("conn-drop-*", Need.KEEPALIVE),
    ("conn-idle-*", Need.KEEPALIVE),
    ("conn-421-once", Need.KEEPALIVE),
    ("conn-408-idle", Need.KEEPALIVE),
    ("tcp-reuse-refuse", Need.SESSION),
    ("cache-etag-lies", Need.CACHE),
    ("cache-304-with-cl", Need.CACHE),
    ("cache-partial-stored", Need.CACHE),
    ("range-*", Need.RESUME),
    ("json-*", Need.JSON),
    ("xml-*", Need.XML),
    ("type-wrong", Need.TYPE),
    ("type-garbage", Need.TYPE),
    ("type-not-accepted", Need.TYPE),
    ("charset-*", Need.TEXT),
    ("download-*", Need.FILE),
    ("digest-*", Need.DIGEST),
)
_EXCEPT = {("range-206-unasked", Need.RESUME)}


def needs_of(slug: str) -> tuple[Need, ...]:
    """Return what a client needs so that the mode says something about it."""
    return tuple(
        need
        for pattern, need in _TABLE
        if fnmatchcase(slug, pattern) and (slug, need) not in _EXCEPT
    )
