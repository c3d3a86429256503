"""``hamms-trio load``: many clients on one server, and two results compared."""

from hamms_trio.cli.load.command import load as load
