"""One load on a URL by a plan: the checks before it, and its result."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime
from typing import Protocol

import trio

from hamms_trio.errors import LoadError
from hamms_trio.load.limits import MAX_OUT_OCTETS
from hamms_trio.load.plan import Plan
from hamms_trio.load.plan.request import RepeatedRequest
from hamms_trio.load.plan.target import LoadTarget, Url, choose, resolve
from hamms_trio.load.result import Result
from hamms_trio.load.run import Load, make_carrier


class LoadWatch(Protocol):
    """A task beside a load; the load begins when the task has started."""

    async def __call__(self, load: Load, /, *, task_status: trio.TaskStatus[None]) -> None: ...


async def generate(
    url: Url,
    request: RepeatedRequest,
    plan: Plan,
    *,
    tls: ssl.SSLContext | None = None,
    anywhere: bool = False,
    watch: LoadWatch | None = None,
) -> Result:
    """Put a server under load.

    Args:
        url: of the target.
        request: the request that is repeated.
        plan: the shape of the load.
        tls: the TLS context of an https URL.
        anywhere: True to allow addresses that are not loopback.
        watch: a task that is cancelled when the load is over.

    Raises:
        LoadError: the load is not allowed or not possible; nothing was sent.
    """
    check(plan, request)
    addresses = await resolve(url, anywhere=anywhere)
    target = LoadTarget(url, await choose(addresses, plan.timeout), tls)
    load = Load(plan, request, make_carrier(target))
    began, since, cpu = datetime.now(UTC), time.monotonic(), time.process_time()
    async with trio.open_nursery() as nursery:
        if watch is not None:
            await nursery.start(watch, load)
        outcome = await load.run()
        nursery.cancel_scope.cancel()
    return Result(
        url=url.text,
        address=_written(target),
        method=request.method,
        request_octets=len(request.octets),
        plan=plan,
        outcome=outcome,
        began=began.isoformat(timespec="milliseconds"),
        elapsed=time.monotonic() - since,
        cpu=time.process_time() - cpu,
    )


def check(plan: Plan, request: RepeatedRequest) -> None:
    """Refuse a plan whose parts contradict each other.

    Raises:
        LoadError: they do.
    """
    if plan.pipeline_depth > 1 and not plan.keepalive:
        raise LoadError("a pipeline needs --keepalive: a connection that ends has one request")
    if plan.pipeline_depth * len(request.octets) > MAX_OUT_OCTETS:
        raise LoadError(
            f"{plan.pipeline_depth} requests of {len(request.octets)} octets on each connection are "
            f"more than {MAX_OUT_OCTETS}: take a shorter body or --pipeline-depth"
        )
    for name in ("duration", "timeout", "rate"):
        if getattr(plan, name) == 0:
            raise LoadError(f"the {name} has to be more than 0")


def _written(target: LoadTarget) -> str:
    _, (host, port, *_) = target.address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
