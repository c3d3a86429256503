"""The workbench: what the well-behaved server serves beside the failure modes."""

from hamms_trio.http.serving.running import RunningServer as Workbench
from hamms_trio.workbench.running import (
    CHALLENGE_PORT as CHALLENGE_PORT,
    WORKBENCH_PORT as WORKBENCH_PORT,
    open_workbench as open_workbench,
)

__all__ = ["CHALLENGE_PORT", "WORKBENCH_PORT", "Workbench", "open_workbench"]
