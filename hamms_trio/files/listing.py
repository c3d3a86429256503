"""A directory as a page: links to its directories, and then to its files."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from itertools import islice
from typing import NamedTuple

from hamms_trio.files.disk.root import Root
from hamms_trio.files.path import encode

MAX_ENTRIES = 10_000  # more than anybody reads; listing them takes about 0.1 s

_STYLE = """
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.25rem; overflow-wrap: anywhere }
ul { list-style: none; padding: 0 }
li { display: flex; align-items: baseline; justify-content: space-between; gap: 2rem }
li { border-bottom: 1px solid #8883 }
a { overflow-wrap: anywhere }
small { white-space: nowrap; font-variant-numeric: tabular-nums }
"""
# The page loads nothing, runs nothing and has this style alone, whatever a file's name injects.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<ul>
{items}
</ul>{remark}
</body>
</html>
"""


class DirectoryEntry(NamedTuple):
    """A file or directory in a directory."""

    name: bytes
    octets: int | None  # None for a directory


def entries(root: Root, names: Sequence[bytes]) -> list[DirectoryEntry]:
    """List the files and directories in a directory, without links that lead out of the root.

    The list ends after `MAX_ENTRIES` + 1 entries, which shows that there are too many.
    """
    with root.opened_directory(names) as directory, os.scandir(directory) as found:
        shown = islice(_shown(root, names, found), MAX_ENTRIES + 1)
        return sorted(shown, key=lambda entry: (entry.octets is not None, entry.name))


def _shown(
    root: Root, names: Sequence[bytes], found: Iterator[os.DirEntry[str]]
) -> Iterator[DirectoryEntry]:
    for item in found:
        name = os.fsencode(item.name)
        try:
            link = item.is_symlink()
            status = root.status((*names, name)) if link else item.stat(follow_symlinks=False)
        except OSError:  # removed meanwhile, or a link that leads nowhere or out of the root
            continue
        if stat.S_ISDIR(status.st_mode):
            yield DirectoryEntry(name, None)
        elif stat.S_ISREG(status.st_mode):
            yield DirectoryEntry(name, status.st_size)


def page(names: Sequence[bytes], listed: Sequence[DirectoryEntry]) -> bytes:
    """Write the page that lists a directory."""
    items = ['<li><a href="../">../</a></li>'] if names else []
    items += map(_item, listed[:MAX_ENTRIES])
    more = len(listed) > MAX_ENTRIES
    remark = f"\n<p>Only {MAX_ENTRIES} entries are shown; there are more.</p>" if more else ""
    title = escape("/" + "".join(f"{_readable(name)}/" for name in names))
    return _PAGE.format(title=title, style=_STYLE, items="\n".join(items), remark=remark).encode()


def _item(entry: DirectoryEntry) -> str:
    slash, size = (
        ("/", "") if entry.octets is None else ("", f" <small>{entry.octets:,} bytes</small>")
    )
    name = escape(_readable(entry.name))
    return f'<li><a href="{encode(entry.name)}{slash}"><bdi>{name}{slash}</bdi></a>{size}</li>'


def _readable(name: bytes) -> str:
    """Decode a name for display, with a replacement for every character that can't be shown."""
    text = name.decode("utf-8", "replace")
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
