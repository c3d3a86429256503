"""Fetch the page's libraries from npm, or check that those in the tree are unchanged (``--check``).

Each file is taken as its authors publish it. Two things are changed: a bare import becomes a relative one, because
a browser has no resolver, and uPlot's script gets an export, because it publishes no small module.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parent.parent / "hamms_trio" / "workbench" / "web" / "vendor"
MOST_OCTETS = 45 * 1024  # of all scripts together, after gzip
IMPORTS = {
    "preact": "./preact.mjs",
    "preact/hooks": "./hooks.mjs",
    "@preact/signals-core": "./signals-core.mjs",
}
HEAD = """# Libraries of the page

`make vendor` fetches these files again, and `make check` compares them. The bare imports were rewritten to relative
ones, and uPlot's script got an export. The digests are of the files here. Each licence is in `PACKAGE.LICENSE`.

| file | package | version | licence | SHA-256 |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Library:
    """A file of a package on npm, and its name here."""

    package: str
    version: str
    licence: str
    path: str
    name: str
    exported: str = ""


LIBRARIES = (
    Library("preact", "11.2.0", "MIT", "dist/preact.mjs", "preact.mjs"),
    Library("preact", "11.2.0", "MIT", "hooks/dist/hooks.mjs", "hooks.mjs"),
    Library("@preact/signals-core", "1.14.5", "MIT", "dist/signals-core.mjs", "signals-core.mjs"),
    Library("@preact/signals", "2.11.4", "MIT", "dist/signals.mjs", "signals.mjs"),
    Library("htm", "3.1.1", "Apache-2.0", "dist/htm.mjs", "htm.mjs"),
    Library("uplot", "1.6.32", "MIT", "dist/uPlot.iife.min.js", "uplot.mjs", "uPlot"),
    Library("uplot", "1.6.32", "MIT", "dist/uPlot.min.css", "uplot.css"),
)


def main() -> None:
    """Write the files, or compare their digests with the table."""
    if "--check" in sys.argv:
        _check()
        return
    VENDOR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for library in LIBRARIES:
            packed = _packed(library, Path(folder))
            (VENDOR / library.name).write_text(
                _adapted(_member(packed, library.path), library), "utf-8"
            )
            licence = VENDOR / f"{library.package.rpartition('/')[2]}.LICENSE"
            licence.write_text(_member(packed, "LICENSE"), "utf-8")
    (VENDOR / "THIRD_PARTY.md").write_text(_table(), "utf-8")
    _check()


def _packed(library: Library, folder: Path) -> Path:
    """Fetch a package, and return its archive."""
    package = f"{library.package}@{library.version}"
    packed = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
    )
    return folder / packed.stdout.split()[-1]


def _member(packed: Path, path: str) -> str:
    """Return the text of one file of a package."""
    with tarfile.open(packed) as archive:
        member = archive.extractfile(f"package/{path}")
        assert member is not None
        return member.read().decode()


def _adapted(text: str, library: Library) -> str:
    """Return a file's text with its imports rewritten."""
    text = re.sub(r"\n?//# sourceMappingURL=.*\n?", "\n", text)
    text = re.sub(r'(from|import) ?"([^"./][^"]*)"', _relative, text)
    return text + (f"export default {library.exported};\n" if library.exported else "")


def _relative(found: re.Match[str]) -> str:
    return f'{found[1]}"{IMPORTS[found[2]]}"'


def _table() -> str:
    rows = (
        f"| {each.name} | {each.package} | {each.version} | {each.licence} | `{_digest(each)}` |\n"
        for each in LIBRARIES
    )
    return HEAD + "".join(rows)


def _digest(library: Library) -> str:
    return hashlib.sha256((VENDOR / library.name).read_bytes()).hexdigest()


def _check() -> None:
    scripts = [(VENDOR / each.name).read_bytes() for each in LIBRARIES if "css" not in each.name]
    octets = sum(len(gzip.compress(script, 9)) for script in scripts)
    if octets > MOST_OCTETS:
        sys.exit(f"the libraries have {octets} octets after gzip, more than {MOST_OCTETS}")
    if (VENDOR / "THIRD_PARTY.md").read_text("utf-8") != _table():
        sys.exit("a library differs from its digest in THIRD_PARTY.md: run make vendor")
    print(f"{len(LIBRARIES)} files of libraries: {octets} octets of script after gzip")


if __name__ == "__main__":
    main()
