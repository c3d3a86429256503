"""The resources of the control API: one table, which routes calls and is described in OpenAPI."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus

import msgspec

from hamms_trio.canary import check_nonce
from hamms_trio.control import documents
from hamms_trio.control.describing import (
    describe_armed,
    describe_mode,
    describe_nonce,
    describe_outcomes,
)
from hamms_trio.control.guard import check_caller
from hamms_trio.control.resource import ApiResource, File, allowed_methods, find_resource
from hamms_trio.errors import (
    MalformedRequest,
    MethodNotAllowed,
    NoSuchMode,
    NoSuchResource,
    ParameterError,
    RequestError,
    UnknownMode,
)
from hamms_trio.lab.armed.arming import Arming, ClientMatch
from hamms_trio.lab.doors import Doors
from hamms_trio.lab.shared.control import ControlAnswer, ControlCall
from hamms_trio.modes.model.environment import Environment
from hamms_trio.recording.ledger import Ledger
from hamms_trio.version import VERSION

_GUARDS = (
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
)


class Control:
    """The API of one running server; call it with each request.

    Args:
        ports: the port of each door, by its name.
        allowed_hosts: names by which the API is found beside IP addresses and localhost.
    """

    def __init__(
        self,
        doors: Doors,
        ledger: Ledger,
        arming: Arming,
        environment: Environment,
        ports: Mapping[str, int],
        allowed_hosts: Collection[str] = (),
    ) -> None:
        self._doors = doors
        self._ledger = ledger
        self._arming = arming
        self._environment = environment
        self._ports = ports
        self._allowed_hosts = {host.lower() for host in allowed_hosts}

    def __call__(self, call: ControlCall) -> ControlAnswer:
        """Answer a call."""
        try:
            check_caller(call, self._allowed_hosts)
            resource, argument = _found(call)
            document = resource.act(self, argument, call.body)
        except RequestError as error:
            return _refusal(error)
        if document is None:
            return ControlAnswer(HTTPStatus.NO_CONTENT, _GUARDS, b"")
        if not isinstance(document, File):
            document = File("application/json", documents.as_json(document))
        fields = (("Content-Type", document.media_type), *_GUARDS)
        return ControlAnswer(resource.status, fields, document.octets)

    # The resources

    def health(self, _argument: str, _body: bytes) -> documents.Health:
        """Return the server's state, its seed, and the number of its modes."""
        environment = self._environment
        modes, armed = len(self._doors.served), len(self._arming.armed())
        return documents.Health(
            "ok",
            VERSION,
            environment.seed,
            environment.speed,
            modes=modes,
            armed=armed,
            ports=dict(self._ports),
        )

    def modes(self, _argument: str, _body: bytes) -> documents.Modes:
        """List the failure modes that are served."""
        return documents.Modes([self._mode(slug) for slug in self._doors.served])

    def mode(self, name: str, _body: bytes) -> documents.Mode:
        """Describe one failure mode, by its slug or alias, or the name of a door."""
        try:
            return self._mode(name)
        except UnknownMode as error:
            raise NoSuchMode(str(error)) from None

    def outcomes(self, _argument: str, _body: bytes) -> documents.Outcomes:
        """Return the outcomes of named clients that met the failure modes."""
        return describe_outcomes()

    def ledger(self, nonce: str, _body: bytes) -> documents.LedgerDocument:
        """Return the requests and connections of one nonce."""
        return describe_nonce(self._ledger, _checked(nonce))

    def forget(self, nonce: str, _body: bytes) -> None:
        """Delete the records of one nonce from the ledger."""
        self._ledger.forget(_checked(nonce))

    def arm(self, _argument: str, body: bytes) -> documents.Armed:
        """Arm a failure mode for the next connections at the door armed, or the next requests at this door."""
        try:
            order = msgspec.json.decode(body, type=documents.ArmOrder)
        except msgspec.ValidationError as error:
            raise ParameterError(f"the order is invalid: {error}") from None
        except msgspec.DecodeError as error:
            raise MalformedRequest(f"the body is not JSON: {error}") from None
        wanted = order.match
        match = ClientMatch(wanted.method, wanted.path, wanted.host, wanted.sni, wanted.fields)
        try:
            fault = self._arming.arm(
                order.mode, order.arguments, times=order.times, ttl=order.ttl, match=match
            )
        except UnknownMode as error:
            raise NoSuchMode(str(error)) from None
        return describe_armed(fault, self._arming.seconds_left(fault))

    def armed(self, _argument: str, _body: bytes) -> documents.AllArmed:
        """List the faults that wait for their clients."""
        arming = self._arming
        return documents.AllArmed(
            [describe_armed(fault, arming.seconds_left(fault)) for fault in arming.armed()]
        )

    def disarm(self, number: str, _body: bytes) -> None:
        """Disarm one fault, by its id."""
        if not number.isdecimal() or not self._arming.disarm(int(number[:18])):
            raise NoSuchResource(
                f"no fault {number[:20]!r} is armed: it may have struck or expired"
            )

    def disarm_all(self, _argument: str, _body: bytes) -> None:
        """Disarm every fault."""
        self._arming.disarm()

    def ca_pem(self, _argument: str, _body: bytes) -> File:
        """Return the root certificate of this server, in PEM."""
        root = self._environment.contexts.mint.authority
        return File("application/x-pem-file", root.pem)

    def openapi(self, _argument: str, _body: bytes) -> dict[str, object]:
        """Describe this API in OpenAPI 3.1."""
        from hamms_trio.control.openapi import describe_api  # schemas take some time to make

        return describe_api(RESOURCES)

    def _mode(self, name: str) -> documents.Mode:
        door = self._doors.find_served(name)
        return describe_mode(door, self._ports.get(door.name))


RESOURCES: tuple[ApiResource[Control], ...] = (
    ApiResource("GET", "health", Control.health, documents.Health),
    ApiResource("GET", "modes", Control.modes, documents.Modes),
    ApiResource("GET", "modes/{slug}", Control.mode, documents.Mode),
    ApiResource("GET", "outcomes", Control.outcomes, documents.Outcomes),
    ApiResource("GET", "ledger/{nonce}", Control.ledger, documents.LedgerDocument),
    ApiResource("DELETE", "ledger/{nonce}", Control.forget, None, HTTPStatus.NO_CONTENT),
    ApiResource("GET", "arm", Control.armed, documents.AllArmed),
    ApiResource(
        "POST", "arm", Control.arm, documents.Armed, HTTPStatus.CREATED, documents.ArmOrder
    ),
    ApiResource("DELETE", "arm", Control.disarm_all, None, HTTPStatus.NO_CONTENT),
    ApiResource("DELETE", "arm/{id}", Control.disarm, None, HTTPStatus.NO_CONTENT),
    ApiResource("GET", "ca.pem", Control.ca_pem, None),
    ApiResource("GET", "openapi.json", Control.openapi, None),
)


def _found(call: ControlCall) -> tuple[ApiResource[Control], str]:
    found = find_resource(RESOURCES, call.method, call.path)
    if found is not None:
        return found
    allowed = allowed_methods(RESOURCES, call.path)
    if allowed:
        problem = f"{call.method} is not offered at /_hamms/{call.path[:80]}"
        raise MethodNotAllowed(problem, allow=", ".join(allowed))
    raise NoSuchResource(
        f"/_hamms/{call.path[:80]} does not exist: /_hamms/openapi.json lists the resources"
    )


def _checked(nonce: str) -> str:
    try:
        return check_nonce(nonce)
    except ValueError as error:
        raise ParameterError(str(error)) from None


def _refusal(error: RequestError) -> ControlAnswer:
    fields = [("Content-Type", "application/problem+json"), *_GUARDS]
    if isinstance(error, MethodNotAllowed):
        fields.append(("Allow", error.allow))
    problem = documents.ProblemDocument(HTTPStatus(error.status).phrase, error.status, str(error))
    return ControlAnswer(error.status, tuple(fields), documents.as_json(problem))
