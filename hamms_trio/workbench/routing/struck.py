"""The routes during an incident: an answer may be replaced, delayed, or left to a failure mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import trio

from hamms_trio.http import GivenAway, Request, Response, error, text
from hamms_trio.http.routes.router import Route
from hamms_trio.workbench.failures import Failures
from hamms_trio.workbench.incidents import Effect, Incidents, Kind
from hamms_trio.workbench.incidents.running import RunningIncident
from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.live.recorder import AnswerRecorder
from hamms_trio.workbench.routing.router import CAN_NOT_FAIL

UNAVAILABLE = text("Incident Injected: upstream unavailable", 503)


class Strikes:
    """The effects of incidents on answers.

    Args:
        failures: plays the failure modes.
    """

    def __init__(
        self, incidents: Incidents, failures: Failures, recorder: AnswerRecorder, events: EventLog
    ) -> None:
        self._incidents = incidents
        self._failures = failures
        self._recorder = recorder
        self._events = events

    def struck(self, route: Route) -> Route:
        """Return a route whose answers the incident may affect."""

        async def respond(request: Request) -> Response:
            found = self._incidents.next_effect()
            if found is None:
                return await _answer(route, request, self._recorder)
            incident, effect = found
            response = await self._affected(route, request, incident, effect)
            self._publish(incident, request, response)
            return response

        struck = Route(route.key, respond, route.max_content)
        struck.variant = route.variant  # the page, from which people end the incident
        return struck

    async def _affected(
        self, route: Route, request: Request, incident: RunningIncident, effect: Effect
    ) -> Response:
        if effect.kind is Kind.FAIL:
            return await self._give_away(request, incident, effect.fail)
        response = await _answer(route, request, self._recorder)
        if effect.kind is Kind.LATENCY:
            with trio.move_on_after(effect.seconds):
                await incident.over.wait()
            return response
        changed = UNAVAILABLE if effect.kind is Kind.STATUS else _without_body(response)
        if changed is not response:
            await _discard(response)
            self._recorder.replace(request, request.content, changed)
        return changed

    async def _give_away(self, request: Request, incident: RunningIncident, fail: str) -> Response:
        content = await request.read()
        try:
            owner = self._failures.owner(fail, incident.hold)
            return GivenAway(owner, content, CAN_NOT_FAIL)
        except ValueError as problem:  # the mode's package is not installed any more
            return error(502, "failure_mode", str(problem))

    def _publish(self, incident: RunningIncident, request: Request, response: Response) -> None:
        self._events.publish(
            "incident.affected",
            {
                "affected_requests": incident.affected,
                "method": request.method,
                "mode": incident.asked.mode,
                "path": request.path,
                "status": response.status,
            },
            request.id.decode(),
        )


async def _answer(route: Route, request: Request, recorder: AnswerRecorder) -> Response:
    """Return the answer that the route itself gives."""
    if route.fixed is not None:
        recorder.keep(request, b"", route.fixed)
        return route.fixed
    if route.waits:
        return await cast("Callable[[Request], Awaitable[Response]]", route.handler)(request)
    await request.read()
    return cast("Callable[[Request], Response]", route.handler)(request)


def _without_body(response: Response) -> Response:
    """Return the same answer with an empty body."""
    if isinstance(response, GivenAway):  # a failure mode answers
        return response
    return Response(
        response.status, b"", response.fields, close=response.close, typed=response.typed
    )


async def _discard(response: Response) -> None:
    """Release the body of an answer that is not sent."""
    close = getattr(response.body, "aclose", None)
    if close is not None:
        await close()
    elif hasattr(response.body, "close"):
        response.body.close()
