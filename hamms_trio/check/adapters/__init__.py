"""Adapters: the commands that run popular HTTP clients, each one row of a table."""

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
