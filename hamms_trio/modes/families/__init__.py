"""The failure modes, one module per family. A new family is named here, once."""

from hamms_trio.modes.families import (
    chunk,
    conn,
    frame,
    head,
    interim,
    pace,
    range,
    retry,
    status,
    tcp,
    type,
    upload,
)

FAMILIES = (
    *tcp.MODULES,
    conn,
    frame,
    chunk,
    head,
    status,
    interim,
    pace,
    range,
    upload,
    retry,
    *type.MODULES,
)
