"""The API: a table of operations, with one file for each resource."""

from hamms_trio.workbench.api import (
    auth,
    checks as checks_api,
    events,
    history,
    incidents,
    mocks,
    playground,
    proxy,
    replay,
    scenarios,
    targets,
    transcripts,
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
TARGETS = (*targets.OPERATIONS, *proxy.OPERATIONS)
OTHERS = (*trends.OPERATIONS, *auth.OPERATIONS, *incidents.OPERATIONS, *transcripts.OPERATIONS)


def operations_of(
    *,
    playground: bool = True,
    live_events: bool = True,
    streams: bool = True,
    checks: bool = True,
    with_scenarios: bool = True,
    with_targets: bool = True,
) -> tuple[Operation, ...]:
    """Return the table of a workbench with or without these features."""
    streamed = events.OPERATIONS if streams else events.WITHOUT_STREAMS
    return (
        *(PLAYGROUND if playground else ()),
        *(scenarios.OPERATIONS if with_scenarios else ()),
        *(TARGETS if with_targets else ()),
        *(streamed if live_events else events.WITHOUT_EVENTS),
        *(checks_api.OPERATIONS if checks else ()),
        *OTHERS,
    )
