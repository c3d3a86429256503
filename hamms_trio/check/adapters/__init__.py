"""Adapters: how to run HTTP clients that people use, each a row of a table."""

from hamms_trio.check.adapters.adapter import (
    Adapter as Adapter,
    ClientMissing as ClientMissing,
)
from hamms_trio.check.adapters.preparing import (
    UnknownClient as UnknownClient,
    find as find,
    prepared as prepared,
)
from hamms_trio.check.adapters.table import ADAPTERS as ADAPTERS
