"""The variants of a file: the file itself, and the coded files beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from hamms_trio.files.disk.root import OpenFile, Root
from hamms_trio.files.representation.answer import Representation
from hamms_trio.wire.fields.codings import IDENTITY, coding_quality
from hamms_trio.wire.fields.conditional import Validators

SUFFIXES = {"br": b".br", "zstd": b".zst", "gzip": b".gz"}

# Seconds after a change in which a further change may leave the same time: FAT counts in steps of two.
TIMESTAMP_GRANULARITY = 2.0


class Variant(NamedTuple):
    """A file that can be sent for a resource, and its content coding."""

    file: OpenFile
    coding: str


def open_variant(root: Root, names: Sequence[bytes], accept_encoding: str | None) -> Variant | None:
    """Open the variant that the client prefers, and the smallest of equals; None if none is acceptable.

    A coded file that is older than the file itself is out of date and is skipped.

    Raises:
        OSError: the file itself can't be opened (see `Root.open_file`).
    """
    others = _acceptable(accept_encoding)
    original, found = root.open_files(names, acceptable_suffixes(accept_encoding))
    chosen, rank = Variant(original, IDENTITY), _rank(original, IDENTITY, accept_encoding)
    for coding, beside in zip(others, found, strict=True):
        if beside is None:
            continue
        fresh = int(beside.status.st_mtime) >= int(original.status.st_mtime)
        if fresh and (its := _rank(beside, coding, accept_encoding)) > rank:
            chosen, rank, beside = Variant(beside, coding), its, chosen.file
        os.close(beside.descriptor)
    if rank[0]:
        return chosen
    os.close(chosen.file.descriptor)
    return None


@lru_cache(maxsize=256)
def acceptable_suffixes(accept_encoding: str | None) -> list[bytes]:
    """List the suffixes of the coded files that are acceptable."""
    return [SUFFIXES[coding] for coding in _acceptable(accept_encoding)]


@lru_cache(maxsize=256)
def _acceptable(accept_encoding: str | None) -> list[str]:
    return [coding for coding in SUFFIXES if coding_quality(accept_encoding, coding)]


def _rank(file: OpenFile, coding: str, accept_encoding: str | None) -> tuple[float, int]:
    return coding_quality(accept_encoding, coding), -file.status.st_size


def representation(
    variant: Variant, content_type: str, *, now: float, vary: str | None = None
) -> Representation:
    """Describe a variant as a representation."""
    status = variant.file.status
    valid = validators(status, variant.coding, now=now)
    return Representation(
        octets=status.st_size,
        content_type=content_type,
        validators=valid,
        fields=() if variant.coding == IDENTITY else (("Content-Encoding", variant.coding),),
        vary=vary,
    )


def validators(status: os.stat_result, coding: str = IDENTITY, *, now: float) -> Validators:
    """Make the validators of a file's present state (RFC 9110 §8.8).

    The entity tag is strong, unless the file is so fresh that a further change might leave its times as they
    are. The tag contains the time of the last status change, which no program can set; a file that replaces
    another one has its own. The weak tag of a fresh file never equals the strong tag that follows, so a cache
    does not keep an answer with a weak tag for long.
    """
    opaque = f"{status.st_mtime_ns:x}-{status.st_ctime_ns:x}-{status.st_size:x}"
    if coding != IDENTITY:
        opaque += f"-{coding}"
    settled = now - status.st_ctime >= TIMESTAMP_GRANULARITY
    etag = f'"{opaque}"' if settled else f'W/"{opaque}-fresh"'
    # No later than the response itself (RFC 9110 §8.8.2.1).
    return Validators(etag, max(0, min(int(status.st_mtime), int(now))))
