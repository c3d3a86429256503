"""The failure modes, one module per family. A new family is named here, once."""

from hamms_trio.modes.families import (
    auth,
    cache,
    chunk,
    coding,
    conn,
    cookie,
    frame,
    head,
    interim,
    pace,
    redirect,
    retry,
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
    coding,
    pace,
    upload,
    redirect,
    auth,
    cookie,
    cache,
    retry,
    type,
)
