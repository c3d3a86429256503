"""The users file, with passwords hashed by PBKDF2."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import pbkdf2_hmac
from hmac import compare_digest
from pathlib import Path

import msgspec

from hamms_trio.errors import StateUnusable
from hamms_trio.workbench.accounts.roles import Role

LEAST_ITERATIONS = 10_000
DEFAULT_ITERATIONS = 180_000
MOST_ITERATIONS = 10_000_000  # one login takes some seconds of a processor
ROLES = {role.word: role for role in Role}

_HASH = re.compile(r"pbkdf2_sha256\$([0-9]{1,9})\$((?:[0-9a-fA-F]{2})+)\$([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class User:
    """A user who may log in."""

    username: str
    role: Role
    iterations: int
    salt: bytes
    digest: bytes

    def has_password(self, password: str) -> bool:
        """Return True if the password is right; right or wrong, the check takes some 60 ms."""
        return compare_digest(_digest(password, self.salt, self.iterations), self.digest)


# Stands in for unknown users, so that their logins take as long as those of known ones.
NOBODY = User("", Role.VIEWER, DEFAULT_ITERATIONS, bytes(16), bytes(32))


def read_users(path: str | os.PathLike[str]) -> dict[str, User]:
    """Read the users file; a missing file has no users.

    Users without a name, with an unknown role, with a hash of another kind or too many iterations, and those with
    ``"enabled": false`` are left out.

    Raises:
        StateUnusable: the file can't be read, or has no list of users.
    """
    try:
        octets = Path(path).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StateUnusable(f"the users file {path} can't be read: {error}") from error
    try:
        document: object = msgspec.json.decode(octets)
    except (ValueError, RecursionError) as error:
        raise StateUnusable(f"the users file {path} is not JSON: {error}") from error
    listed = document.get("users") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise StateUnusable(f'the users file {path} must be an object with a list of "users"')
    users = [_user(entry) for entry in listed]
    return {user.username: user for user in users if user is not None}


def hash_password(password: str, *, iterations: int = DEFAULT_ITERATIONS) -> str:
    """Return the salted hash of a password in the form that the users file keeps."""
    salt = os.urandom(16)
    return f"pbkdf2_sha256${iterations}${salt.hex()}${_digest(password, salt, iterations).hex()}"


def _user(entry: object) -> User | None:
    if not isinstance(entry, dict) or entry.get("enabled", True) is not True:
        return None
    username, role = entry.get("username"), entry.get("role")
    found = _HASH.fullmatch(str(entry.get("password_hash")))
    if not isinstance(username, str) or not username.strip() or found is None:
        return None
    if not isinstance(role, str) or role not in ROLES:
        return None
    iterations = max(LEAST_ITERATIONS, int(found[1]))
    if iterations > MOST_ITERATIONS:
        return None
    salt, digest = bytes.fromhex(found[2]), bytes.fromhex(found[3])
    return User(username.strip(), ROLES[role], iterations, salt, digest)


def _digest(password: str, salt: bytes, iterations: int) -> bytes:
    return pbkdf2_hmac("sha256", password.encode(), salt, iterations)
