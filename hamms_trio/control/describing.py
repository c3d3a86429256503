"""The control API's documents, made from the lab's objects."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec

from hamms_trio.control import documents
from hamms_trio.control.outcomes import by_version, meaning_of, of_catalogue
from hamms_trio.lab.armed.arming import ArmedFault
from hamms_trio.lab.doors import Door
from hamms_trio.modes.model.parameters import Parameter
from hamms_trio.net.observer import Ending
from hamms_trio.recording.ledger import ConnectionRecord, Ledger, RequestRecord
from hamms_trio.recording.records import TlsRecord

# The members of a domain's description that the document names.
_DOMAIN = ("unit", "minimum", "maximum", "maximum_length", "choices", "pattern")


def describe_mode(door: Door, port: int | None) -> documents.Mode:
    """Describe a failure mode at a door."""
    mode, client = door.mode, door.mode.client
    return documents.Mode(
        name=door.name,
        slug=mode.slug,
        aliases=list(mode.aliases),
        family=mode.family,
        offset=door.offset,
        port=port,
        given=dict(door.given),
        driver=mode.driver.name,
        needs_port=mode.needs_port,
        summary=mode.summary,
        description=mode.description,
        client=documents.ClientDocument(
            outcome=client.outcome.name.lower(),
            meaning=client.outcome.value,
            sentences=client.sentences,
            level=client.level.value,
            attempts=dict(client.attempts),
            reuse=client.reuse.name.lower(),
            source=client.source,
        ),
        issues=list(mode.links),
        parameters=list(map(_describe_parameter, mode.parameters)),
        modifiers=list(map(_describe_parameter, mode.modifiers)),
        control=mode.control,
        unavailable=mode.obstacle,
    )


def describe_nonce(ledger: Ledger, nonce: str) -> documents.LedgerDocument:
    """Describe all that the ledger knows of a nonce."""
    connections, requests = ledger.of_nonce(nonce)
    epoch = time.time() - time.monotonic()
    spacing: Iterable[float | None] = [None, *requests.spacing]
    return documents.LedgerDocument(
        nonce=nonce,
        fired=any(r.struck for r in requests)
        or any(c.struck for c in connections if c.nonce == nonce),
        connections=[_describe_connection(record, epoch) for record in connections],
        requests=[
            _describe_request(record, seconds, epoch)
            for record, seconds in zip(requests, spacing, strict=False)
        ],
    )


def describe_armed(fault: ArmedFault, seconds_left: float) -> documents.Armed:
    """Describe a fault that waits for its clients."""
    match = fault.match
    return documents.Armed(
        id=fault.number,
        mode=fault.door.slug,
        arguments=dict(fault.door.given),
        times=fault.times,
        left=fault.left,
        seconds_left=round(seconds_left, 3),
        match=documents.MatchDocument(
            match.method, match.path, match.host, match.sni, dict(match.fields)
        ),
    )


def _describe_parameter(parameter: Parameter) -> documents.ParameterDocument:
    domain: dict[str, Any] = parameter.domain.describe()
    known = {name: domain.pop(name) for name in _DOMAIN if name in domain}
    return documents.ParameterDocument(
        name=parameter.name,
        type=parameter.kind.__name__,
        default=parameter.default,
        takes=parameter.takes,
        **known,
        more=domain or msgspec.UNSET,
    )


def _describe_connection(record: ConnectionRecord, epoch: float) -> documents.Connection:
    host, port = record.client
    return documents.Connection(
        id=record.number,
        mode=record.slug,
        door=record.door,
        client=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        opened=record.opened + epoch,
        octets_received=record.octets_received,
        octets_sent=record.octets_sent,
        client_end=_end(record.left),
        server_end=_end(record.ended),
        tls=None if record.tls is None else _describe_tls(record.tls),
    )


def _describe_tls(record: TlsRecord) -> documents.TlsDocument:
    agreed = record.agreed
    certificate = agreed.client_certificate if agreed is not None else None
    return documents.TlsDocument(
        sni=record.server_name,
        offered=list(record.offered),
        version=agreed.version if agreed is not None else None,
        cipher=agreed.cipher if agreed is not None else None,
        alpn=agreed.protocol if agreed is not None else None,
        resumed=agreed is not None and agreed.is_resumed,
        client_certificate=sha256(certificate).hexdigest() if certificate else None,
        alerts=list(record.alerts),
        close_notify=record.close_notify,
        failure=record.failure,
    )


def _end(ending: Ending | None) -> str | None:
    return None if ending is None else ending.value


def _describe_request(
    record: RequestRecord, spacing: float | None, epoch: float
) -> documents.RequestDocument:
    return documents.RequestDocument(
        connection=record.connection.number,
        mode=record.slug,
        key=record.key,
        at=record.at + epoch,
        spacing=spacing,
        method=record.method,
        target=record.target,
        fields=list(record.fields),
        body=documents.Body(record.body_octets, record.body_sha256),
        status=record.status,
        octets_sent=record.octets_sent,
        struck=record.struck,
        ignored_parameters=list(record.ignored_parameters),
    )


@cache
def describe_outcomes() -> documents.Outcomes:
    """Describe the outcomes of named clients."""
    clients, rows = by_version()
    words = {word for outcomes in rows.values() for word in outcomes}
    return documents.Outcomes(
        clients,
        {word: meaning_of(word) for word in sorted(words)},
        rows,
        {slug: alike.sentence for slug, alike in of_catalogue().items()},
    )
