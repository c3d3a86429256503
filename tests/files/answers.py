"""Requests for files, and the octets of their answers."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hamms_trio.files import FileAnswer, FileTree
from hamms_trio.wire.fields.dates import imf_fixdate
from hamms_trio.wire.http1.request import RequestHead, parse_head

LONG_AGO = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
MODIFIED = imf_fixdate(LONG_AGO)
CONTENT = b"0123456789"  # of file.txt in the fixture `tree`


def request(path: str, *fields: str, method: str = "GET") -> RequestHead:
    lines = (f"{method} {path} HTTP/1.1", "Host: a", *fields)
    return parse_head("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n")


@dataclass
class Received:
    """An answer in the form in which a client receives it."""

    status: int
    fields: dict[str, str]
    content: bytes
    content_length: int | None
    from_file: bool  # True if a part is sent from the file

    def __getitem__(self, field: str) -> str:
        return self.fields[field]


def received(answer: FileAnswer) -> Received:
    """Read the whole of an answer and close it."""
    with closing(answer):
        fields = dict(answer.fields)
        assert len(fields) == len(answer.fields)
        octets = [
            part if isinstance(part, bytes) else os.pread(part.descriptor, part.octets, part.offset)
            for part in answer.parts
        ]
        from_file = not all(isinstance(part, bytes) for part in answer.parts)
        content = b"".join(octets)
        return Received(answer.status, fields, content, answer.content_length, from_file)


def ask(tree: FileTree, path: str, *fields: str, method: str = "GET") -> Received:
    return received(tree.answer(request(path, *fields, method=method)))


def etag_of(tree: FileTree, path: str, *fields: str) -> str:
    """Return the entity tag of a file."""
    return ask(tree, path, *fields)["ETag"]


def settled() -> float:
    """Return a time by which no file has changed for an hour."""
    return time.time() + 3600


def make(path: Path, content: bytes = b"", *, modified: int = LONG_AGO) -> Path:
    """Make a file and its directories, with old times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified, modified))
    return path


def wait_for_another_time(directory: Path) -> None:
    """Touch a file until the file system notes a later time than before."""
    probe = directory / "probe"
    probe.touch()
    before = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == before:
        probe.touch()
