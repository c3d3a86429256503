"""A cache of files that were sent before: a check that they are unchanged costs less than a new lookup.

Why this is hard: a cache hit must never differ from a new lookup, and the system reports no changes. So every use
checks, and age decides nothing. The directory is opened again beneath the root, the file again in it, and the
identity of each must be as it was. An unchanged directory shows that none of its entries was added, removed or
replaced, so only the known files are looked at. Small files are read again as well: a program that writes to a
memory mapping (mmap) leaves the file's times unchanged for seconds, or forever.

An identity reveals a change only if a later change would get another time (see `TIMESTAMP_GRANULARITY`), so nothing
is cached before all its times are that old. A link has its times elsewhere, so no link is cached. No descriptor is
kept, because it would hold the space of a removed file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from operator import attrgetter
from threading import Lock
from typing import NamedTuple

from hamms_trio.files.disk.root import Root, open_beside
from hamms_trio.files.representation.answer import (
    READ_AT_ONCE,
    FileAnswer,
    Representation,
    Slice,
    Source,
    read_if_in_memory,
    represent,
)
from hamms_trio.files.representation.variants import SUFFIXES, TIMESTAMP_GRANULARITY, Variant

REMEMBERED_OCTETS = 8 * 1024 * 1024
_MOST_SIGHTINGS = 4096
_BESIDES = 4096  # octets of an entry besides its content and its key, a high estimate

Key = tuple[tuple[bytes, ...], str | None]  # the names of a file, and Accept-Encoding

_identity: attrgetter[tuple[int, ...]] = attrgetter(
    "st_dev", "st_ino", "st_mode", "st_size", "st_mtime_ns", "st_ctime_ns"
)


class Surroundings(NamedTuple):
    """The recorded state of a directory, and of its entries with a file's name, with or without a suffix.

    Attributes:
        names: of the directory.
        itself: the directory's identity.
        files: the identities of the entries, by name.
    """

    names: tuple[bytes, ...]
    itself: tuple[int, ...]
    files: Mapping[bytes, tuple[int, ...]]


def look_around(
    root: Root, names: Sequence[bytes], suffixes: Sequence[bytes], *, now: float
) -> Surroundings | None:
    """Return the surroundings of a file; None if they can't be remembered.

    Raises:
        OSError: what `Root.open_directory` raises.
    """
    *within, name = names
    files = {}
    directory = root.open_directory(within)
    try:
        itself = os.fstat(directory)
        if not _is_settled(itself, now):
            return None
        for suffix in (b"", *suffixes):
            try:
                status = os.stat(name + suffix, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISLNK(status.st_mode) or not _is_settled(status, now):
                return None
            files[name + suffix] = _identity(status)
    finally:
        os.close(directory)
    return Surroundings(tuple(within), _identity(itself), files)


def _is_settled(status: os.stat_result, now: float) -> bool:
    return max(status.st_mtime, status.st_ctime) + TIMESTAMP_GRANULARITY <= now


class Remembered:
    """A cached file, and the representation that is sent for it.

    Attributes:
        octets: of a small file.
    """

    __slots__ = (
        "_found",
        "_name",
        "_others",
        "_since",
        "_surroundings",
        "_whole",
        "octets",
        "shown",
    )

    def __init__(
        self,
        surroundings: Surroundings,
        name: bytes,
        shown: Representation,
        octets: bytes | None,
        *,
        now: float,
    ) -> None:
        self._surroundings = surroundings
        self._name = name
        self._found = surroundings.files[name]
        self._others = [item for item in surroundings.files.items() if item[0] != name]
        self._since = now
        self.shown = shown
        self.octets = octets
        self._whole: FileAnswer | None = None
        if octets is not None:
            self._whole = represent("GET", {}, shown, octets, now=now)

    def open_again(self, root: Root, *, now: float) -> Source | None:
        """Return the octets, or a large file's descriptor, if a fresh look would find the same; None otherwise."""
        if now < self._since:  # by such a clock the times may not be settled
            return None
        surroundings = self._surroundings
        try:
            directory = root.open_directory(surroundings.names)
            try:
                if _identity(os.fstat(directory)) != surroundings.itself:
                    return None
                for name, was in self._others:
                    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                    if _identity(status) != was:
                        return None
                descriptor = open_beside(directory, self._name)
            finally:
                os.close(directory)
        except OSError:
            return None
        return self._check(descriptor)

    def answer(self, source: Source) -> FileAnswer:
        """Answer GET without conditions and ranges, from the source that `open_again` has returned."""
        if isinstance(source, bytes):
            assert self._whole is not None
            return self._whole
        shown = self.shown
        return FileAnswer(
            200,
            shown.about,
            (Slice(source, 0, shown.octets),),
            content_length=shown.octets,
            descriptor=source,
        )

    def _check(self, descriptor: int) -> Source | None:
        octets, keeps = self.octets, False
        try:
            if _identity(os.fstat(descriptor)) != self._found:
                return None
            if octets is None:
                keeps = True
                return descriptor
            now_read = read_if_in_memory(descriptor, 0, self.shown.octets)
            return octets if now_read == octets else None
        except OSError:
            return None
        finally:
            if not keeps:
                os.close(descriptor)


def remember(
    surroundings: Surroundings, name: bytes, variant: Variant, shown: Representation, *, now: float
) -> Remembered | None:
    """Return the memory of an open variant and its representation, and close the variant; None without any.

    Args:
        name: the last one that was asked for.
        surroundings: from before it was opened.
    """
    name += SUFFIXES.get(variant.coding, b"")
    descriptor, status = variant.file
    try:
        if surroundings.files.get(name) != _identity(status):
            return None
        octets = None
        if shown.octets <= READ_AT_ONCE:
            octets = read_if_in_memory(descriptor, 0, shown.octets)
            if len(octets) < shown.octets:
                return None
    finally:
        os.close(descriptor)
    return Remembered(surroundings, name, shown, octets, now=now)


class FileMemory:
    """The cache of one tree's files; several threads may use it.

    A full cache is emptied, since files in demand are cached again at once.

    Args:
        octets: the approximate limit of the cache's size.
    """

    def __init__(self, octets: int = REMEMBERED_OCTETS) -> None:
        self._most = octets
        self._taken = 0
        self._files: dict[Key, Remembered] = {}
        # The time from which a file may be cached, by the key's hash.
        self._due: dict[int, float] = {}
        self._lock = Lock()
        self.get = self._files.get

    def __len__(self) -> int:
        return len(self._files)

    @property
    def octets(self) -> int:
        """The approximate size of the cache in octets."""
        return self._taken

    def is_due(self, key: Key, now: float) -> bool:
        """Return True if this file was requested before, and is worth remembering; note this request."""
        fingerprint = hash(key)
        due = self._due.get(fingerprint)
        if due is not None:
            return due <= now
        self._postpone(fingerprint, now)
        return False

    def postpone(self, key: Key, now: float) -> None:
        """Postpone the caching of a file that was changed lately, or is a link."""
        self._postpone(hash(key), now + TIMESTAMP_GRANULARITY)

    def _postpone(self, fingerprint: int, due: float) -> None:
        if len(self._due) >= _MOST_SIGHTINGS:
            self._due.clear()
        self._due[fingerprint] = due

    def keep(self, key: Key, file: Remembered) -> None:
        taken = _octets(key, file)
        with self._lock:
            self._drop(key)
            if self._taken + taken > self._most:
                self._files.clear()
                self._taken = 0
            if taken <= self._most:
                self._files[key] = file
                self._taken += taken

    def forget(self, key: Key) -> None:
        with self._lock:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        file = self._files.pop(key, None)
        if file is not None:
            self._taken -= _octets(key, file)


def _octets(key: Key, file: Remembered) -> int:
    names, accept_encoding = key
    asked = sum(map(len, names)) + len(accept_encoding or "")
    return _BESIDES + 2 * asked + len(file.octets or b"")
