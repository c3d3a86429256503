"""Open files beneath a directory, and none elsewhere.

Why this is hard: a check of where a path leads and the opening of that path are two steps, and in between a
symbolic link can take the place of a directory. So this module never opens a path that it has checked
before. There are two ways. Either the kernel resolves the path and refuses to leave the directory meanwhile
(openat2, Linux 5.6). Or this module opens name by name, each in the directory that is open already, without
following links; it reads a link's target and walks that in the same way, and ``..`` goes back to the
directory before.

The second way serves systems without openat2, and links with an absolute target, which the kernel refuses
even if they lead back inside.
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

# For fstat only: opening does not wait, and the other end of a FIFO does not notice.
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_CLOEXEC
_PASS = _LOOK | os.O_DIRECTORY
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class OutsideRoot(PermissionError):
    """The path leads out of the directory that is served."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the path leads out of the directory that is served")


class OpenFile(NamedTuple):
    """An open regular file, and its status when it was opened."""

    descriptor: int
    status: os.stat_result


class Root:
    """The directory that a path leads to at the moment of each call. The path itself is trusted.

    Names are any octets; ``.`` and ``..`` have their usual meaning. Every method may raise FileNotFoundError,
    NotADirectoryError, PermissionError (`OutsideRoot` is one), and OSError for a name that is too long and for
    too many links.

    Args:
        path: of the directory.
        by_kernel: True if the kernel resolves paths where it can; False to walk all paths here.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, by_kernel: bool = sys.platform == "linux"
    ) -> None:
        self._path = os.path.abspath(os.fsencode(path))
        self._by_kernel = by_kernel

    def check(self) -> None:
        """Raise the error with the directory itself, if there is one."""
        os.close(os.open(self._path, _PASS))

    def open_file(self, names: Sequence[bytes]) -> OpenFile:
        """Open a regular file for reading; never wait for the other end of a FIFO or a device.

        Raises:
            IsADirectoryError: the names lead to a directory.
            FileNotFoundError: the names lead to nothing, or to neither a file nor a directory.
        """
        return self.open_files(names)[0]

    def open_files(
        self, names: Sequence[bytes], suffixes: Sequence[bytes] = ()
    ) -> tuple[OpenFile, list[OpenFile | None]]:
        """Open a regular file, and the files beside it whose names have a suffix more.

        Returns:
            The file, and one item for each suffix: None if there is no regular file that can be opened.
        """
        path = _path(names)
        root = os.open(self._path, _PASS)
        try:
            file = self._open_regular(root, path)
            return file, [self._open_if_regular(root, path + suffix) for suffix in suffixes]
        finally:
            os.close(root)

    def status(self, names: Sequence[bytes]) -> os.stat_result:
        """Return the status of a file or directory, following links."""
        path = _path(names)
        root = os.open(self._path, _PASS)
        try:
            return self._status(root, path)
        finally:
            os.close(root)

    @contextmanager
    def opened_directory(self, names: Sequence[bytes] = ()) -> Iterator[int]:
        """Open a directory for as long as the block runs, to list or change its entries."""
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
        """Open a directory to look its entries up; the caller closes the descriptor."""
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
        if not stat.S_ISREG(status.st_mode):  # replaced since the first look
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
        passed: list[int] = []  # the open directories from the root to the current one
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
        """Make a link's absolute target relative to this directory."""
        for path in (self._path, os.path.realpath(self._path)):
            root = path.rstrip(b"/") + b"/"
            if (target + b"/").startswith(root):
                return target[len(root) :]
        raise OutsideRoot


def open_beside(directory: int, name: bytes) -> int:
    """Open a known regular file in an open directory for reading, without waiting.

    Raises:
        OSError: the file can't be opened, or a link has taken its place.
    """
    return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=directory)


def _path(names: Sequence[bytes]) -> bytes:
    path = b"/".join(names) or b"."
    if b"\0" in path or b"" in names or path.count(b"/") >= max(len(names), 1):
        raise FileNotFoundError(errno.ENOENT, "no file can have this name")
    return path


def _go_back(passed: list[int]) -> None:
    if not passed:
        raise OutsideRoot
    os.close(passed.pop())


def _link_target(name: bytes, directory: int) -> bytes | None:
    """Read the target of a symbolic link; None if the name is not a link's."""
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
# Errors after which names are walked one by one: the call is missing or denied by a sandbox, the path leaves
# the directory or seems to, an entry was moved meanwhile, or a signal came.
_WALK = frozenset((errno.ENOSYS, errno.EPERM, errno.EXDEV, errno.EAGAIN, errno.EINTR))


def _looks_regular(root: int, path: bytes) -> bool:
    """Return True if a regular file seems to be there, so that opening it disturbs nobody; opening decides."""
    try:
        return stat.S_ISREG(os.stat(path, dir_fd=root, follow_symlinks=False).st_mode)
    except OSError:
        return False


@lru_cache
def _openat2(flags: int) -> Callable[[int, bytes], int]:
    """Prepare openat2 for some flags; preparing the arguments takes longer than the call itself.

    The function that is returned returns a descriptor, or a negative number if ``ctypes.get_errno()`` has
    the error.
    """
    how = _OpenHow(flags, 0, _BENEATH | _NO_MAGICLINKS)
    number, size = ctypes.c_long(_OPENAT2), ctypes.c_size_t(ctypes.sizeof(how))
    syscall, reference = ctypes.CDLL(None, use_errno=True).syscall, ctypes.byref(how)

    def call(root: int, path: bytes) -> int:
        descriptor: int = syscall(number, root, path, reference, size)
        return descriptor

    return call
