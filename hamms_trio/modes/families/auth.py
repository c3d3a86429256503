"""Challenges that name nothing, never end, or can't be understood (RFC 9110 §11, RFC 7616).

Why this is hard: a client that answers a challenge on its own repeats the request, and a server that challenges
again makes that a loop. The ledger counts the attempts.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import Level, may_choose, must_error_or_succeed
from hamms_trio.modes.model.parameters import Choice, Flag, Text, Times
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized"
BASIC = b'Basic realm="hamms", charset="UTF-8"'
# Digest challenges that RFC 7616 §3.3 does not know.
WEIRD = {
    "unknown-algorithm": b'Digest realm="hamms", nonce="ab", algorithm=ROT13, qop="auth"',
    "unknown-qop": b'Digest realm="hamms", nonce="ab", algorithm=SHA-256, qop="telepathy"',
    "no-nonce": b'Digest realm="hamms", algorithm=SHA-256, qop="auth"',
    "unquoted-realm": b'Digest realm=hamms of trio, nonce=ab, algorithm="SHA-256", qop=auth',
}

Scheme = Annotated[str, Choice("basic", "digest")]
Weird = Annotated[str, Choice(*WEIRD)]


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.5.2, §11.6.1",
        attempts={"GET": 2, "POST": 2},
        owes="The call returns or reports the 401.",
    ),
    issues=("pjsip/pjproject#410",),
)
async def auth_401_no_challenge(peer: Peer, request: RequestHead) -> None:
    """Answer 401 without WWW-Authenticate.

    There is nothing to answer, so the 401 is the answer; asking again with the same credentials is a loop.
    """
    await peer.http.respond_with_canary(start=UNAUTHORIZED)


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.5.2",
        level=Level.SHOULD,
        attempts={"GET": 2, "POST": 2},
        owes="The call returns or reports the 401.",
    ),
    issues=("dotnet/macios#8548", "sindresorhus/got#2414", "benmcollins/QuMesh#435"),
)
async def auth_loop(
    peer: Peer, request: RequestHead, *, scheme: Scheme = "basic", stale: Flag = False
) -> None:
    """Send the same challenge for ever, whatever credentials come.

    ``stale`` declares a digest's nonce stale, although the next one is the same. A client that has tried its
    credentials shows the answer to its user.
    """
    challenge = BASIC if scheme == "basic" else _digest(b"always-the-same", stale=stale)
    await _challenge(peer, challenge)


@on_request(
    client=must_error_or_succeed(
        "RFC 7616 §3.3", level=Level.QUALITY, attempts={"GET": 5, "POST": 5}
    ),
    issues=("benmcollins/QuMesh#435",),
    decides=True,
)
async def auth_digest_stale(
    peer: Peer, request: RequestHead, *, key: Text = "default", n: Times = 1000
) -> None:
    """Answer ``stale=true`` and a new nonce to the first ``n`` requests of this ``key``, then healthily.

    A client may try each new nonce, but not for ever.
    """
    nth = peer.count(key)
    if nth > n:
        await answer_healthily(peer, request)
        return
    peer.strike()
    nonce = sha256(f"{key} {nth}".encode()).hexdigest()[:32].encode()
    await _challenge(peer, _digest(nonce, stale=nth > 1))


@on_request(client=must_error_or_succeed("RFC 7616 §3.3", attempts={"GET": 2, "POST": 2}))
async def auth_digest_weird(
    peer: Peer, request: RequestHead, *, case: Weird = "unknown-algorithm"
) -> None:
    """Send a Digest challenge with an unknown algorithm or qop, without a nonce, or without quotes."""
    await _challenge(peer, WEIRD[case])


@on_request(client=must_error_or_succeed("RFC 9110 §11.6.1", attempts={"GET": 2, "POST": 2}))
async def auth_garbage_challenge(peer: Peer, request: RequestHead) -> None:
    """Send a challenge that begins with empty members and ends in an open quotation."""
    await _challenge(peer, b',,,=;Basic realm="')


@on_request(
    client=may_choose(
        "RFC 9110 §17.16",
        owes="The ledger shows no Basic credentials of a client that is configured for Digest alone.",
    )
)
async def auth_downgrade(peer: Peer, request: RequestHead) -> None:
    """Offer only Digest, then only Basic to a client that has sent credentials.

    A client that follows sends its password in the clear; the ledger shows which client did.
    """
    answered = "authorization" in {name.lower() for name, _ in request.fields}
    await _challenge(peer, BASIC if answered else _digest(b"once", stale=False))


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §15.5.8",
        owes="The ledger shows no Authorization of the origin in Proxy-Authorization.",
    )
)
async def auth_407_direct(peer: Peer, request: RequestHead) -> None:
    """Answer 407 with a challenge, although this is no proxy.

    The origin's credentials are not meant for a proxy.
    """
    start = b"HTTP/1.1 407 Proxy Authentication Required"
    await peer.http.respond_with_canary(b"Proxy-Authenticate: " + BASIC, start=start)


async def _challenge(peer: Peer, challenge: bytes) -> None:
    await peer.http.respond_with_canary(b"WWW-Authenticate: " + challenge, start=UNAUTHORIZED)


def _digest(nonce: bytes, *, stale: bool) -> bytes:
    """Build a Digest challenge (RFC 7616 §3.3)."""
    tail = b", stale=true" if stale else b""
    return b'Digest realm="hamms", nonce="%b", algorithm=SHA-256, qop="auth"%b' % (nonce, tail)
