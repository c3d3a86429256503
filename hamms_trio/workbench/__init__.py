"""The workbench: what the well-behaved server serves beside the failure modes."""

from hamms_trio.workbench.running import (
    WORKBENCH_PORT as WORKBENCH_PORT,
    Workbench as Workbench,
    open_workbench as open_workbench,
)
