"""The failure modes, one module per family. A new family is named here, once."""

from hamms_trio.modes.families import (
    chunk,
    conn,
    frame,
    head,
    interim,
    pace,
    retry,
    status,
    tcp,
    type,
    upload,
)

FAMILIES = (tcp, conn, frame, chunk, head, status, interim, pace, upload, retry, type)
