"""A scenario from a file, run in this process; its steps are HTTP requests to a server."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from socket import create_connection
from urllib.parse import urlsplit

import click
import msgspec
import trio

from hamms_trio.cli.remote import FAILED
from hamms_trio.lab.doors import Doors
from hamms_trio.modes import known_modes
from hamms_trio.workbench.history.record import combined, content_of, written
from hamms_trio.workbench.routing.documents import read_object
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.received import Pair
from hamms_trio.workbench.scenarios import (
    Report,
    RunOrder,
    Scenario,
    ScenarioLimits,
    read_scenario,
    run_scenario,
)
from hamms_trio.workbench.scenarios.document import Step
from hamms_trio.workbench.scenarios.reach.client import StepClient, open_client
from hamms_trio.workbench.scenarios.reach.modes import open_mode, step_door
from hamms_trio.workbench.scenarios.report import StepResult
from hamms_trio.workbench.scenarios.run import UNOBSERVED, Unobserved
from hamms_trio.workbench.scenarios.steps.sending import (
    Loss,
    ResponseLost,
    SendStep,
    StepAnswer,
    StepRequest,
)
from hamms_trio.workbench.targets.model import LOCAL
from netsplode.usage import Refused

TLS_PLACE, PLAIN_PLACE = ("127.0.0.1", 8443), "http://127.0.0.1:8080"
TLS_PROBE_SECONDS = 0.5
RUN_SECONDS = 3_600.0
PROXY_PATH = "/api/proxy/request"


def default_base_url() -> str:
    """Return the URL of the workbench on this machine: the one over TLS if there is one."""
    try:
        create_connection(TLS_PLACE, TLS_PROBE_SECONDS).close()
    except OSError:
        return PLAIN_PLACE
    return "https://{}:{}".format(*TLS_PLACE)


def run_file(
    path: Path,
    base_url: str,
    *,
    seed: int,
    max_steps: int,
    max_assertions: int,
    token: str,
    live: bool,
    insecure: bool,
    variables: Mapping[str, str],
    tags: tuple[str, ...],
) -> Report:
    """Run the scenario of a file against a server.

    Raises:
        Refused: the scenario or the URL can't be used.
        click.exceptions.Exit: the file is missing.
    """
    limits = ScenarioLimits(steps=max_steps, assertions=max_assertions, seconds=RUN_SECONDS)
    doors = Doors(known_modes())
    scenario = _read(path, limits, doors)
    for name in variables:
        if name not in scenario.variables:
            known = ", ".join(sorted(scenario.variables)) or "none"
            raise Refused(f"--var {name}: the scenario has no such variable; it has {known}")
    order = RunOrder(seed=seed, variables=variables, tags=tags)
    trust = _trust(base_url, insecure=insecure)

    async def main() -> Report:
        async with open_client(base_url, trust) as client:
            world = RemoteWorld(client, base_url, token, doors)
            observer = Printing() if live else UNOBSERVED
            return await run_scenario(scenario, order, world, limits=limits, observer=observer)

    return trio.run(main)


class RemoteWorld:
    """The server at a URL, the targets of the workbench there, and failure modes in this process."""

    def __init__(self, client: StepClient, base_url: str, token: str, doors: Doors) -> None:
        self.host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._client = client
        self._token = token
        self._doors = doors

    async def send(self, target_id: str, request: StepRequest) -> StepAnswer:
        """Return the answer of the server, or of a target of its own (see `World.send`)."""
        if target_id == LOCAL:
            return await self._client.send(self._authorized(request))
        asked = {
            "target_id": target_id,
            "method": request.method,
            "path": request.target,
            "headers": combined(request.fields),
            "timeout_ms": int(request.seconds * 1000),
            **written(request.body),
        }
        fields = (("content-type", "application/json"),)
        body = json.dumps(asked).encode()
        sent = StepRequest("POST", PROXY_PATH, fields, body, request.seconds)
        return _answer_of_target(await self._client.send(self._authorized(sent)))

    def failing(self, fail: str, seed: int) -> AbstractAsyncContextManager[SendStep]:
        """Serve a failure mode in this process (see `World.failing`)."""
        return open_mode(self._doors, fail, seed)

    def _authorized(self, request: StepRequest) -> StepRequest:
        """Return the request with the user's token, unless the step has credentials of its own."""
        if not self._token or any(name == "authorization" for name, _ in request.fields):
            return request
        own: Pair = ("authorization", f"Bearer {self._token}")
        return replace(request, fields=(*request.fields, own))


class _ShownResponse(msgspec.Struct):
    status: int
    headers: dict[str, str | list[str]] = {}
    body: str = ""
    body_encoding: str = ""


class _Shown(msgspec.Struct):
    response: _ShownResponse


class Printing(Unobserved):
    """The observer that prints each step as it begins and ends."""

    def step_started(self, scenario: Scenario, step: Step) -> None:
        """Print that a step begins."""
        click.echo(f"STEP START scenario={scenario.id} step={step.id} target={step.target_id}")

    def step_completed(self, scenario: Scenario, step: Step, result: StepResult) -> None:
        """Print a step's result."""
        click.echo(
            f"STEP END step={step.id} status={result.status} latency_ms={result.latency_ms} "
            f"trace={result.trace_id} reason={result.failure_reason or ''}"
        )


def _read(path: Path, limits: ScenarioLimits, doors: Doors) -> Scenario:
    try:
        octets = path.read_bytes()
    except OSError as error:
        click.echo(f"hamms-trio: {path} can't be read: {error.strerror}", err=True)
        raise click.exceptions.Exit(FAILED) from None
    try:
        given = read_object(octets)
        reading = read_scenario(given, limits=limits, check_fail=partial(step_door, doors))
    except Problem as problem:
        raise Refused(f"{path}: {problem.message}") from None
    for place in reading.dropped:
        click.echo(f"hamms-trio: {path}: ignored {place}, which no scenario has", err=True)
    reading.scenario.id = reading.scenario.id or token_hex(6)
    return reading.scenario


def _trust(base_url: str, *, insecure: bool) -> ssl.SSLContext:
    """Return the context that verifies certificates; it accepts any from loopback addresses.

    Raises:
        Refused: the URL can't be used.
    """
    try:
        url = urlsplit(base_url)
        host, scheme = url.hostname, url.scheme
        _ = url.port
    except ValueError:
        host, scheme = None, ""
    if scheme not in ("http", "https") or not host:
        raise Refused(f"--base-url {base_url} is no URL: give one such as http://127.0.0.1:8080")
    if scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context()
    if insecure or _is_loopback(host):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _answer_of_target(answer: StepAnswer) -> StepAnswer:
    """Return the target's answer from the workbench's document, or the workbench's refusal.

    Raises:
        Lost: the document is not one of a workbench.
    """
    if answer.status != 200:
        return answer
    try:
        shown = msgspec.json.decode(answer.body, type=_Shown).response
        body = content_of(msgspec.to_builtins(shown))
    except ValueError:  # msgspec's errors are ValueErrors, too
        raise ResponseLost(
            Loss.MALFORMED, "the server's answer is not one of /api/proxy/request"
        ) from None
    fields: list[Pair] = []
    for name, value in shown.headers.items():
        fields += [(name, one) for one in (value if isinstance(value, list) else [value])]
    return StepAnswer(shown.status, tuple(fields), body)
