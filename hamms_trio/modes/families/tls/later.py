"""Messages that a server may send after the handshake, and that few clients expect."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.errors import PeerGone, TermsUnavailable
from hamms_trio.modes.declare import on_client_hello
from hamms_trio.modes.drivers import serve_over_tls
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import Level, must_error, must_error_or_succeed
from hamms_trio.modes.model.parameters import Flag, Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.modes.peers.sealing import SUITE_12, SealedLayer, Sealer13, sealer_for
from hamms_trio.pki.terms import Terms, insisting
from hamms_trio.wire import RequestHead
from hamms_trio.wire.tls.client_hello import ClientHello
from hamms_trio.wire.tls.records import ContentType, HandshakeType, Record
from hamms_trio.wire.tls.server_hello import message, server_random_in

CONTENT_OCTETS = 4096  # of each record, so that the canary has 16
CONTEXT = b"hamms"  # of a CertificateRequest; the client has to echo it
# The extension signature_algorithms with ecdsa_secp256r1_sha256, which a CertificateRequest has to have.
ALGORITHMS = bytes.fromhex("000d 0004 0002 0403")

OLDER = insisting(most="1.2", ciphers=SUITE_12, logs_keys=True)
NEWER = insisting(least="1.3", tickets=0, logs_keys=True)

Updates = Annotated[int, Range("messages", 1, 100)]


@on_client_hello(
    client=must_error_or_succeed("RFC 5246 §7.4.1.1, RFC 5746 §4.2", level=Level.SHOULD),
    mended=insisting(most="1.2"),
)
async def tls_renegotiate(peer: Peer, hello: ClientHello) -> None:
    """Ask for a new handshake of TLS 1.2 (HelloRequest) between a request and its answer.

    The answer follows at once, and the server never answers a new handshake: a client may ignore the request, or
    fail.
    """
    above, layer, request = await _forged_layer(peer, hello, OLDER)
    layer.forge(ContentType.HANDSHAKE, message(HandshakeType.HELLO_REQUEST, b""))
    await _answer(peer, above, request)


@on_client_hello(
    client=must_error_or_succeed("RFC 8446 §4.6.3", level=Level.QUALITY),
    mended=insisting(least="1.3"),
)
async def tls_keyupdate_flood(
    peer: Peer, hello: ClientHello, *, n: Updates = 1, asks: Flag = False
) -> None:
    """Change the keys ``n`` times after each record of an answer (KeyUpdate).

    With ``asks``, each message also asks the client for a KeyUpdate. Go allows 16 such messages in a row, and
    BoringSSL 32.
    """
    above, layer, request = await _forged_layer(peer, hello, NEWER)
    sealer = layer.sealer
    assert isinstance(sealer, Sealer13)

    def update() -> None:
        for _ in range(n):
            layer.add(sealer.update(asks=asks))

    layer.between = update
    assert above.channel is not None
    above.channel.record_octets = CONTENT_OCTETS
    await _answer(peer, above, request)


@on_client_hello(client=must_error("RFC 8446 §4.6.2"), decides=True, mended=insisting(least="1.3"))
async def tls_post_handshake_auth(peer: Peer, hello: ClientHello) -> None:
    """Ask for the client's certificate after the handshake, although the client has not offered that.

    The client must refuse with the alert unexpected_message. A client that has offered it gets a healthy answer.
    """
    if hello.accepts_late_requests:
        await serve_over_tls(peer)
        return
    peer.strike()
    above, layer, request = await _forged_layer(peer, hello, NEWER)
    body = bytes((len(CONTEXT),)) + CONTEXT + len(ALGORITHMS).to_bytes(2, "big") + ALGORITHMS
    layer.forge(ContentType.HANDSHAKE, message(HandshakeType.CERTIFICATE_REQUEST, body))
    await _answer(peer, above, request)


async def _forged_layer(
    peer: Peer, hello: ClientHello, terms: Terms
) -> tuple[Peer, SealedLayer, RequestHead]:
    """Complete the handshake, read a request, and return the peer within TLS, the forged layer and the request.

    Raises:
        PeerGone: the secrets of the handshake are not known, which is logged.
    """
    flights: list[Record] = []

    async def send(records: list[Record]) -> None:
        flights.extend(records)
        await peer.send(b"".join(each.octets for each in records))

    tls = await peer.tls.shake_hands(terms, carry=send)
    tls.carry = None
    secrets = peer.environment.contexts.secrets(hello.random)
    try:
        sealer = sealer_for(tls.layer, secrets, hello.random, server_random_in(flights))
    except TermsUnavailable as error:
        peer.environment.warn(f"{peer.encounter.slug} is not available: {error}")
        raise PeerGone from error
    tls.layer = layer = SealedLayer(tls.layer, sealer)
    above = peer.over(tls)
    return above, layer, await above.http.receive_head()


async def _answer(peer: Peer, above: Peer, request: RequestHead) -> None:
    """Answer healthily, and close."""
    await answer_healthily(above, request)
    if not above.finished:
        await above.finish()
    peer.finished = True
