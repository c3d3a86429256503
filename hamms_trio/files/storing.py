"""Writing a file so that every reader finds the old one or the new one, whole."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from hamms_trio.files.root import Root

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PERMISSIONS = 0o666  # less the umask's


def store(root: Root, name: bytes, content: bytes) -> None:
    """Put a file into a directory, in the place of the one that has the name, if there is one.

    It is on the disk when this returns. A link is replaced and not followed.

    Raises:
        OSError: it could not be written, and nothing has changed.
    """
    with root.opened_directory() as directory:
        unfinished = b".unfinished-" + os.urandom(8).hex().encode()
        try:
            _write(directory, unfinished, content, _permissions(directory, name))
            os.replace(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished, dir_fd=directory)
            raise
        os.fsync(directory)


def _write(directory: int, name: bytes, content: bytes, permissions: int | None) -> None:
    descriptor = os.open(name, _NEW, _PERMISSIONS, dir_fd=directory)
    with open(descriptor, "wb", buffering=0) as file:
        if permissions is not None:
            os.fchmod(descriptor, permissions)
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(descriptor)


def _permissions(directory: int, name: bytes) -> int | None:
    """Those of the file that is there, so that it keeps them."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None
