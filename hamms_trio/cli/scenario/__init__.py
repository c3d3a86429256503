"""``hamms-trio scenario``: scenarios from files, and those of a running workbench."""

from hamms_trio.cli.scenario.commands import scenario as scenario
