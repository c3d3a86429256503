"""Targets: services that the workbench calls for its users, with an allow-list, limits and failure modes."""

from hamms_trio.workbench.targets.allowed import AllowedTargets as AllowedTargets
from hamms_trio.workbench.targets.calls import (
    TargetAnswer as TargetAnswer,
    TargetCalls as TargetCalls,
)
from hamms_trio.workbench.targets.client import Outgoing as Outgoing, TargetClient as TargetClient
from hamms_trio.workbench.targets.collection import Targets as Targets
from hamms_trio.workbench.targets.failing import TargetFailed as TargetFailed
from hamms_trio.workbench.targets.model import Target as Target
