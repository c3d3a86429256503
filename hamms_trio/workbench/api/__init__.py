"""The API: a table of operations, a file for each resource."""

from hamms_trio.workbench.api import (
    auth,
    events,
    history,
    mocks,
    playground,
    replay,
    trends,
    verify,
)
from hamms_trio.workbench.api.openapi import openapi_route as openapi_route
from hamms_trio.workbench.api.operations import add_operations as add_operations

OPERATIONS = (
    *mocks.OPERATIONS,
    *history.OPERATIONS,
    *replay.OPERATIONS,
    *playground.OPERATIONS,
    *verify.OPERATIONS,
    *events.OPERATIONS,
    *trends.OPERATIONS,
    *auth.OPERATIONS,
)
