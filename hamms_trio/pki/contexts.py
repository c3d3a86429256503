"""OpenSSL's contexts for terms: made on first use, and cached for the next handshakes."""

from __future__ import annotations

import ssl
import warnings
from base64 import encodebytes
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hamms_trio.certificates import CIPHERS
from hamms_trio.errors import TermsUnavailable
from hamms_trio.pki.material.der import SEQUENCE, der, integer
from hamms_trio.pki.material.key_log import KeyLog
from hamms_trio.pki.terms import Terms

if TYPE_CHECKING:
    from hamms_trio.pki.mint import Mint

REMEMBERED_CONTEXTS = 100  # contexts; one takes about 50 KB with a chain of two certificates
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class Contexts:
    """The TLS contexts of one server.

    Attributes:
        mint: makes the certificates.
    """

    def __init__(self, mint: Mint) -> None:
        self.mint = mint
        self._made: OrderedDict[Terms, ssl.SSLContext] = OrderedDict()
        self._key_log: KeyLog | None = None
        self._last: tuple[Terms, ssl.SSLContext] | None = None

    def has(self, terms: Terms) -> bool:
        """Return True if the context is cached, or could be made without waiting for a key."""
        if self._last is not None and self._last[0] is terms:
            return True
        return terms in self._made or self.mint.has_keys(terms.chain)

    def context(self, terms: Terms) -> ssl.SSLContext:
        """Return the context for these terms.

        Raises:
            TermsUnavailable: this system's OpenSSL can't keep the terms.
        """
        if self._last is not None and self._last[0] is terms:  # comparing terms takes longer
            return self._last[1]
        made = self._context(terms)
        self._last = terms, made
        return made

    def secrets(self, client_random: bytes) -> Mapping[str, bytes]:
        """Return the secrets of a handshake whose terms log keys, by the labels of the key log, and forget them."""
        return {} if self._key_log is None else self._key_log.take(client_random)

    def _context(self, terms: Terms) -> ssl.SSLContext:
        made = self._made.get(terms)
        if made is None:
            made = self._made[terms] = self._make(terms)
            if len(self._made) > REMEMBERED_CONTEXTS:
                self._made.popitem(last=False)
        return made

    def _make(self, terms: Terms) -> ssl.SSLContext:
        context = bare_context(terms)
        try:
            _load(context, self.mint.pem(terms.chain))
        except ssl.SSLError as error:
            raise _unavailable(error) from error
        if terms.logs_keys:
            if self._key_log is None:
                self._key_log = KeyLog()
            context.keylog_filename = self._key_log.path
        if terms.wants is not None:
            from cryptography.hazmat.primitives.serialization import Encoding

            root = self.mint.root(terms.wants).root
            context.load_verify_locations(cadata=root.public_bytes(Encoding.PEM).decode())
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def bare_context(terms: Terms) -> ssl.SSLContext:
    """Make a context for these terms that has no certificate yet.

    Raises:
        TermsUnavailable: this system's OpenSSL can't keep the terms.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ciphers = terms.ciphers or ("ALL" if terms.level == 0 else CIPHERS)
    level = "" if terms.level is None else f":@SECLEVEL={terms.level}"
    try:
        context.set_ciphers(ciphers + level)
        with warnings.catch_warnings():  # old versions are intended
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = _VERSIONS[terms.least]
            context.maximum_version = _VERSIONS[terms.most]
        if terms.curve:
            context.set_ecdh_curve(terms.curve)
        if terms.group:
            with _file(_group_pem(terms.group)) as path:
                context.load_dh_params(path)
    except (ssl.SSLError, ValueError) as error:
        raise _unavailable(error) from error
    context.num_tickets = terms.tickets
    if terms.protocols:
        context.set_alpn_protocols(terms.protocols)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    return context


def obstacle(terms: Terms) -> str | None:
    """Return the reason why this system's OpenSSL can't keep these terms; None if it can."""
    try:
        bare_context(terms)
    except TermsUnavailable as error:
        return str(error)
    return None


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Load certificates and their key."""
    with _file(pem) as path:
        context.load_cert_chain(path)


@contextmanager
def _file(octets: bytes) -> Iterator[str]:
    """Write a temporary file for OpenSSL, which reads some things only from files; no other user can read it."""
    with TemporaryDirectory(prefix="hamms-trio-") as directory:
        path = Path(directory) / "for-openssl.pem"
        path.touch(mode=0o600)
        path.write_bytes(octets)
        yield str(path)


def _group_pem(name: str) -> bytes:
    """Return a group as DHParameter in PEM (RFC 2631); libraries refuse to write weak groups."""
    from hamms_trio.pki.material.dh_groups import GROUPS

    octets = der(SEQUENCE, b"".join(map(integer, GROUPS[name])))
    lines = encodebytes(octets)
    return b"-----BEGIN DH PARAMETERS-----\n%b-----END DH PARAMETERS-----\n" % lines


def _unavailable(error: ssl.SSLError | ValueError) -> TermsUnavailable:
    reason = getattr(error, "reason", None) or str(error)
    return TermsUnavailable(f"{ssl.OPENSSL_VERSION} refuses: {reason}")
