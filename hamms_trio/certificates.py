"""A server's own certificate, from files: its TLS context, which can be loaded again."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from hamms_trio.errors import CertificateUnusable

RELOAD_SECONDS = 5.0
ALPN = ("http/1.1",)
# For resumption in TLS 1.3, as Go's servers send; each costs about 20 us, 4 % of a handshake.
TICKETS = 1
# Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class ServerCertificate:
    """A server's certificate, which can be loaded again from its files.

    Attributes:
        context: the TLS context of the next handshake.

    Raises:
        CertificateUnusable: see `server_context`.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._files = certificate, key
        self._is_reading = False  # True while a thread reads the files
        self.reload()

    def reload(self) -> None:
        """Load the files again; keep the previous certificate if they are unusable.

        Raises:
            CertificateUnusable: see `server_context`.
        """
        self.context = server_context(*self._files)

    async def reload_in_thread(self, seconds: float = RELOAD_SECONDS) -> None:
        """Load the files again in a thread, because one may be a FIFO or on an unresponsive disk.

        Args:
            seconds: limit for reading. A thread that takes longer is abandoned, and no other thread starts before
                it has ended.

        Raises:
            CertificateUnusable: see `server_context`; or reading the files timed out.
        """
        import trio

        files = " and ".join(str(path) for path in self._files if path is not None)
        if self._is_reading:
            raise CertificateUnusable(f"{files}: the last reload still waits to read them")

        def read() -> ssl.SSLContext:
            try:
                return server_context(*self._files)
            finally:
                self._is_reading = False

        self._is_reading = True
        with trio.move_on_after(seconds):
            self.context = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
            return
        raise CertificateUnusable(
            f"{files}: nothing to read in {seconds:g} seconds; expected regular files, in PEM"
        )


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Make a server's TLS context: TLS 1.2 or newer, ALPN for HTTP/1.1.

    Args:
        certificate: file in PEM, the server's own certificate first.
        key: file in PEM; None if the key is in the certificate's file.

    Raises:
        CertificateUnusable: a file can't be read, or certificate and key don't belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(ALPN)
    context.num_tickets = TICKETS
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    for path in (certificate, key):
        if path is not None and not os.access(path, os.R_OK):
            raise CertificateUnusable(f"{path} can't be read: give a PEM file")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        files = certificate if key is None else f"{certificate} and {key}"
        problem = str(error)
        if "MISMATCH" in problem:
            problem = "they do not belong together"
        elif "PEM" in problem:
            problem = "there is no certificate, or no key without a password"
        raise CertificateUnusable(
            f"{files}: {problem}; expected a certificate and its key, in PEM"
        ) from error
    return context


def _no_password() -> str:
    """Give an empty password, so that OpenSSL does not ask for one on the terminal."""
    return ""
