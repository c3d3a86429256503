"""Downloads whose name leads out of the directory, or whose digest belongs to other content."""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5, sha256
from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.families.type.answer import answer
from hamms_trio.modes.model.expectation import Level, may_choose, must_error_or_succeed
from hamms_trio.modes.model.parameters import Choice
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

NAMES = {
    "parent": b'filename="../../hamms-was-here"',
    "absolute": b'filename="/tmp/hamms-was-here"',
    "backslashes": b'filename="..\\\\..\\\\hamms-was-here"',
    "nul": b'filename="hamms\x00.txt"',
    "device": b'filename="CON"',
    "300-characters": b'filename="%b.txt"' % (b"a" * 296),
    "encoded": b"filename*=UTF-8''..%2F..%2Fhamms-was-here",
    "hidden": b'filename=".bashrc"',
    "empty": b'filename=""',
}
OTHER = b"not what was sent"
DIGESTS = {
    "content-digest": b"Content-Digest: sha-256=:%b:" % b64encode(sha256(OTHER).digest()),
    "repr-digest": b"Repr-Digest: sha-256=:%b:" % b64encode(sha256(OTHER).digest()),
    "content-md5": b"Content-MD5: " + b64encode(md5(OTHER, usedforsecurity=False).digest()),
}
BINARY, TEXT = b"Content-Type: application/octet-stream", b"Content-Type: text/plain"

Name = Annotated[str, Choice(*NAMES)]
Algorithm = Annotated[str, Choice(*DIGESTS)]


@on_request(
    client=must_error_or_succeed(
        "RFC 6266 §4.3",
        owes="A file that the client writes is in the directory that its user has named.",
    ),
    issues=(
        "pypa/pip#6413",
        "pypa/pip#6418",
        "ducaale/xh#379",
        "browser-use/browser-use#4867",
        "landley/toybox#516",
    ),
)
async def download_filename(peer: Peer, request: RequestHead, *, name: Name = "parent") -> None:
    """Send the canary as a download whose file name leads out of the directory, or is not valid.

    The file must end up in the directory that the user chose, or nowhere.
    """
    disposition = b"Content-Disposition: attachment; " + NAMES[name]
    await answer(peer, request, BINARY, disposition)


@on_request(
    client=may_choose(
        "RFC 9530 §2, §3",
        level=Level.QUALITY,
        owes="A client that verifies digests reports an error; any other need not.",
    )
)
async def digest_mismatch(
    peer: Peer, request: RequestHead, *, alg: Algorithm = "content-digest"
) -> None:
    """Send the canary with the digest of other content.

    A client that checks digests reports an error; one that doesn't, succeeds.
    """
    await answer(peer, request, TEXT, DIGESTS[alg])
