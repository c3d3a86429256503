"""``hamms-trio check``: tell a client what it gets wrong."""

from hamms_trio.cli.check.command import check as check
