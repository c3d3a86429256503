"""The failure modes. One module per family; a new family is named here, once."""

from hamms_trio.modes import frame, head, pace, retry, status, tcp, type
from hamms_trio.modes.declare import FailureMode as FailureMode, Trigger as Trigger, collect

CATALOGUE = collect(tcp, frame, head, status, pace, retry, type)
