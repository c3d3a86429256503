"""``hamms-trio check``: find out what a client gets wrong."""

from hamms_trio.cli.check.command import check as check
