"""The representations that a file has: itself, and those that lie coded beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from hamms_trio.files.answer import Representation
from hamms_trio.files.root import OpenFile, Root
from hamms_trio.wire.fields.codings import IDENTITY, coding_quality
from hamms_trio.wire.fields.conditional import Validators

SUFFIXES = {"br": b".br", "zstd": b".zst", "gzip": b".gz"}

# So many seconds after a change a further one may leave the same time behind: FAT counts by twos.
TIMESTAMP_GRANULARITY = 2.0


class Variant(NamedTuple):
    """A file that can be sent for a resource, and how it is coded."""

    file: OpenFile
    coding: str


def open_variant(root: Root, names: Sequence[bytes], accept_encoding: str | None) -> Variant | None:
    """The variant wanted most, of several the smallest; None if none is acceptable.

    One that is older than the file itself shows what that was, and is passed over.

    Raises:
        OSError: what `Root.open_file` raises of the file itself.
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
    """Of the variants that are acceptable and not the file itself."""
    return [SUFFIXES[coding] for coding in _acceptable(accept_encoding)]


@lru_cache(maxsize=256)
def _acceptable(accept_encoding: str | None) -> list[str]:
    return [coding for coding in SUFFIXES if coding_quality(accept_encoding, coding)]


def _rank(file: OpenFile, coding: str, accept_encoding: str | None) -> tuple[float, int]:
    return coding_quality(accept_encoding, coding), -file.status.st_size


def representation(
    variant: Variant, content_type: str, *, now: float, vary: str | None = None
) -> Representation:
    """Return the representation of a variant."""
    status = variant.file.status
    valid = validators(status, variant.coding, now=now)
    return _representation(status.st_size, variant.coding, content_type, valid, vary)


# A function of what it is given and nothing else, so what it remembers is never out of date.
@lru_cache(maxsize=1024)
def _representation(
    octets: int, coding: str, content_type: str, valid: Validators, vary: str | None
) -> Representation:
    return Representation(
        octets=octets,
        content_type=content_type,
        validators=valid,
        fields=() if coding == IDENTITY else (("Content-Encoding", coding),),
        vary=vary,
    )


def validators(status: os.stat_result, coding: str = IDENTITY, *, now: float) -> Validators:
    """Return the validators that tell a file's states from each other (RFC 9110 §8.8).

    The entity tag is strong, unless the file may still change without its times showing it. Nobody can
    set the time of the last change, and a file put in another's place has its own. A weak tag is never
    the same as the strong one later, so that what came with it is not taken for current for long.
    """
    opaque = f"{status.st_mtime_ns:x}-{status.st_ctime_ns:x}-{status.st_size:x}"
    if coding != IDENTITY:
        opaque += f"-{coding}"
    settled = now - status.st_ctime >= TIMESTAMP_GRANULARITY
    etag = f'"{opaque}"' if settled else f'W/"{opaque}-fresh"'
    # No later than the response itself (RFC 9110 §8.8.2.1).
    return Validators(etag, max(0, min(int(status.st_mtime), int(now))))
