"""The failure modes, one module per family. A new family is named here, once."""

from hamms_trio.modes.families import chunk, frame, head, interim, pace, retry, status, tcp, type

FAMILIES = (tcp, frame, chunk, head, status, interim, pace, retry, type)
