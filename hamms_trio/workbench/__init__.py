"""The workbench: the well-behaved server beside the failure modes, with mocks, history, events and accounts.

*The reference*, in this package, is an older workbench with which this one is compatible: paths, JSON members,
error codes, options, default figures and state files are its own, so that its clients and its files work here.
"""

from hamms_trio.workbench.building import WorkbenchOptions as WorkbenchOptions
from hamms_trio.workbench.handles import Incident as Incident, OpenTarget as OpenTarget
from hamms_trio.workbench.library import (
    VerificationFailed as VerificationFailed,
    Workbench as Workbench,
)
from hamms_trio.workbench.running import (
    CHALLENGE_PORT as CHALLENGE_PORT,
    WORKBENCH_PORT as WORKBENCH_PORT,
    open_workbench as open_workbench,
)
