"""Opening files beneath a directory, and none elsewhere.

Why this is hard: to look where a path leads and to open it afterwards are two steps, and in between a
symbolic link can take the place of a directory. So nothing here is opened by a path that was looked at.
Either the kernel resolves the path and refuses to leave the directory while it does (openat2, Linux 5.6),
or each name is opened in the directory that is open already, without following links; where a link
stands, its target is read and walked in the same way, and ``..`` goes back to a directory that was passed.

The second way serves where the first is missing, and for links with an absolute target, which the kernel
refuses even if they lead back inside.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import NamedTuple

MAX_LINKS = 40  # as in Linux
MAX_PATH_OCTETS = 4096  # likewise

# A look neither waits, nor is noticed by the other end of a FIFO.
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_CLOEXEC
_PASS = _LOOK | os.O_DIRECTORY
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class OutsideRoot(PermissionError):
    """The path leads out of the directory that is served."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "this leads out of the directory that is served")


class OpenFile(NamedTuple):
    """A regular file, and what it was when it was opened."""

    descriptor: int
    status: os.stat_result


class Root:
    """A directory: the one that its path leads to at the moment. That path itself is trusted.

    Names are octets, any at all; ``.`` and ``..`` mean what they do in paths. What every method may raise:
    FileNotFoundError, NotADirectoryError, PermissionError (of which `OutsideRoot` is one), and OSError for
    names too long and too many links.

    Args:
        by_kernel: whether the kernel resolves paths; if it can't, they are walked anyway.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, by_kernel: bool = sys.platform == "linux"
    ) -> None:
        self._path = os.path.abspath(os.fsencode(path))
        self._by_kernel = by_kernel

    def check(self) -> None:
        """Raise what is wrong with the directory itself, if something is."""
        os.close(os.open(self._path, _PASS))

    def open_file(self, names: Sequence[bytes]) -> OpenFile:
        """Open a regular file for reading, without waiting whatever there is.

        Raises:
            IsADirectoryError: it is a directory.
            FileNotFoundError: it is neither a file nor a directory, or nothing at all.
        """
        return self.open_files(names)[0]

    def open_files(
        self, names: Sequence[bytes], suffixes: Sequence[bytes] = ()
    ) -> tuple[OpenFile, list[OpenFile | None]]:
        """Open a file, and the files beside it with its name and a suffix; None for each that can't be opened."""
        path = _path(names)
        root = os.open(self._path, _PASS)
        try:
            file = self._open_regular(root, path)
            return file, [self._open_if_regular(root, path + suffix) for suffix in suffixes]
        finally:
            os.close(root)

    def status(self, names: Sequence[bytes]) -> os.stat_result:
        """Return the status of a path, links followed."""
        path = _path(names)
        root = os.open(self._path, _PASS)
        try:
            return self._status(root, path)
        finally:
            os.close(root)

    @contextmanager
    def opened_directory(self, names: Sequence[bytes] = ()) -> Iterator[int]:
        """A directory's descriptor, for listing it and for changing what is in it."""
        path = _path(names)
        root = os.open(self._path, _PASS)
        try:
            descriptor = self._open(root, path, _LIST)
        finally:
            os.close(root)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def open_directory(self, names: Sequence[bytes] = ()) -> int:
        """A directory's descriptor, for looking at what is in it; the caller closes it."""
        root = os.open(self._path, _PASS)
        if not names:
            return root
        try:
            return self._open(root, _path(names), _PASS)
        finally:
            os.close(root)

    def _open_regular(self, root: int, path: bytes) -> OpenFile:
        if not (self._by_kernel and _looks_regular(root, path)):
            status = self._status(root, path)
            if not stat.S_ISREG(status.st_mode):
                raise _not_regular(status)
        descriptor = self._open(root, path, _READ)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):  # something else has taken its place
            os.close(descriptor)
            raise _not_regular(status)
        return OpenFile(descriptor, status)

    def _open_if_regular(self, root: int, path: bytes) -> OpenFile | None:
        if not os.access(path, os.F_OK, dir_fd=root, follow_symlinks=False):
            return None
        try:
            return self._open_regular(root, path)
        except OSError:
            return None

    def _status(self, root: int, path: bytes) -> os.stat_result:
        descriptor = self._open(root, path, _LOOK)
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, root: int, path: bytes, flags: int) -> int:
        if len(path) > MAX_PATH_OCTETS:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        if self._by_kernel:
            descriptor = _openat2(flags)(root, path)
            if descriptor >= 0:
                return descriptor
            number = ctypes.get_errno()
            if number not in _WALK:
                raise OSError(number, os.strerror(number))
        return self._open_by_walking(root, path.split(b"/"), flags)

    def _open_by_walking(self, root: int, names: Sequence[bytes], flags: int) -> int:
        passed: list[int] = []  # the directories that lead from the root to where we are
        ahead, links = list(reversed(names)), 0
        try:
            while ahead:
                here, name = passed[-1] if passed else root, ahead.pop()
                if name == b"..":
                    _go_back(passed)
                elif (target := _link_target(name, here)) is not None:
                    if (links := links + 1) > MAX_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                    if target.startswith(b"/"):
                        target = self._beneath(target)
                        while passed:
                            _go_back(passed)
                    ahead += reversed(target.split(b"/"))
                elif ahead:
                    passed.append(os.open(name or b".", _PASS | os.O_NOFOLLOW, dir_fd=here))
                else:
                    return os.open(name or b".", flags | os.O_NOFOLLOW, dir_fd=here)
            return os.open(b".", flags, dir_fd=passed[-1] if passed else root)
        finally:
            while passed:
                _go_back(passed)

    def _beneath(self, target: bytes) -> bytes:
        """Return the part of a link's absolute target beneath this directory."""
        for path in (self._path, os.path.realpath(self._path)):
            root = path.rstrip(b"/") + b"/"
            if (target + b"/").startswith(root):
                return target[len(root) :]
        raise OutsideRoot


def open_beside(directory: int, name: bytes) -> int:
    """Open for reading, without waiting, what is known to be a regular file in an open directory.

    Raises:
        OSError: it can't be opened, or a link has taken its place.
    """
    return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=directory)


def _path(names: Sequence[bytes]) -> bytes:
    path = b"/".join(names) or b"."
    if b"\0" in path or b"" in names or path.count(b"/") >= max(len(names), 1):
        raise FileNotFoundError(errno.ENOENT, "no file has such a name")
    return path


def _go_back(passed: list[int]) -> None:
    if not passed:
        raise OutsideRoot
    os.close(passed.pop())


def _link_target(name: bytes, directory: int) -> bytes | None:
    """Where a symbolic link leads; None if there is something else, or nothing."""
    if name not in (b"", b"."):
        with suppress(OSError):
            return os.readlink(name, dir_fd=directory)
    return None


def _not_regular(status: os.stat_result) -> OSError:
    if stat.S_ISDIR(status.st_mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return FileNotFoundError(errno.ENOENT, "this is neither a file nor a directory")


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


# From linux/openat2.h; the call has this number on every architecture but Alpha.
_OPENAT2 = 437
_NO_MAGICLINKS, _BENEATH = 0x02, 0x08
# The call is missing or denied by a sandbox, the path leaves the directory or seems to, or something was
# moved meanwhile, or a signal came.
_WALK = frozenset((errno.ENOSYS, errno.EPERM, errno.EXDEV, errno.EAGAIN, errno.EINTR))


def _looks_regular(root: int, path: bytes) -> bool:
    """Return True if a regular file seems to be there, so that opening it disturbs nobody; opening decides."""
    try:
        return stat.S_ISREG(os.stat(path, dir_fd=root, follow_symlinks=False).st_mode)
    except OSError:
        return False


@lru_cache
def _openat2(flags: int) -> Callable[[int, bytes], int]:
    """openat2 with all that is always the same, which takes longer to put together than the call.

    It returns a descriptor; what is negative has left an error number.
    """
    how = _OpenHow(flags, 0, _BENEATH | _NO_MAGICLINKS)
    number, size = ctypes.c_long(_OPENAT2), ctypes.c_size_t(ctypes.sizeof(how))
    syscall, reference = ctypes.CDLL(None, use_errno=True).syscall, ctypes.byref(how)

    def call(root: int, path: bytes) -> int:
        descriptor: int = syscall(number, root, path, reference, size)
        return descriptor

    return call
