"""Answers to an upload that come early, late or not at all, and odd reactions to ``Expect`` (RFC 9110 §10.1.1)."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import Level, may_retry, must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice, Flag, Octets
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import Field, RequestHead

KIBIBYTE = 1024
# The fields that a refusal needs, by its status.
REFUSALS: dict[str, tuple[Field, ...]] = {
    "413": (),
    "401": (("WWW-Authenticate", 'Basic realm="hamms", charset="UTF-8"'),),
    "403": (),
    "500": (),
    "503": (("Retry-After", "1"),),
}

Refusal = Annotated[str, Choice(*REFUSALS)]


@on_request(
    client=must_error(
        "RFC 9112 §9.5, §9.6 ¶7",
        level=Level.SHOULD,
        owes="The error names the status, and the ledger shows that "
        "the rest of the body was not sent.",
    ),
    issues=(
        "psf/requests#2422",
        "nodejs/node#54366",
        "chansen/p5-http-tiny#121",
        "dakrone/clj-http#277",
    ),
)
async def upload_early_413(
    peer: Peer,
    request: RequestHead,
    *,
    status: Refusal = "413",
    after: Octets = KIBIBYTE,
    linger: Flag = False,
) -> None:
    """Read ``after`` octets of the body, answer 413, and reset the connection with the rest unread.

    The client reports 413 rather than the reset, and stops sending. ``linger`` reads the rest after the answer and
    closes, as a good server does.
    """
    received = 0
    while received < after and (data := await peer.http.receive_content()):
        received += len(data)
    await _refuse(peer, status)
    await peer.end("fin" if linger else "rst")


@on_request(
    client=must_succeed(
        "RFC 9110 §7.5", level=Level.SHOULD, owes="The ledger shows the whole body."
    )
)
async def upload_early_200(peer: Peer, request: RequestHead) -> None:
    """Answer 200 before the body has been read, then read on.

    The client should send the rest, or the connection can't be used again.
    """
    await answer_healthily(peer, request)
    await peer.http.discard_content()


@on_request(
    client=must_succeed(
        "RFC 9110 §10.1.1",
        level=Level.SHOULD,
        owes="The ledger shows the whole body, after a wait that the client chose itself.",
    ),
    decides=True,
)
async def upload_expect_ignored(peer: Peer, request: RequestHead) -> None:
    """Never answer ``Expect: 100-continue``, and wait for the body without it.

    The client must not wait for ever: it sends the body after a delay of its own choice.
    """
    if request.expects_continue:
        peer.strike()
    await _echo(peer, request, invites=False)


@on_request(client=may_retry("RFC 9110 §15.5.18", attempts={"POST": 2}), decides=True)
async def upload_expect_417(peer: Peer, request: RequestHead) -> None:
    """Answer 417 to a request with ``Expect: 100-continue``, and read one without.

    The client may send the request again without Expect.
    """
    if request.expects_continue:
        peer.strike()
        await peer.http.respond(request, 417)
    else:
        await _echo(peer, request)


@on_request(
    client=must_error(
        "RFC 9110 §10.1.1", owes="The error names the status, and the ledger shows no body."
    ),
    decides=True,
)
async def upload_expect_final(peer: Peer, request: RequestHead, *, status: Refusal = "413") -> None:
    """Answer ``Expect: 100-continue`` with a refusal instead of 100, and close.

    The client does not send the body; the ledger shows how many octets came.
    """
    if request.expects_continue:
        peer.strike()
        await _refuse(peer, status)
        await peer.finish()
    else:
        await _echo(peer, request)


@on_request(client=must_error("RFC 9112 §8"), needs_http11=True)
async def upload_100_then_close(peer: Peer, request: RequestHead) -> None:
    """Send ``100 Continue``, whether it was asked for or not, then close without an answer."""
    await peer.send(peer.http.head(100))
    await peer.finish()


@on_request(
    client=must_succeed(
        "RFC 9110 §9.3.3",
        owes="The answer names the length and the SHA-256 of what the client meant to send.",
    )
)
async def upload_echo_digest(peer: Peer, request: RequestHead) -> None:
    """Answer with the number of the octets that arrived and their SHA-256, as JSON.

    The answer shows whether the client has sent the body that its user gave it.
    """
    await _echo(peer, request)


@on_request(client=may_retry("RFC 9110 §15.5.12", attempts={"POST": 2}), decides=True)
async def upload_chunked_411(peer: Peer, request: RequestHead) -> None:
    """Answer 411 to a request with a chunked body, and read one with a length.

    The client may send the request again with a Content-Length; otherwise it reports the failure.
    """
    if request.chunked:
        peer.strike()
        await peer.http.respond(request, 411)
    else:
        await _echo(peer, request)


async def _echo(peer: Peer, request: RequestHead, *, invites: bool = True) -> None:
    """Read the body, and answer with its length and its digest."""
    octets, digest = 0, sha256()
    while data := await peer.http.receive_content(invites=invites):
        octets += len(data)
        digest.update(data)
    body = json.dumps({"octets": octets, "sha256": digest.hexdigest()}).encode()
    await peer.http.respond(request, 200, ("Content-Type", "application/json"), body=body)


async def _refuse(peer: Peer, status: str) -> None:
    """Refuse the request, and announce the end of the connection."""
    fields = (*REFUSALS[status], ("Content-Length", "0"), ("Connection", "close"))
    await peer.send(peer.http.head(int(status), *fields))
