"""Client checks that the page starts, each in a process of its own."""

from hamms_trio.workbench.checks.runs import Checks as Checks
