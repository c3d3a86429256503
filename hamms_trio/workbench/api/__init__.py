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
from hamms_trio.workbench.api.operations import (
    Operation,
    add_operations as add_operations,
)

PLAYGROUND = (
    *mocks.OPERATIONS,
    *history.OPERATIONS,
    *replay.OPERATIONS,
    *playground.OPERATIONS,
    *verify.OPERATIONS,
)
OTHERS = (*trends.OPERATIONS, *auth.OPERATIONS)


def operations_of(
    *, playground: bool = True, live_events: bool = True, streams: bool = True
) -> tuple[Operation, ...]:
    """Return the table of a workbench with or without these features."""
    served = events.OPERATIONS if streams else events.WITHOUT_STREAMS
    told = served if live_events else events.WITHOUT_EVENTS
    return (*(PLAYGROUND if playground else ()), *told, *OTHERS)
