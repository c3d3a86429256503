"""The document of a scenario, and the rules that it must keep."""

from hamms_trio.workbench.scenarios.document.limits import ScenarioLimits as ScenarioLimits
from hamms_trio.workbench.scenarios.document.model import (
    Chaos as Chaos,
    Expect as Expect,
    Extract as Extract,
    Group as Group,
    Retry as Retry,
    Scenario as Scenario,
    Step as Step,
    document_of as document_of,
)
from hamms_trio.workbench.scenarios.document.reading import read_scenario as read_scenario
