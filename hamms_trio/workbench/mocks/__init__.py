"""Mocks: answers that the user defines for a method and a path."""

from hamms_trio.workbench.mocks.answers import MockAnswer as MockAnswer, MockAnswers as MockAnswers
from hamms_trio.workbench.mocks.collection import (
    Candidates as Candidates,
    MockLimits as MockLimits,
    Mocks as Mocks,
)
from hamms_trio.workbench.mocks.model import Mock as Mock, MockStep as MockStep
