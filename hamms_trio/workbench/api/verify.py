"""/api/verify: whether the requests came that a test expects."""

from __future__ import annotations

import time

import msgspec

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.history.verify import Verification, read_verification, verify


async def verify_requests(call: ApiCall) -> Response:
    wanted = read_verification(await call.document())
    call.bench.service.account.settle()
    verdict = await verify(call.bench.history, wanted, now_ms=int(time.time() * 1000))
    return success(msgspec.to_builtins(verdict))


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/verify",
        handler=verify_requests,
        summary="Compare the history with the requests that a test expects.",
        body=Verification,
        answer={
            "type": "object",
            "required": ["verified", "count", "message"],
            "properties": {
                "verified": {"type": "boolean"},
                "count": {"type": "integer"},
                "message": {"type": "string"},
            },
        },
    ),
)
