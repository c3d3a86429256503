"""The failure modes, one module per family. A new family is named here, once."""

from hamms_trio.modes.families import chunk, frame, head, pace, retry, status, tcp, type

FAMILIES = (tcp, frame, chunk, head, status, pace, retry, type)
