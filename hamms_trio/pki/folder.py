"""A folder with an authority, and certificates in files: for servers outside of the lab, and for later runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hamms_trio.certificates import server_context
from hamms_trio.errors import CertificateUnusable

if TYPE_CHECKING:
    from hamms_trio.pki.authority import Authority

SERVER_NAMES = ("localhost", "127.0.0.1", "::1")
SERVER_DAYS = 365
AUTHORITY_DAYS = 20 * 365  # of an authority that signs certificates of up to ten years
RUN_DAYS = 1.0  # for which the authority of a running server must still be valid

AUTHORITY, AUTHORITY_KEY = "ca.pem", "ca-key.pem"
_CERTIFICATE, _KEY = "cert.pem", "key.pem"
_EXPECTED = "give names of hosts, or addresses"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: the authority that clients trust, the server's chain (leaf first), and its key."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(
    directory: Path, names: Sequence[str] = SERVER_NAMES, *, days: int = SERVER_DAYS
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
    from hamms_trio.pki.authority import Authority
    from hamms_trio.pki.mint import Mint
    from hamms_trio.pki.recipes import ChainRoot, Recipe

    made = Certificates(directory / AUTHORITY, directory / _CERTIFICATE, directory / _KEY)
    asked = tuple(_checked_name(name) for name in names)
    with _errors_of(directory):
        authority = _kept_authority(directory)
        if authority is None:
            authority = Authority(
                is_constrained=False, name="hamms-trio, for tests only", days=AUTHORITY_DAYS
            )
            _write_authority(directory, authority)
        recipe = Recipe(
            organization="hamms-trio", names=asked, ends=float(days), issuer=ChainRoot.OURS
        )
        mint = Mint(authority)
        try:
            certificate, key = mint.certificate_pem((recipe,)), mint.key_pem(recipe)
        except (ValueError, OverflowError) as error:
            listed = ", ".join(map(repr, names))
            raise CertificateUnusable(
                f"no certificate for {listed}: {error}; {_EXPECTED}"
            ) from error
        _write_secret(made.key, key)
        made.certificate.write_bytes(certificate)
    return made


@contextmanager
def throwaway_certificates(names: Sequence[str] = SERVER_NAMES) -> Iterator[Certificates]:
    """Make certificates and their authority, in files that are deleted when the block ends.

    Raises:
        CertificateUnusable: no directory is writable, or a name is not a host name.
    """
    with TemporaryDirectory(prefix="hamms-trio-", ignore_cleanup_errors=True) as directory:
        made = make_certificates(Path(directory), names, days=1)
        # Without its key, the authority can't sign further certificates.
        made.authority.with_name(AUTHORITY_KEY).unlink()
        yield made


def write_client_certificate(directory: Path, to: Path) -> None:
    """Write a certificate for clients, signed by the authority of a folder, and its key to one file.

    Raises:
        CertificateUnusable: the folder has no authority, or a file can't be read or written.
    """
    from hamms_trio.pki.mint import Mint
    from hamms_trio.pki.recipes import ChainRoot, Recipe

    with _errors_of(directory):
        authority = _kept_authority(directory)
        if authority is None:
            raise CertificateUnusable(f"{directory} has no authority: serve with it first")
        recipe = Recipe(
            subject="a client under test", names=(), issuer=ChainRoot.OURS, purposes=("client",)
        )
        _write_secret(to, Mint(authority).pem((recipe,)))


def authority_of_run(
    directory: str | os.PathLike[str] | None, *, is_constrained: bool = True
) -> Authority:
    """Return the authority of a folder; without a folder, a new one that is written to no file.

    Raises:
        CertificateUnusable: see `authority_in`.
    """
    from hamms_trio.pki.authority import Authority

    if directory is None:
        return Authority(is_constrained=is_constrained)
    return authority_in(Path(directory), is_constrained=is_constrained)


def authority_in(directory: Path, *, is_constrained: bool = True) -> Authority:
    """Return the authority of a folder; a new one is written there if there is none, or if it has expired.

    Raises:
        CertificateUnusable: a file can't be read or written, would be lost, or is of another kind.
    """
    from hamms_trio.pki.authority import Authority

    with _errors_of(directory):
        known = _kept_authority(directory)
        if known is not None and known.is_constrained and not is_constrained:
            raise CertificateUnusable(
                f"the authority in {directory} has name constraints: give another directory, or remove it"
            )
        if known is None or not known.is_valid_for(RUN_DAYS):
            known = Authority(is_constrained=is_constrained)
            _write_authority(directory, known)
        return known


def _kept_authority(directory: Path) -> Authority | None:
    """Return the authority of the folder, or None if the folder has nothing.

    Raises:
        CertificateUnusable: the folder has only some of our files, or they can't be used.
    """
    from hamms_trio.pki.authority import Authority

    certificate, key = directory / AUTHORITY, directory / AUTHORITY_KEY
    if certificate.exists() and key.exists():
        server_context(certificate, key)  # raises an error that names the unusable file
        return Authority.from_pem(certificate.read_bytes(), key.read_bytes())
    names = (AUTHORITY, AUTHORITY_KEY, _CERTIFICATE, _KEY)
    if found := [name for name in names if (directory / name).exists()]:
        raise CertificateUnusable(
            f"{directory} has {', '.join(found)}, but not both {AUTHORITY} and {AUTHORITY_KEY}: "
            "give another directory, or remove these files"
        )
    return None


def _write_authority(directory: Path, authority: Authority) -> None:
    _write_secret(directory / AUTHORITY_KEY, authority.key_pem)
    (directory / AUTHORITY).write_bytes(authority.pem)


@contextmanager
def _errors_of(directory: Path) -> Iterator[None]:
    """Create the directory, and report what can't be written to it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except CertificateUnusable:
        raise
    except OSError as error:
        raise CertificateUnusable(
            f"certificates can't be written to {directory}: {error.filename or directory}: "
            f"{error.strerror}; give a directory of your own"
        ) from error


def _checked_name(name: str) -> str:
    """Return a host's name in ASCII, or an address.

    Raises:
        CertificateUnusable: the name is neither.
    """
    import idna

    problem = ""
    # X.509 would take a name with @ for a mail address, and one with / for a network.
    if name and "@" not in name and "/" not in name:
        try:
            return str(ip_address(name))
        except ValueError:
            pass
        wildcard = "*." if name.startswith("*.") else ""
        try:
            return wildcard + idna.encode(name.removeprefix("*."), uts46=True).decode()
        except idna.IDNAError as error:
            problem = f"{error}; "
    raise CertificateUnusable(f"no certificate for {name!r}: {problem}{_EXPECTED}")


def _write_secret(path: Path, octets: bytes) -> None:
    """Write a file that only its owner can read, from the first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(octets)
