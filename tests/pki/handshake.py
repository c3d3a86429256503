"""A handshake in memory."""

from __future__ import annotations

import ssl

from cryptography.hazmat.primitives.serialization import Encoding

from hamms_trio.pki.contexts import Contexts
from hamms_trio.pki.terms import Terms

ROUNDS = 10  # more than any handshake has


def verify_code(contexts: Contexts, terms: Terms, host: str = "localhost") -> int:
    """Return the code with which OpenSSL refuses a server on these terms; 0 if it accepts.

    Raises:
        ssl.SSLError: the handshake fails for another reason than the certificate.
    """
    root = contexts.mint.authority.root.public_bytes(Encoding.DER)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusts = ssl.create_default_context(cadata=root)
    client = trusts.wrap_bio(to_client, to_server, server_hostname=host)
    server = contexts.context(terms).wrap_bio(to_server, to_client, server_side=True)
    for _ in range(ROUNDS):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return error.verify_code
        else:
            return 0
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            continue
    raise AssertionError("the handshake has no end")
