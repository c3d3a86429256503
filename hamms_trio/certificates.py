"""Certificates for servers under test: from files, or made on the fly by an authority of our own."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hamms_trio.errors import CertificateUnusable

if TYPE_CHECKING:
    from trustme import CA

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
DAYS = 365
RELOAD_SECONDS = 5.0
ALPN = ("http/1.1",)
# Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

_EXPECTED = "give names of hosts, or addresses"
_AUTHORITY, _AUTHORITY_KEY = "ca.pem", "ca-key.pem"
_CERTIFICATE, _KEY = "cert.pem", "key.pem"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: what clients have to trust, what the server shows (leaf first), and its key."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(
    directory: Path, names: Sequence[str] = LOCAL_NAMES, *, days: int = DAYS
) -> Certificates:
    """Make a certificate for these names and addresses, by the authority in ``directory``.

    The authority is made if there is none yet, and kept otherwise, so whoever trusts it need not be told again.
    Only a certificate of its own is replaced: files of the same names that came from elsewhere may be needed.

    Raises:
        CertificateUnusable: a file can't be read or written, or would be lost, or a name is none.
    """
    made = Certificates(directory / _AUTHORITY, directory / _CERTIFICATE, directory / _KEY)
    for name in names:
        # trustme takes what has an @ for an address of mail, and what has a / for a network.
        if not name or "@" in name or "/" in name:
            raise CertificateUnusable(f"no certificate for {name!r}: {_EXPECTED}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        authority = _authority(directory)
        until = datetime.now(UTC) + timedelta(days=days)
        leaf = authority.issue_cert(*names, not_after=until)
        _write_secret(made.key, leaf.private_key_pem.bytes())
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        made.certificate.write_bytes(chain)
    except OSError as error:
        raise CertificateUnusable(
            f"certificates can't be kept in {directory}: {error.filename or directory}: "
            f"{error.strerror}; give a directory of your own"
        ) from error
    except CertificateUnusable:
        raise
    except (ValueError, OverflowError) as error:
        called = ", ".join(map(repr, names))
        raise CertificateUnusable(f"no certificate for {called}: {error}; {_EXPECTED}") from error
    return made


@contextmanager
def throwaway_certificates(names: Sequence[str] = LOCAL_NAMES) -> Iterator[Certificates]:
    """Certificates of an authority that is forgotten when the block ends, files and all.

    Raises:
        CertificateUnusable: there is nowhere to write them, or a name is none.
    """
    with TemporaryDirectory(prefix="hamms-trio-", ignore_cleanup_errors=True) as directory:
        made = make_certificates(Path(directory), names, days=1)
        made.authority.with_name(_AUTHORITY_KEY).unlink()  # nobody shall issue more
        yield made


class ServerCertificate:
    """What a server shows its clients, and can load anew from its files.

    Attributes:
        context: for the next handshake.

    Raises:
        CertificateUnusable: see `server_context`.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._files = certificate, key
        self._is_reading = False  # in a thread
        self.reload()

    def reload(self) -> None:
        """Show what the files hold by now; if that can't be used, what was shown before.

        Raises:
            CertificateUnusable: see `server_context`.
        """
        self.context = server_context(*self._files)

    async def reload_in_thread(self, seconds: float = RELOAD_SECONDS) -> None:
        """Do the same while the loop goes on: a file may be a FIFO, or on a disk that does not answer.

        Args:
            seconds: that reading may take; a thread that takes longer is left to itself, and no other is started
                before it has ended.

        Raises:
            CertificateUnusable: see `server_context`; or the files could not be read in time.
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
    """What a server needs: TLS 1.2 or newer, ALPN for HTTP/1.1.

    Args:
        certificate: PEM, the server's own first.
        key: PEM; None if it is in the certificate's file.

    Raises:
        CertificateUnusable: a file can't be read, or they do not fit each other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(ALPN)
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


def _authority(directory: Path) -> CA:
    from trustme import CA

    certificate, key = directory / _AUTHORITY, directory / _AUTHORITY_KEY
    if certificate.exists() and key.exists():
        server_context(
            certificate, key
        )  # says which file is wrong, and whether they fit each other
        return CA.from_pem(certificate.read_bytes(), key.read_bytes())
    names = (_AUTHORITY, _AUTHORITY_KEY, _CERTIFICATE, _KEY)
    if found := [name for name in names if (directory / name).exists()]:
        raise CertificateUnusable(
            f"{directory} has {', '.join(found)}, but not both {_AUTHORITY} and {_AUTHORITY_KEY}: "
            "take another directory, or remove what would be replaced"
        )
    made = CA(organization_name="hamms-trio", organization_unit_name="for tests only")
    _write_secret(key, made.private_key_pem.bytes())
    certificate.write_bytes(made.cert_pem.bytes())
    return made


def _write_secret(path: Path, octets: bytes) -> None:
    """For its owner's eyes only, from the first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(octets)


def _no_password() -> str:
    """Instead of asking on the terminal."""
    return ""
