"""The failure modes, one module per family. A new family is named here, once."""

from hamms_trio.modes.families import (
    chunk,
    conn,
    frame,
    grpcweb,
    head,
    interim,
    llm,
    mcp,
    ndjson,
    pace,
    retry,
    sse,
    status,
    tcp,
    type,
    upload,
)

FAMILIES = (
    tcp,
    conn,
    frame,
    chunk,
    head,
    status,
    interim,
    pace,
    upload,
    retry,
    type,
    llm,
    sse,
    ndjson,
    mcp,
    grpcweb,
)
