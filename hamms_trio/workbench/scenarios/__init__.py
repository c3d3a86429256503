"""Scenarios: journeys of several requests, with chaos that a seed decides, and a verdict."""

from hamms_trio.workbench.scenarios.collection import Scenarios as Scenarios
from hamms_trio.workbench.scenarios.document import (
    Scenario as Scenario,
    ScenarioLimits as ScenarioLimits,
    document_of as document_of,
    read_scenario as read_scenario,
)
from hamms_trio.workbench.scenarios.report import Report as Report, junit_xml as junit_xml
from hamms_trio.workbench.scenarios.reports import Reports as Reports
from hamms_trio.workbench.scenarios.run import (
    RunOrder as RunOrder,
    run_scenario as run_scenario,
)
from hamms_trio.workbench.scenarios.runner import Runner as Runner, read_seed as read_seed
