"""The report of a run: its members, its analysis, and JUnit's form of it."""

from hamms_trio.workbench.scenarios.report.junit import junit_xml as junit_xml
from hamms_trio.workbench.scenarios.report.model import (
    Analysis as Analysis,
    Assertion as Assertion,
    Report as Report,
    RunSummary as RunSummary,
    StepResult as StepResult,
)
