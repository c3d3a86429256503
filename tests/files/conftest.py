"""Directories as a server may find them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hamms_trio.files import FileTree, Root
from tests.files.answers import CONTENT, make, settled

NOBODY = 65534


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A directory to serve, with a secret beside it."""
    (tmp_path / "secret.txt").write_bytes(b"the secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file.txt").write_bytes(b"the secret")
    (tmp_path / "served-too").mkdir()  # a name that begins with the served directory's
    (tmp_path / "served-too" / "file.txt").write_bytes(b"the secret")
    directory = tmp_path / "served"
    directory.mkdir()
    return directory


@pytest.fixture
def tree(served: Path) -> FileTree:
    """The directory with some files, beneath /static/."""
    make(served / "file.txt", CONTENT)
    make(served / "empty")
    make(served / "with-index" / "index.html", b"<p>index")
    make(served / "plain" / "x.bin", b"x")
    return FileTree(root=Root(served), prefix="/static/", clock=settled)


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    for directory in (path, *path.glob("*/")):
        directory.chmod(0o755)
    shutil.rmtree(path)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run the block as a user to whom permissions apply."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
