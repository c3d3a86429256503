"""/api/auth: log in, log out, and show who the caller is."""

from __future__ import annotations

import msgspec

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.routing.problems import Problem


class Credentials(msgspec.Struct):
    """A user's name and password."""

    username: str
    password: str


async def log_in(call: ApiCall) -> Response:
    given = await call.document("top-level")
    return success({"session": await call.bench.guard.log_in(given, call.request.client[0])})


async def show_identity(call: ApiCall) -> Response:
    identity = call.bench.guard.identify(call.token)
    if identity is None:  # the session ended a moment ago
        raise Problem(401, "unauthorized", "unauthorized")
    return success({"auth": {"username": identity.username, "role": identity.role.word}})


async def log_out(call: ApiCall) -> Response:
    call.bench.guard.log_out(call.token)
    return success({"logged_out": True})


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/auth/login",
        handler=log_in,
        summary="Open a session.",
        body=Credentials,
        statuses=(401, 429, 503),
        max_content=16 * 1024,
    ),
    Operation(
        method="GET",
        path="/api/auth/me",
        handler=show_identity,
        summary="Show who the token belongs to.",
    ),
    Operation(
        method="POST",
        path="/api/auth/logout",
        handler=log_out,
        summary="End the session.",
        statuses=(401,),
    ),
)
