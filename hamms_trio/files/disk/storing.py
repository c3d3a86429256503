"""Write a file so that every reader finds the old one or the new one, whole."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar
from weakref import WeakValueDictionary

from hamms_trio.files.disk.root import Root

R = TypeVar("R")

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PERMISSIONS = 0o666  # the umask takes some of them away
# The file system has no hard links: FAT fails with EPERM, some FUSE drivers with one of the others.
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))


class _NameLock:
    """A lock for one name in one directory, in all threads of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_LOCKS: WeakValueDictionary[tuple[int, int, bytes], _NameLock] = WeakValueDictionary()
_LOCKS_LOCK = threading.Lock()


def store(
    root: Root,
    name: bytes,
    content: bytes,
    refuse: Callable[[], R | None] = lambda: None,
    *,
    must_create: bool = False,
) -> R | None:
    """Put a file into a directory, in place of any file that has the name.

    The file is on the disk when this returns. A symbolic link is replaced and not followed.

    Args:
        root: the directory.
        name: of the file; it has no slash.
        content: of the file.
        refuse: decides whether the file may take its place. No other `store` of this process changes the
            name between this call and the end.
        must_create: True if the name has to be free, whatever process takes it meanwhile.

    Returns:
        None, or the reason that ``refuse`` gave; nothing has changed then.

    Raises:
        FileExistsError: ``must_create``, and the name is taken, if only by a link that leads nowhere.
        OSError: the file could not be written, and nothing has changed.
    """
    with root.opened_directory() as directory:
        unfinished = b".unfinished-" + os.urandom(8).hex().encode()
        try:
            _write(directory, unfinished, content, name)
            # Octets are written before the lock is taken, so a slow disk delays no other writer.
            with _locked(directory, name):
                refusal = refuse()
                if refusal is None and must_create:
                    _create(directory, unfinished, name)
                elif refusal is None:
                    _keep_permissions(directory, unfinished, name)
                    os.replace(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
        finally:
            with suppress(OSError):  # after a replacement there is no such name
                os.unlink(unfinished, dir_fd=directory)
        os.fsync(directory)
    return refusal


@contextmanager
def _locked(directory: int, name: bytes) -> Iterator[None]:
    status = os.fstat(directory)
    with _LOCKS_LOCK:
        held = _LOCKS.setdefault((status.st_dev, status.st_ino, name), _NameLock())
    with held.lock:
        yield


def _write(directory: int, unfinished: bytes, content: bytes, name: bytes) -> None:
    descriptor = os.open(unfinished, _NEW, _PERMISSIONS, dir_fd=directory)
    with open(descriptor, "wb", buffering=0) as file:
        _keep_permissions(directory, unfinished, name)  # before there is anything to read
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(descriptor)


def _create(directory: int, unfinished: bytes, name: bytes) -> None:
    """Give the finished file its name, unless the name is taken."""
    try:
        os.link(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # An empty file claims the name first; for a moment readers may find that one.
        os.close(os.open(name, _NEW, _PERMISSIONS, dir_fd=directory))
        os.replace(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)


def _keep_permissions(directory: int, unfinished: bytes, name: bytes) -> None:
    """Copy the permissions of the file that is about to be replaced."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode):
        os.chmod(unfinished, stat.S_IMODE(status.st_mode), dir_fd=directory)
