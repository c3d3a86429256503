"""Certificates for servers under test: from files, or made on the fly by our own authority."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from hamms_trio.errors import CertificateUnusable

if TYPE_CHECKING:
    from trustme import CA

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
DAYS = 365
CLOCK_SKEW = timedelta(days=1)  # a client's clock may be slow by this much
RELOAD_SECONDS = 5.0
ALPN = ("http/1.1",)
# Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

_EXPECTED = "give names of hosts, or addresses"
_AUTHORITY, _AUTHORITY_KEY = "ca.pem", "ca-key.pem"
_CERTIFICATE, _KEY = "cert.pem", "key.pem"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: the authority that clients trust, the server's chain (leaf first), and its key."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(
    directory: Path, names: Sequence[str] = LOCAL_NAMES, *, days: int = DAYS
) -> Certificates:
    """Make a certificate for these names and addresses, signed by the authority in ``directory``.

    An authority in the directory is kept, so that clients go on trusting it; otherwise a new one is made. A
    certificate of that authority is replaced. Files of the same names from another source are not, because
    they may be needed.

    Args:
        directory: the directory for the files; it is created if missing.
        names: host names and addresses.
        days: days until the certificate expires.

    Raises:
        CertificateUnusable: a file can't be read or written, or would be lost, or a name is not a host name.
    """
    made = Certificates(directory / _AUTHORITY, directory / _CERTIFICATE, directory / _KEY)
    for name in names:
        # trustme takes a name with @ for a mail address, and a name with / for a network.
        if not name or "@" in name or "/" in name:
            raise CertificateUnusable(f"no certificate for {name!r}: {_EXPECTED}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        authority = _authority(directory)
        now = datetime.now(UTC)
        leaf = authority.issue_cert(
            *names,
            organization_name="hamms-trio",
            organization_unit_name="a server under test",  # as the issuer's name, it would seem self-issued
            not_before=now - CLOCK_SKEW,
            not_after=now + timedelta(days=days),
        )
        _write_secret(made.key, leaf.private_key_pem.bytes())
        own, *others = (blob.bytes() for blob in leaf.cert_chain_pems)
        made.certificate.write_bytes(b"".join((_reissued(own, authority), *others)))
    except OSError as error:
        raise CertificateUnusable(
            f"certificates can't be written to {directory}: {error.filename or directory}: "
            f"{error.strerror}; give a directory of your own"
        ) from error
    except CertificateUnusable:
        raise
    except (ValueError, OverflowError) as error:
        listed = ", ".join(map(repr, names))
        raise CertificateUnusable(f"no certificate for {listed}: {error}; {_EXPECTED}") from error
    return made


@contextmanager
def throwaway_certificates(names: Sequence[str] = LOCAL_NAMES) -> Iterator[Certificates]:
    """Make certificates that exist, with their authority, until the block ends.

    Raises:
        CertificateUnusable: no directory is writable, or a name is not a host name.
    """
    with TemporaryDirectory(prefix="hamms-trio-", ignore_cleanup_errors=True) as directory:
        made = make_certificates(Path(directory), names, days=1)
        # Without its key, the authority can't sign further certificates.
        made.authority.with_name(_AUTHORITY_KEY).unlink()
        yield made


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
        server_context(certificate, key)  # raises an error that names the unusable file
        return CA.from_pem(certificate.read_bytes(), key.read_bytes())
    names = (_AUTHORITY, _AUTHORITY_KEY, _CERTIFICATE, _KEY)
    if found := [name for name in names if (directory / name).exists()]:
        raise CertificateUnusable(
            f"{directory} has {', '.join(found)}, but not both {_AUTHORITY} and {_AUTHORITY_KEY}: "
            "give another directory, or remove these files"
        )
    made = CA(organization_name="hamms-trio", organization_unit_name="for tests only")
    _write_secret(key, made.private_key_pem.bytes())
    certificate.write_bytes(made.cert_pem.bytes())
    return made


def _reissued(certificate: bytes, authority: CA) -> bytes:
    """Sign a certificate of trustme's again, in a form that strict verifiers accept.

    trustme marks subjectAltName critical beside a subject that is not empty (against RFC 5280 §4.2.1.6),
    marks extKeyUsage critical and gives an EC key keyEncipherment (against the CA/Browser Forum's Baseline
    Requirements §7.1.2.7.6, and RFC 8813 §3).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    made = x509.load_pem_x509_certificate(certificate)
    usage = dict.fromkeys(signature(x509.KeyUsage).parameters, False)
    replaced: dict[x509.ObjectIdentifier, x509.ExtensionType] = {
        x509.KeyUsage.oid: x509.KeyUsage(**{**usage, "digital_signature": True}),
        x509.ExtendedKeyUsage.oid: x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    }
    builder = x509.CertificateBuilder(
        made.issuer,
        made.subject,
        made.public_key(),
        x509.random_serial_number(),
        made.not_valid_before_utc,
        made.not_valid_after_utc,
    )
    for extension in made.extensions:
        critical = extension.oid in (x509.BasicConstraints.oid, x509.KeyUsage.oid)
        builder = builder.add_extension(replaced.get(extension.oid, extension.value), critical)
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    signed = builder.sign(cast(CertificateIssuerPrivateKeyTypes, key), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def _write_secret(path: Path, octets: bytes) -> None:
    """Write a file that only its owner can read, from the first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(octets)


def _no_password() -> str:
    """Give an empty password, so that OpenSSL does not ask for one on the terminal."""
    return ""
