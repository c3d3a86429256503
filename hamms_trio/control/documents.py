"""The documents of the control API, as structs; their JSON schemas are derived from them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hamms_trio.lab.armed.arming import MOST_TIMES, TIMES, TTL_SECONDS
from hamms_trio.modes.model.parameters import DAY, Value


class ProblemDocument(Struct, frozen=True):
    """The reason why a call was refused (RFC 9457)."""

    title: str
    status: int
    detail: str


class Health(Struct, frozen=True):
    """The state of a running server; ``ports`` has the port of each door, by the door's name."""

    status: str
    version: str
    seed: int
    speed: float
    modes: int
    armed: int
    ports: dict[str, int]


class ClientDocument(Struct, frozen=True):
    """The behaviour that a correct client owes; ``sentences`` describe it in a form that a user can check."""

    outcome: str
    meaning: str
    sentences: list[str]
    level: str
    attempts: dict[str, int]
    reuse: str
    source: str


class ParameterDocument(Struct, frozen=True):
    """One parameter of a failure mode; ``more`` has the members that only some types of parameter have."""

    name: str
    type: str
    default: Value
    takes: str
    unit: str | UnsetType = UNSET
    minimum: int | UnsetType = UNSET
    maximum: int | UnsetType = UNSET
    maximum_length: int | UnsetType = UNSET
    choices: list[str] | UnsetType = UNSET
    pattern: str | UnsetType = UNSET
    more: dict[str, Any] | UnsetType = UNSET


class Mode(Struct, frozen=True):
    """One failure mode at one door; ``port`` is null where it has no port of its own.

    ``control`` names the same exchange without the fault, or is empty; ``unavailable`` is the reason why this
    system can't play the mode.
    """

    name: str
    slug: str
    aliases: list[str]
    family: str
    offset: int | None
    port: int | None
    given: dict[str, Value]
    driver: str
    needs_port: str | None
    summary: str
    description: str
    client: ClientDocument
    issues: list[str]
    parameters: list[ParameterDocument]
    modifiers: list[ParameterDocument]
    control: str = ""
    unavailable: str | None = None


class Modes(Struct, frozen=True):
    """All failure modes that are served."""

    modes: list[Mode]


class Outcomes(Struct, frozen=True):
    """Measured outcomes of named clients; they are not verdicts, and newer versions of a client may differ.

    ``outcomes`` has for each door one word for each of the ``clients``, and ``meanings`` explains the words.
    ``alike`` has a sentence for each mode that had one outcome with all clients of a larger measurement.
    """

    clients: list[str]
    meanings: dict[str, str]
    outcomes: dict[str, list[str]]
    alike: dict[str, str]


class TlsDocument(Struct, frozen=True):
    """The state of TLS on one connection; ``client_certificate`` is its SHA-256 in hexadecimal.

    ``alerts`` and ``close_notify`` are those the client has sent; ``close_notify`` is null while the client's side
    is open. ``failure`` is the reason why the handshake failed, or null.
    """

    sni: str | None
    offered: list[str]
    version: str | None
    cipher: str | None
    alpn: str | None
    resumed: bool
    client_certificate: str | None
    alerts: list[int]
    close_notify: bool | None
    failure: str | None


class Connection(Struct, frozen=True):
    """One connection; ``opened`` is in seconds since the epoch, and each end is FIN, RST, vanished or null."""

    id: int
    mode: str
    door: str
    client: str
    opened: float
    octets_received: int
    octets_sent: int
    client_end: str | None
    server_end: str | None
    tls: TlsDocument | None


class Body(Struct, frozen=True):
    """The part of a request's content that was read."""

    octets: int
    sha256: str


class RequestDocument(Struct, frozen=True):
    """One request; ``spacing`` is the time in seconds since the previous request with the same nonce."""

    connection: int
    mode: str
    key: str
    at: float
    spacing: float | None
    method: str
    target: str
    fields: list[tuple[str, str]]
    body: Body
    status: int | None
    octets_sent: int
    struck: bool
    ignored_parameters: list[str]


class LedgerDocument(Struct, frozen=True):
    """The requests and connections of one nonce."""

    nonce: str
    fired: bool
    connections: list[Connection]
    requests: list[RequestDocument]


class MatchDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The clients that an armed fault waits for: patterns such as ``/v1/*``, all of which have to match.

    ``sni`` is the host in the ClientHello, which arrives before any request.
    """

    method: str | None = None
    path: str | None = None
    host: str | None = None
    sni: str | None = None
    fields: dict[str, str] = {}


class ArmOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A failure mode, its arguments, and the clients that are to meet it."""

    mode: str
    times: Annotated[int, Meta(ge=1, le=MOST_TIMES)] = TIMES
    ttl: Annotated[float, Meta(gt=0, le=DAY)] = TTL_SECONDS
    match: MatchDocument = MatchDocument()
    arguments: dict[str, Value] = {}


class Armed(Struct, frozen=True):
    """An armed fault; it expires after ``seconds_left``."""

    id: int
    mode: str
    arguments: dict[str, Value]
    times: int
    left: int
    seconds_left: float
    match: MatchDocument


class AllArmed(Struct, frozen=True):
    """All armed faults."""

    armed: list[Armed]


def as_json(document: Struct | dict[str, object]) -> bytes:
    """Encode a document, indented for people."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
